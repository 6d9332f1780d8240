#include "harness/check/support.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <set>

#include "harness/check/lone_layer.h"
#include "harness/run/position.h"
#include "harness/run/run.h"
#include "harness/run/stages.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostAnswers = 1 << 18;  // some 10 MB

/// All that an answer depends on.
uint64_t key_of(const Plan& plan, const LayerPlan& layer, const CallFacts& call, Dtype dtype, Phase phase) {
  const std::string text = fmt::format(
      "{}|{}|{}|{}{}|{}|{}|{}|{}|{}", layer.module, variant_of(layer), name_of(dtype), layer.in.size(),
      numel(layer.in) == 0 ? "|empty" : "", to_string(plan.mode), to_string(plan.device),
      call.autocast ? name_of(*call.autocast) : "off", to_string(phase), call.input_requires_grad);
  return XXH3_64bits(text.data(), text.size());
}

/// The call's layer with this dtype everywhere.
Plan consistent_in(const Plan& plan, const CallFacts& call, Dtype dtype) {
  Plan lone = lone_layer(plan, call);
  lone.params_dtype = dtype;
  lone.input_requires_grad = call.input_requires_grad;
  if (c10::isFloatingType(dtype) || c10::isComplexType(dtype)) return lone;
  // `to()` refuses whole numbers for parameters that train, so they get them one by one, as a person would.
  lone.params_dtype = lone.default_dtype;
  lone.input_dtype = dtype;
  for (OperandFacts operand : call.received)
    if (operand.role == Role::parameter || (operand.role == Role::buffer && operand.name != kBatchCounter)) {
      operand.dtype = dtype;
      give_dtype(lone, operand);
    }
  return lone;
}

/// The dtypes of the operands concerned, as the operator sees them and as they came: a region casts an
/// operand or, where it does not, may know no such dtype (torch::cat of the other 16-bit one).
std::set<Dtype> dtypes_of(const Promise& promise, const CallFacts& call) {
  std::set<Dtype> dtypes;
  for (const auto& operand : promise.group) dtypes.insert(operand.dtype);
  if (!call.autocast) return dtypes;
  for (const auto& operand : call.received)
    if (std::ranges::find(promise.group, operand.name, &OperandFacts::name) != promise.group.end())
      dtypes.insert(operand.dtype);
  return dtypes;
}

}  // namespace

bool Support::has(const Plan& plan, const CallFacts& call, Dtype dtype, Phase phase) {
  const uint64_t key = key_of(plan, *layer_of(plan, call.culprit), call, dtype, phase);
  if (const auto known = known_.find(key); known != known_.end()) return known->second;
  if (assume_unsupported_) return false;
  if (known_.size() >= kMostAnswers) known_.clear();
  const RunsFor this_layer(call.culprit);
  const InStage stage(Stage::probe);
  const Observation seen = run_forward(consistent_in(plan, call, dtype));
  // An integral dtype that parameters cannot have is unsupported as well.
  const bool supported = seen.not_applicable.empty() && !seen.error;
  return known_[key] = supported;
}

Expectation expectation_of(const Plan& plan, const Observation& seen, Support& support) {
  Expectation promised;
  promised.calls.reserve(seen.calls.size());
  promised.regions = regions_of(plan, seen);
  // Nothing else is held against what is supported, and each answer is a run.
  const auto told = seen.error ? recognize(seen.error->message) : std::nullopt;
  const bool says_unsupported = told && told->family->kind == MessageKind::unsupported;
  for (const CallFacts& call : seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    const Promise& promise = promised.calls.back();
    if (!says_unsupported || !call.threw || promise.kind != Promise::kRefusesMismatch ||
        call.culprit.kind == Culprit::kResidual)
      continue;
    for (const Dtype dtype : dtypes_of(promise, call))
      promised.supported.emplace_back(dtype, support.has(plan, call, dtype, seen.error->phase));
  }
  return promised;
}

}  // namespace dtypefuzz
