// What a training step does to the model beside its gradients: dtypes and numbers.
#include <fmt/format.h>

#include <algorithm>

#include "properties/list.h"

namespace dtypefuzz {

void only_conversion_changes_dtypes(const Facts& facts, Say& say) {
  for (const DtypeChange& change : facts.seen.dtype_changes) {
    // Gradients of another dtype after backward, and all that a conversion within a step leads to, are for
    // `gradients_match_their_leaves`: here it is what `to()` itself leaves behind.
    if (change.phase == Phase::step && change.kind == "gradient") continue;
    if (facts.ran_undocumented() && change.phase >= Phase::region) continue;
    const bool belongs = change.kind == "gradient" || change.kind == "state";
    return say.violated(
        {.what = Broken::dtype_changed,
         .phase = change.phase,
         .thing = change.kind,
         .category = stranger(change.wanted, change.now),
         .promised = fmt::format("the {} of {} {} {}", change.kind, change.name,
                                 belongs ? "has the parameter's dtype" : "stays", name_of(change.wanted)),
         .seen = fmt::format("{} after {}", name_of(change.now), to_string(change.phase))});
  }
}

void steps_keep_values_finite(const Facts& facts, Say& say) {
  if (facts.seen.steps.empty()) return say.not_applicable("no step was taken");
  if (facts.plan.fill == Fill::extremes || facts.plan.fill == Fill::limits)
    return say.not_applicable("the numbers are not tame");
  if (numel(facts.plan.input_shape) == 0) return say.not_applicable("there are no numbers");
  if (facts.ran_undocumented()) return say.not_applicable("autocast documents no region of this dtype");
  if (!facts.seen.dtype_changes.empty())
    return say.not_applicable("a dtype changed, and what follows is that change's doing");
  if (!std::ranges::all_of(facts.seen.loaded, &LoadedFacts::equal))
    return say.not_applicable("loading changed the numbers, and what follows is that change's doing");
  for (const StepFacts& step : facts.seen.steps) {
    if (!step.parameters_before || !step.gradients)
      return say.not_applicable("the numbers were not finite before the step");
    if (step.parameters_after) continue;
    return say.violated(
        {.what = Broken::not_finite,
         .category = category_of(step.dtype),
         .promised = fmt::format("finite gradients keep a parameter of {} finite", name_of(step.dtype)),
         .seen = "infinite or NaN after the step"});
  }
}

void conversion_keeps_values(const Facts& facts, Say& say) {
  if (facts.plan.convert == Convert::none && facts.plan.params_dtype == facts.plan.default_dtype)
    return say.not_applicable("nothing is converted");
  for (const ConversionFacts& changed : facts.seen.conversions)
    return say.violated({.what = Broken::conversion_changed,
                         .phase = Phase::convert,
                         .thing = changed.kind,
                         .category = stranger(changed.from, changed.to),
                         .promised = fmt::format("{} in {} is {} cast from {}", changed.name,
                                                 name_of(changed.to), changed.was, name_of(changed.from)),
                         .seen = fmt::format("{}", changed.is)});
}

void arithmetic_agrees_with_float64(const Facts& facts, Say& say) {
  if (facts.seen.arithmetic.empty()) return say.not_applicable("no clipping and no step was compared");
  if (facts.plan.fill == Fill::extremes || facts.plan.fill == Fill::limits)
    return say.not_applicable("the numbers are not tame");
  if (facts.ran_undocumented()) return say.not_applicable("autocast documents no region of this dtype");
  if (!facts.seen.dtype_changes.empty())
    return say.not_applicable("a dtype changed, and what follows is that change's doing");
  const bool spoilt = std::ranges::any_of(facts.seen.steps, [](const StepFacts& step) {
    return step.parameters_before && step.gradients && !step.parameters_after;
  });
  for (const ArithmeticFacts& fact : facts.seen.arithmetic) {
    if (fact.worst <= 1) continue;
    const bool clips = fact.phase == Phase::clip;
    if (!clips && spoilt) return say.not_applicable("the step made infinity or NaN of its numbers");
    return say.violated(
        {.what = Broken::arithmetic,
         .phase = fact.phase,
         .thing = clips ? "gradient" : "parameter",
         .category = category_of(fact.dtype),
         .promised = fmt::format("{} in {} does what it does in float64, but for rounding",
                                 culprit_name(facts.plan, {}, fact.phase), name_of(fact.dtype)),
         .seen = fmt::format("{} instead of {}", fact.got, fact.want)});
  }
}

}  // namespace dtypefuzz
