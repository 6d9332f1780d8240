#include "dtypefuzz/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "harness/files/finding_json.h"
#include "harness/isolate/crash.h"
#include "harness/isolate/native_stack.h"
#include "harness/isolate/process.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

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

std::string promise_of_last(const Checked& checked) {
  if (checked.promised.calls.empty()) return {};
  const Promise& promise = checked.promised.calls.back();
  const std::string culprit = culprit_name(checked.plan, checked.seen.calls.back());
  if (promise.accepts()) return culprit + " succeeds";
  if (promise.refuses()) return fmt::format("{} refuses: {}", culprit, promise.reason);
  return fmt::format("nothing of {}: {}", culprit, promise.reason);
}

std::vector<Said> said_by_all(const std::vector<Verdict>& verdicts) {
  std::vector<Said> said;
  for (size_t i = 0; i < verdicts.size(); ++i) {
    std::string text(to_string(verdicts[i].kind));
    if (!verdicts[i].why.empty()) text.append(": ").append(verdicts[i].why);
    said.push_back({std::string(all_properties()[i].name), std::move(text)});
  }
  return said;
}

/// Where the process ended, and with it all that was to be judged.
std::vector<Said> said_of_ending(const Violation& ending) {
  std::vector<Verdict> verdicts;
  for (const Property& property : all_properties())
    verdicts.push_back(property.name == ending.signature.property
                           ? Verdict{Verdict::kViolated}
                           : Verdict{Verdict::kNotApplicable, "the process did not survive"});
  return said_by_all(verdicts);
}

}  // namespace

Isolated check_isolated(const Case& c, const Space& space, const Limits& limits, Strictness strictness,
                        const std::string& onednn_isa) {
  const SharedMemory<Remains> remains;
  Child child = forked([&](int pipe) {
    if (!onednn_isa.empty()) setenv("ONEDNN_MAX_CPU_ISA", onednn_isa.c_str(), /*overwrite=*/1);
    begin_cases(*remains, limits, /*within_backward=*/true);
    Checker checker(strictness);
    std::vector<Verdict> verdicts;
    const Checked checked = check_guarded(checker, plan_of(c, space), Siblings::always, &*remains, &verdicts);
    Json json{{"not_applicable", as_prose(checked.seen.not_applicable)},
              {"outcome", as_prose(outcome_of(checked.plan, checked.seen))},
              {"promise", as_prose(promise_of_last(checked))},
              {"repair", as_prose(checked.repair)},
              {"violations", Json::array()},
              {"said", Json::array()}};
    for (const Violation& v : checked.violations) json["violations"].push_back(to_json(v));
    for (const Said& said : said_by_all(verdicts))
      json["said"].push_back({{"property", said.property}, {"verdict", said.verdict}});
    write_line(pipe, line_of(json));
  });
  const int status = attend(child, *remains, limits.seconds);
  if (status != 0 || child.text.empty()) {
    const Violation v = crash_of(plan_of(c, space), *remains, status);
    return {{v}, {}, v.seen, {}, stack_of(*remains), said_of_ending(v)};
  }
  const Json json = parse_json(child.text);
  const JsonAt told{json, ""};
  Isolated result{
      {}, told.field("not_applicable").prose(), told.field("outcome").prose(), told.field("promise").prose()};
  result.repair = told.field("repair").prose();
  const JsonAt violations = told.field("violations");
  for (size_t i = 0; i < violations.size(); ++i) result.violations.push_back(violation_at(violations[i]));
  const JsonAt said = told.field("said");
  for (size_t i = 0; i < said.size(); ++i)
    result.said.push_back({said[i].field("property").prose(), said[i].field("verdict").prose()});
  return result;
}

}  // namespace dtypefuzz
