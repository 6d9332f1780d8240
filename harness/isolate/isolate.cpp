#include "harness/isolate/isolate.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/isolate/native_stack.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json to_json(const Violation& v) {
  return {{"signature", to_string(v.signature)},
          {"severity", static_cast<int>(v.severity)},
          {"promised", v.promised},
          {"seen", v.seen}};
}

Violation violation_of(const Json& j) {
  return {.signature = parse_signature(j.at("signature").get<std::string>()),
          .severity = static_cast<Severity>(j.at("severity").get<int>()),
          .promised = j.at("promised"),
          .seen = j.at("seen")};
}

Json to_json(const Candidate& c) {
  Json json = to_json(c.violation);
  json["index"] = c.place.index;
  json["order"] = c.place.order;
  json["case"] = print_case({c.body, {}, {}, {}});
  json["stack"] = c.stack;
  return json;
}

Candidate candidate_of(const Json& j) {
  return {{j.at("index"), j.at("order")},
          violation_of(j),
          parse_case(j.at("case").get<std::string>()).body,
          j.at("stack")};
}

Json to_json(const Finding& f) {
  Json json = to_json(f.violation);
  json["layers"] = f.layers;
  json["case"] = print_case({f.minimized, {}, {}, {}});
  json["stack"] = f.stack;
  json["observed"] = f.observed;
  return json;
}

Finding finding_of(const Json& j) {
  return {violation_of(j), parse_case(j.at("case").get<std::string>()).body, j.at("layers"), j.at("stack"),
          j.at("observed")};
}

std::string outcome_of(const Plan& plan, const Observation& seen) {
  if (!seen.error) {
    if (seen.calls.empty() || seen.calls.back().given.empty()) return "succeeded";
    return fmt::format("succeeded{}, gave {}", seen.backward_ran ? " with backward" : "",
                       name_of(seen.calls.back().given.front()));
  }
  const ErrorFacts& error = *seen.error;
  const auto known = recognize(error.message);
  const std::string_view how = !known                                            ? "failed"
                               : known->family->kind == MessageKind::mismatch    ? "refused by name"
                               : known->family->kind == MessageKind::unsupported ? "refused as unsupported"
                                                                                 : "refused";
  return fmt::format("{} in {} by {}: {}", how, to_string(error.phase),
                     culprit_name(plan, error.culprit, error.phase),
                     error.message.substr(0, std::min<size_t>(error.message.find('\n'), 200)));
}

/// Small in one process, which is fast; nothing where that process ends or does not show the violation. What
/// ended it is noted in `also`.
std::optional<Finding> minimized_in_one_process(const Candidate& candidate, const Space& whole,
                                                const Limits& limits, Strictness strictness,
                                                std::vector<Candidate>& also) {
  const SharedMemory<Slot> slot;
  Child child = forked([&](int pipe) {
    begin_cases(slot->remains, limits, false);
    Hunt hunt(whole, strictness, {}, &slot->remains);
    const auto entering = [&](const Case& step) {
      if (grown_large()) _exit(1);  // no step is blamed for what those before it have left
      slot->enter(step);
    };
    if (const auto finding = hunt.minimized(candidate.body, candidate.violation, entering))
      write_line(pipe, text_of(to_json(*finding)));
  });
  const int status = attend(child, slot->remains, limits.seconds);
  if (slot->remains.since > 0) {
    Reading step = reading_of(slot->in_flight(), whole);
    also.push_back({{candidate.place.index, candidate.place.order + 1000},
                    crash_of(step.plan, slot->remains, status),
                    std::move(step.body),
                    stack_of(slot->remains)});
    return std::nullopt;
  }
  if (status != 0 || child.text.empty()) return std::nullopt;
  return finding_of(Json::parse(child.text));
}

/// Small with a process for each step; as it is where a fresh process does not show the violation.
Finding minimized_step_by_step(const Candidate& candidate, const Space& whole, const Limits& limits,
                               Strictness strictness) {
  Finding finding{candidate.violation, candidate.body, 0, candidate.stack};
  const Signature& signature = candidate.violation.signature;
  const auto shows = [&](const Reading& step) {
    return check_isolated(step.body, whole, limits, strictness).violations;
  };
  const auto shown = shows(reading_of(candidate.body, whole));
  if (std::any_of(shown.begin(), shown.end(), [&](const Violation& v) { return v.signature == signature; }))
    finding.minimized = minimize(candidate.body, whole, finding.violation, shows);
  finding.layers = size_of(finding.minimized, whole).layers;
  return finding;
}

/// Three runs, and what each shows; whether all show the finding.
bool repeats(Finding& finding, const Space& whole, const Limits& limits, Strictness strictness) {
  finding.observed.clear();
  bool all = true;
  for (int run = 0; run < 3; ++run) {
    const Isolated isolated = check_isolated(finding.minimized, whole, limits, strictness);
    const auto it = std::find_if(isolated.violations.begin(), isolated.violations.end(),
                                 [&](const auto& v) { return v.signature == finding.violation.signature; });
    all = all && it != isolated.violations.end();
    if (it != isolated.violations.end() && it->severity == Severity::crash) finding.stack = isolated.stack;
    std::vector<std::string> shown;
    for (const auto& v : isolated.violations) shown.push_back(to_string(v.signature));
    finding.observed.push_back(
        fmt::format("{}; {}", shown.empty() ? "holds" : fmt::format("{}", fmt::join(shown, " ")),
                    isolated.not_applicable.empty() ? isolated.outcome : isolated.not_applicable));
  }
  if (all) finding.observed.clear();
  return all;
}

}  // namespace

std::string to_line(const Candidate& c) {
  return text_of(to_json(c));
}

Candidate candidate_from(const std::string& line) {
  return candidate_of(Json::parse(line));
}

std::string to_line(const Inquired& i) {
  Json json{
      {"finding", to_json(i.finding)}, {"known", i.known}, {"repeats", i.repeats}, {"also", Json::array()}};
  for (const Candidate& c : i.also) json["also"].push_back(to_json(c));
  return text_of(json);
}

Inquired inquired_from(const std::string& line) {
  const Json json = Json::parse(line);
  Inquired inquired{finding_of(json.at("finding")), json.at("known"), json.at("repeats"), {}};
  for (const auto& c : json.at("also")) inquired.also.push_back(candidate_of(c));
  return inquired;
}

Isolated check_isolated(const Case& c, const Space& space, const Limits& limits, Strictness strictness,
                        const std::string& onednn_isa) {
  const SharedMemory<Remains> remains;
  Child child = forked([&](int pipe) {
    if (!onednn_isa.empty()) setenv("ONEDNN_MAX_CPU_ISA", onednn_isa.c_str(), /*overwrite=*/1);
    begin_cases(*remains, limits, /*within_backward=*/true);
    Hunt hunt(space, strictness, {}, &*remains);
    const Checked checked = hunt.check(plan_of(c, space));
    Json json{{"not_applicable", checked.seen.not_applicable},
              {"outcome", outcome_of(checked.plan, checked.seen)},
              {"violations", Json::array()}};
    for (const Violation& v : checked.violations) json["violations"].push_back(to_json(v));
    write_line(pipe, text_of(json));
  });
  const int status = attend(child, *remains, limits.seconds);
  if (status != 0 || child.text.empty()) {
    const Violation v = crash_of(plan_of(c, space), *remains, status);
    return {{v}, {}, v.seen, stack_of(*remains)};
  }
  const Json json = Json::parse(child.text);
  Isolated result{{}, json.at("not_applicable"), json.at("outcome")};
  for (const auto& v : json.at("violations")) result.violations.push_back(violation_of(v));
  return result;
}

Inquired inquire(const Candidate& candidate, const Space& whole, const std::set<std::string>& known,
                 const Limits& limits, Strictness strictness) {
  Inquired result;
  const bool survived = candidate.violation.severity != Severity::crash;
  std::optional<Finding> quickly;
  if (survived) quickly = minimized_in_one_process(candidate, whole, limits, strictness, result.also);
  // A step that hangs tells so a good deal sooner than it is given; the runs that count get all their time.
  Limits steps = limits;
  if (candidate.violation.signature.family == "hang")
    steps.seconds = std::min(limits.seconds, std::max(1.0, limits.seconds / 5));
  result.finding =
      quickly ? std::move(*quickly) : minimized_step_by_step(candidate, whole, steps, strictness);
  result.known = known.contains(to_string(result.finding.violation.signature));
  if (result.known) return result;
  result.repeats = repeats(result.finding, whole, limits, strictness);
  if (result.repeats || (!quickly && steps.seconds == limits.seconds)) return result;
  // Small by what one process had gathered, or by haste: once more, with care.
  Finding again = minimized_step_by_step(candidate, whole, limits, strictness);
  if (repeats(again, whole, limits, strictness)) {
    result.finding = std::move(again);
    result.known = known.contains(to_string(result.finding.violation.signature));
    result.repeats = true;
  }
  return result;
}

}  // namespace dtypefuzz
