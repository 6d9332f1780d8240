// What a training step does to the model beside its gradients: dtypes and numbers.
#include <fmt/format.h>

#include "properties/violation.h"

namespace dtypefuzz {

void only_conversion_changes_dtypes(const Plan& plan, const Expectation& promised, const Observation& seen,
                                    Strictness, std::vector<Violation>& out) {
  for (const DtypeChange& change : seen.dtype_changes) {
    // A gradient of another dtype after backward, and all that a conversion within a step leads to, is
    // property 5's: here it is what `to()` itself leaves behind.
    if (change.phase == Phase::step && change.kind == "gradient") continue;
    if (promised.ran_undocumented() && change.phase >= Phase::region) continue;
    const bool belongs = change.kind == "gradient" || change.kind == "state";
    out.push_back(violation(
        "only_conversion_changes_dtypes", plan, Severity::wrong_bits, {}, change.phase, "changed",
        {change.kind, std::string(to_string(std::max(category_of(change.wanted), category_of(change.now))))},
        std::nullopt,
        fmt::format("the {} of {} {} {}", change.kind, change.name,
                    belongs ? "has the parameter's dtype" : "stays", name_of(change.wanted)),
        fmt::format("{} after {}", name_of(change.now), to_string(change.phase))));
    return;
  }
}

void steps_keep_values_finite(const Plan& plan, const Expectation& promised, const Observation& seen,
                              Strictness, std::vector<Violation>& out) {
  const bool empty = numel(plan.input_shape) == 0;
  if (plan.fill == Fill::extremes || empty || promised.ran_undocumented()) return;
  // A step on gradients or state of another dtype follows from what gave them that.
  if (!seen.dtype_changes.empty()) return;
  for (const StepFacts& step : seen.steps) {
    if (!step.parameters_before || !step.gradients) return;  // not this step's doing
    if (step.parameters_after) continue;
    out.push_back(
        violation("steps_keep_values_finite", plan, Severity::wrong_bits, {}, Phase::step, "not_finite",
                  {"parameter", std::string(to_string(category_of(step.dtype)))}, std::nullopt,
                  fmt::format("finite gradients keep a parameter of {} finite", name_of(step.dtype)),
                  "infinite or NaN after the step"));
    return;
  }
}

}  // namespace dtypefuzz
