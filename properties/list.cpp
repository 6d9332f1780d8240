#include "properties/list.h"

#include <algorithm>

namespace dtypefuzz {
namespace {

using enum Property::About;

constexpr Property kProperties[] = {
    {"process_survives", kRun, process_survives,
     "a step succeeds or throws, within the time and the memory that it may take"},
    {"agreeing_dtypes_succeed", kRun, agreeing_dtypes_succeed,
     "operands that agree succeed, or are cleanly refused as unsupported"},
    {"mismatch_is_refused_by_name", kRun, mismatch_is_refused_by_name,
     "operands that disagree are refused in forward by a message that names them"},
    {"refusal_is_early", kRun, refusal_is_early, "no refusal comes in backward, unscale or step"},
    {"output_dtype_is_as_promised", kRun, output_dtype_is_as_promised,
     "every output has the dtype that is promised"},
    {"gradients_match_their_leaves", kRun, gradients_match_their_leaves,
     "every leaf that the graph reaches has a gradient of its own dtype"},
    {"refusal_leaves_no_trace", kRun, refusal_leaves_no_trace, "what throws changes nothing"},
    {"calls_change_what_they_document", kRun, calls_change_what_they_document,
     "what succeeds changes nothing but what it documents"},
    {"autocast_state_is_restored", kRun, autocast_state_is_restored,
     "autocast's state is put back, and undocumented regions act as off"},
    {"loading_preserves_values", kRun, loading_preserves_values,
     "a checkpoint of another dtype is refused by name or keeps its values"},
    {"only_conversion_changes_dtypes", kRun, only_conversion_changes_dtypes,
     "nothing but to(dtype) changes a dtype, and what belongs to a parameter has the parameter's"},
    {"steps_keep_values_finite", kRun, steps_keep_values_finite,
     "tame finite numbers stay finite through a step"},
    {"conversion_keeps_values", kRun, conversion_keeps_values,
     "what is converted has the numbers that it had, cast"},
    {"arithmetic_agrees_with_float64", kRun, arithmetic_agrees_with_float64,
     "clipping and steps do what they do in float64, but for rounding"},
    {"modes_agree", kSiblings, modes_agree,
     "train, eval, no_grad and inference accept alike and give the same dtype"},
    {"devices_agree", kSiblings, devices_agree, "cpu and meta accept alike and give the same dtype"},
    {"autocast_dtypes_agree", kSiblings, autocast_dtypes_agree,
     "what bfloat16 autocast accepts float16 autocast accepts"},
    {"what_siblings_take_is_taken", kSiblings, what_siblings_take_is_taken,
     "no region, option, number of dimensions or documented dtype takes a dtype away"},
    {"values_agree_with_float64", kSiblings, values_agree_with_float64,
     "results are those of float64 within the dtype's own bound"},
    {"gradients_agree_with_float64", kSiblings, gradients_agree_with_float64,
     "gradients are those of float64 within the dtype's own bound"},
    {"suggested_repair_works", kSiblings, suggested_repair_works,
     "the cast that a refusal suggests makes the case succeed"},
};
constexpr const Property& kSurvives = kProperties[0];

/// Lets each property speak that the facts are about; `heard` gets what it says.
template <class Heard>
std::vector<Violation> ask_all(const Facts& facts, Heard&& heard) {
  std::vector<Violation> violations;
  std::string_view silent = {};
  if (!facts.seen.not_applicable.empty()) silent = "the run could not be set up";
  const auto about = facts.siblings.empty() ? kRun : kSiblings;
  for (const Property& property : kProperties) {
    Say say(property, facts, violations);
    if (!silent.empty())
      say.not_applicable(silent);
    else if (property.about != about)
      say.not_applicable(about == kRun ? "no sibling ran" : "is asked of the whole run");
    else
      property.judge(facts, say);
    heard(say.verdict());
    if (&property == &kSurvives && !violations.empty()) silent = "the process did not survive";
  }
  return violations;
}

}  // namespace

std::span<const Property> all_properties() {
  return kProperties;
}

std::string_view to_string(Verdict::Kind kind) {
  constexpr std::string_view kNames[] = {"not applicable", "holds", "violated"};
  return kNames[static_cast<size_t>(kind)];
}

void Say::violated(Breach&& breach) {
  verdict_ = {Verdict::kViolated};
  Violation violation = violation_of(property_.name, facts_, std::move(breach));
  // Several iterations repeat themselves.
  if (std::ranges::none_of(out_, [&](auto& known) { return known.signature == violation.signature; }))
    out_.push_back(std::move(violation));
}

std::vector<Violation> judge(const Facts& facts) {
  return ask_all(facts, [](const Verdict&) {});
}

std::vector<Verdict> judge_all(const Facts& facts) {
  std::vector<Verdict> verdicts;
  ask_all(facts, [&](const Verdict& verdict) { verdicts.push_back(verdict); });
  return verdicts;
}

}  // namespace dtypefuzz
