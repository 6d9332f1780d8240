#include "harness/check/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "harness/core/text.h"
#include "harness/run/run.h"
#include "harness/run/stages.h"

namespace dtypefuzz {

namespace {

/// Where several layers of a case have siblings: what is violated by one is, what holds for one and is
/// violated by none holds.
void add(std::vector<Verdict>& verdicts, const std::vector<Verdict>& more) {
  for (size_t i = 0; i < verdicts.size(); ++i)
    if (all_properties()[i].about == Property::kSiblings && more[i].kind >= verdicts[i].kind)
      verdicts[i] = more[i];
}

/// `cast input to float32 (tried: succeeds)`; nothing where no repair was tried.
std::string repair_of(const LayerWithSiblings& layer) {
  const Observation* repair = nullptr;
  for (const Sibling& sibling : layer.siblings)
    if (sibling.kind == Sibling::kRepair && !sibling.seen.calls.empty()) repair = &sibling.seen;
  if (layer.seen.calls.empty() || !repair) return {};
  const Observation& last = *repair;
  std::map<std::string_view, std::vector<std::string_view>> cast;  // by dtype
  for (const OperandFacts& before : layer.seen.calls.front().received)
    for (const OperandFacts& after : last.calls.front().received)
      if (before.name == after.name && before.dtype != after.dtype)
        cast[name_of(after.dtype)].push_back(before.name);
  if (cast.empty()) return {};
  std::string text;
  for (const auto& [dtype, names] : cast)
    text += fmt::format("{}cast {} to {}", text.empty() ? "" : ", ", fmt::join(names, " and "), dtype);
  const std::string message = last.error ? as_text(last.error->message, 120) : "";
  return text + (last.error ? fmt::format(" (tried: {})", message) : " (tried: succeeds)");
}

}  // namespace

Checked Checker::check(Plan plan, Siblings siblings, std::vector<Verdict>* verdicts) {
  const bool compares = siblings == Siblings::always || SampledLayers::picks(plan);
  Observation seen;
  {
    const InStage stage(Stage::observe);
    seen = compares ? run_compared(plan) : run(plan);
  }
  Checked checked = judged(std::move(plan), std::move(seen));
  if (verdicts) *verdicts = judge_all(Facts(checked.plan, checked.promised, checked.seen, strictness_));
  // Without memory nothing else counts.
  if (!checked.violations.empty() && checked.violations.front().severity == Severity::crash) return checked;
  for (const CallFacts& call : checked.seen.calls) {
    if (!has_siblings(checked.plan, call)) continue;
    if (siblings == Siblings::sampled && !sampled_.picks(checked.plan, call)) continue;
    const InStage stage(Stage::sibling);
    const LayerWithSiblings layer =
        run_siblings(checked.plan, call, support_, siblings != Siblings::without_numbers);
    for (Violation& v : judge(layer.facts()))
      if (std::ranges::find(checked.violations, v.signature, &Violation::signature) ==
          checked.violations.end())
        checked.violations.push_back(std::move(v));
    if (verdicts) add(*verdicts, judge_all(layer.facts())), checked.repair = repair_of(layer);
  }
  return checked;
}

Checked Checker::judged(Plan plan, Observation seen) {
  const InStage stage(Stage::judge);
  Checked checked{std::move(plan), std::move(seen), {}, {}};
  checked.promised = expectation_of(checked.plan, checked.seen, support_);
  checked.violations = judge(Facts(checked.plan, checked.promised, checked.seen, strictness_));
  return checked;
}

}  // namespace dtypefuzz
