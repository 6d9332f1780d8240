#include "harness/campaign/inquiry.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "dtypefuzz/check.h"
#include "harness/blame/inspect.h"
#include "harness/files/finding_json.h"
#include "harness/isolate/batch.h"
#include "harness/isolate/crash.h"
#include "harness/isolate/in_flight.h"
#include "harness/isolate/native_stack.h"

namespace dtypefuzz {
namespace {

/// Places of what is met on the way stand behind those of the case itself.
constexpr uint64_t kOnTheWay = 1000;

const Violation* shown_as(const Signature& signature, const std::vector<Violation>& violations) {
  const auto at = std::ranges::find(violations, signature, &Violation::signature);
  return at == violations.end() ? nullptr : &*at;
}

/// Small in one process, which is fast; nothing where that process ends or does not show the violation. What
/// ended it is noted in `also`.
std::optional<Finding> minimized_in_one_process(const Candidate& candidate, const Space& whole,
                                                const Limits& limits, Strictness strictness,
                                                std::vector<Candidate>& also) {
  struct Step {
    Remains remains;
    InFlight in_flight;
  };
  const SharedMemory<Step> step;
  Child child = forked([&](int pipe) {
    begin_cases(step->remains, limits);
    Checker checker(strictness);
    const auto small = minimized(candidate.finding, whole, [&](const Reading& reading) {
      if (grown_large()) _exit(1);  // no step is blamed for what those before it have left
      step->in_flight.enter(reading.body);
      return check_guarded(checker, Plan(reading.plan), Siblings::always, &step->remains).violations;
    });
    if (small) write_line(pipe, line_of(to_json(*small)));
  });
  const int status = attend(child, step->remains, limits.seconds);
  if (step->remains.since > 0) {
    Reading last = reading_of(step->in_flight.body(), whole);
    also.push_back({{candidate.place.index, candidate.place.order + kOnTheWay},
                    {.violation = crash_of(last.plan, step->remains, status),
                     .body = std::move(last.body),
                     .stack = stack_of(step->remains)}});
    return std::nullopt;
  }
  if (status != 0 || child.text.empty()) return std::nullopt;
  const auto json = parse_json(child.text);
  return finding_at({json, ""});
}

/// Small with a process for each step; as it is where a fresh process does not show the violation.
Finding minimized_step_by_step(const Finding& finding, const Space& whole, const Limits& limits,
                               Strictness strictness) {
  const auto small = minimized(finding, whole, [&](const Reading& step) {
    return check_isolated(step.body, whole, limits, strictness).violations;
  });
  return small.value_or(finding);
}

/// Finds what a finding is to be blamed on, and where that is, unless it is known.
void blame(Finding& finding, const Space& whole, const KnownFaults& known, const Limits& limits,
           Strictness strictness) {
  const auto seen = inspect_isolated(
      finding.body, whole, limits, strictness,
      [&](const Signature& signature) { return signature == finding.violation.signature; },
      [&](const Cause& cause) { return !known.has_cause(cause); }, {}, 1);
  if (!seen.empty()) finding.cause = seen.front().cause, finding.where = seen.front().where;
}

/// Three runs, and what each shows; whether all show the finding.
bool repeats(Finding& finding, const Space& whole, const Limits& limits, Strictness strictness) {
  finding.observed.clear();
  bool all = true;
  for (int run = 0; run < 3; ++run) {
    const Isolated isolated = check_isolated(finding.body, whole, limits, strictness);
    const Violation* shown = shown_as(finding.violation.signature, isolated.violations);
    all = all && shown;
    if (shown && shown->severity == Severity::crash) finding.stack = isolated.stack;
    std::vector<std::string> signatures;
    for (const auto& v : isolated.violations) signatures.push_back(to_string(v.signature));
    finding.observed.push_back(
        fmt::format("{}; {}", signatures.empty() ? "holds" : fmt::format("{}", fmt::join(signatures, " ")),
                    isolated.not_applicable.empty() ? isolated.outcome : isolated.not_applicable));
  }
  if (all) finding.observed.clear();
  return all;
}

}  // namespace

std::optional<Finding> minimized(const Finding& finding, const Space& whole, const Shows& shows) {
  const auto violations = shows(reading_of(finding.body, whole));
  const Violation* shown = shown_as(finding.violation.signature, violations);
  if (!shown) return std::nullopt;
  Finding small = finding;
  small.violation = *shown;
  small.body = minimize(finding.body, whole, small.violation, shows);
  return small;
}

Inquired inquire(const Candidate& candidate, const Space& whole, const KnownFaults& known,
                 const Limits& limits, Strictness strictness) {
  Inquired result;
  const Violation& violation = candidate.finding.violation;
  std::optional<Finding> quickly;
  if (violation.severity != Severity::crash)
    quickly = minimized_in_one_process(candidate, whole, limits, strictness, result.also);
  // A step that hangs tells so a good deal sooner than it is given; the runs that count get all their time.
  Limits steps = limits;
  if (violation.signature.family == "hang")
    steps.seconds = std::min(limits.seconds, std::max(1.0, limits.seconds / 5));
  const auto is_known = [&](Finding& finding) {
    blame(finding, whole, known, limits, strictness);
    return known.standing_of(finding.violation.signature, finding.cause) == Standing::known;
  };
  result.finding =
      quickly ? std::move(*quickly) : minimized_step_by_step(candidate.finding, whole, steps, strictness);
  if (is_known(result.finding)) {
    result.standing = Standing::known;
    return result;
  }
  if (repeats(result.finding, whole, limits, strictness)) {
    result.standing = Standing::fresh;
    return result;
  }
  if (!quickly && steps.seconds == limits.seconds) return result;
  // Small by what one process had gathered, or by haste: once more, with care.
  Finding again = minimized_step_by_step(candidate.finding, whole, limits, strictness);
  if (repeats(again, whole, limits, strictness)) {
    result.finding = std::move(again);
    result.standing = is_known(result.finding) ? Standing::known : Standing::fresh;
  }
  return result;
}

std::vector<std::pair<Cause, Place>> causes_of(const std::vector<const Candidate*>& candidates,
                                               const Space& whole, const Limits& limits,
                                               Strictness strictness) {
  const auto nowhere = [](const Cause&) { return false; };
  const auto wanted_of = [](const Candidate& candidate) {
    return [&](const Signature& signature) { return signature == candidate.finding.violation.signature; };
  };
  const auto looked = in_batches(candidates.size(), {.limits = limits}, [&](size_t i) -> std::string {
    const Candidate& candidate = *candidates[i];
    if (candidate.finding.violation.severity == Severity::crash) return "";
    const auto seen = inspect(candidate.finding.body, whole, strictness, wanted_of(candidate), nowhere, 1);
    return seen.empty() ? "" : to_string(seen.front().cause);
  });
  std::vector<std::pair<Cause, Place>> causes;
  for (size_t i = 0; i < candidates.size(); ++i) {
    const Candidate& candidate = *candidates[i];
    if (looked[i] && !looked[i]->empty()) {
      causes.emplace_back(parse_cause(*looked[i]), candidate.place);
      continue;
    }
    const auto seen = inspect_isolated(candidate.finding.body, whole, limits, strictness,
                                       wanted_of(candidate), nowhere, {}, 1);
    if (!seen.empty()) causes.emplace_back(seen.front().cause, candidate.place);
  }
  return causes;
}

Child inquiry_into(const Candidate& candidate, const Space& whole, const KnownFaults& known,
                   const Limits& limits, Strictness strictness) {
  return forked([&](int pipe) {
    const Inquired inquired = inquire(candidate, whole, known, limits, strictness);
    nlohmann::json json{{"finding", to_json(inquired.finding)},
                        {"standing", to_string(inquired.standing)},
                        {"also", nlohmann::json::array()}};
    for (const Candidate& other : inquired.also) json["also"].push_back(to_json(other));
    write_line(pipe, line_of(json));
  });
}

Inquired inquired_from(const std::string& text) {
  const auto json = parse_json(text);
  const JsonAt told{json, ""};
  Inquired inquired{finding_at(told.field("finding")), standing_at(told.field("standing")), {}};
  const JsonAt also = told.field("also");
  for (size_t i = 0; i < also.size(); ++i) inquired.also.push_back(candidate_at(also[i]));
  return inquired;
}

}  // namespace dtypefuzz
