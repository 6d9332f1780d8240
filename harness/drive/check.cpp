#include "harness/drive/check.h"

#include <fmt/format.h>

#include <set>

#include "harness/run/run.h"

namespace dtypefuzz {

Checked Checker::check(const Case& c) {
  return check(plan_of(c));
}

Checked Checker::check(Plan plan) {
  Observation seen = run(plan);
  return judged(std::move(plan), std::move(seen));
}

Checked Checker::judged(Plan plan, Observation observed) {
  Checked checked{std::move(plan), std::move(observed), {}, {}};
  const Observation& seen = checked.seen;
  Expectation& promised = checked.promised;
  promised.calls.reserve(seen.calls.size());
  for (const CallFacts& call : seen.calls) {
    promised.calls.push_back(promise_for(checked.plan, call));
    promised.undocumented_region.push_back(call.autocast &&
                                           !autocast_documents(checked.plan.device, *call.autocast));
    const Promise& promise = promised.calls.back();
    if (!call.threw || promise.kind != Promise::kRefusesMismatch || call.culprit.kind == Culprit::kResidual)
      continue;
    std::set<Dtype> dtypes;
    for (const auto& operand : promise.group) dtypes.insert(operand.dtype);
    for (const Dtype dtype : dtypes)
      promised.supported.emplace_back(dtype, supports(checked.plan, call, dtype, seen.error->phase));
  }
  checked.violations = judge(checked.plan, promised, seen, strictness_);
  return checked;
}

bool Checker::supports(const Plan& plan, const CallFacts& call, Dtype dtype, Phase phase) {
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  auto key = fmt::format("{}|{}|{}|{}|{}|{}|{}|{}", layer.module, layer.variant, name_of(dtype),
                         layer.in.size(), to_string(plan.mode), to_string(plan.device),
                         call.autocast ? name_of(*call.autocast) : "off", to_string(phase));
  if (const auto known = supported_.find(key); known != supported_.end()) return known->second;
  if (assume_unsupported_) return false;
  Plan probe;
  probe.device = plan.device;
  probe.mode = plan.mode;
  probe.default_dtype = plan.default_dtype;
  probe.params_dtype = dtype;
  probe.autocast = call.autocast;
  probe.input_shape = layer.in;
  probe.layers = {layer};
  LayerPlan& alone = probe.layers.front();
  alone.operand_dtypes.clear();
  alone.autocast = {};
  alone.container = -1;
  alone.reuse = alone.residual = 0;
  for (InputSpec& input : alone.drawn.inputs) input.dtype.reset();
  const Observation seen = run(probe);
  // Up to the phase asked about; an integral dtype that parameters cannot have is unsupported as well.
  const bool supported = seen.not_applicable.empty() && (!seen.error || seen.error->phase > Phase::forward);
  return supported_[key] = supported;
}

}  // namespace dtypefuzz
