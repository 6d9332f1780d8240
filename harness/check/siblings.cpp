#include "harness/check/siblings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>

#include "harness/check/lone_layer.h"
#include "harness/run/position.h"
#include "harness/run/run.h"
#include "harness/run/values.h"
#include "properties/property.h"

namespace dtypefuzz {
namespace {

constexpr uint64_t kOneOf = 16;  // layers held against siblings: ten runs for one, beside the case's own
constexpr size_t kMostRemembered = 1 << 18;  // some 10 MB

/// The call's layer with the dtypes that its operands really had, in train on the CPU.
Plan as_received(const Plan& plan, const CallFacts& call) {
  Plan lone = lone_layer(plan, call);
  lone.device = kCpu;
  lone.mode = Mode::train;
  lone.params_dtype = lone.default_dtype;  // what to() did to buffers is not this layer's
  give_dtypes(lone, call.received);
  return lone;
}

Sibling ran(Sibling::Kind kind, Plan plan, Support& support) {
  Sibling sibling{kind, std::move(plan), {}, {}};
  sibling.seen = run(sibling.plan);
  const Expectation promised = expectation_of(sibling.plan, sibling.seen, support);
  sibling.sound = judge(Facts(sibling.plan, promised, sibling.seen)).empty();
  if (!promised.calls.empty()) sibling.promise = promised.calls.front();
  return sibling;
}

}  // namespace

Facts LayerWithSiblings::facts() const {
  Facts facts(plan, promised, seen);
  facts.siblings = siblings;
  facts.values = values;
  facts.sound = sound;
  return facts;
}

bool has_siblings(const Plan& plan, const CallFacts& call) {
  return layer_of(plan, call.culprit) && call.culprit.kind != Culprit::kResidual && !call.mixed_devices &&
         call.iteration == 0 && !(call.autocast && !plan.device->autocast_documents(*call.autocast));
}

LayerWithSiblings run_siblings(const Plan& plan, const CallFacts& call, Support& support) {
  const RunsFor this_layer(call.culprit);
  LayerWithSiblings layer;
  layer.plan = as_received(plan, call);
  layer.seen = run(layer.plan);
  layer.promised = expectation_of(layer.plan, layer.seen, support);
  layer.sound = judge(Facts(layer.plan, layer.promised, layer.seen)).empty();
  for (auto& [kind, its] : siblings_of(layer.plan))
    layer.siblings.push_back(ran(kind, std::move(its), support));
  if (layer.seen.calls.empty()) return layer;

  const Promise& promise = layer.promised.calls.front();
  // One group of operands after another, as a person would.
  std::optional<Plan> next = repaired(layer.plan, layer.seen.calls.front(), promise);
  for (size_t turn = 0; next && turn < call.received.size(); ++turn) {
    layer.siblings.push_back(ran(Sibling::kRepair, std::move(*next), support));
    const Sibling& last = layer.siblings.back();
    next.reset();
    if (!last.seen.calls.empty()) next = repaired(last.plan, last.seen.calls.front(), last.promise);
  }
  if (!layer.seen.calls.front().threw && promise.accepts()) layer.values = compare_values(layer.plan);
  return layer;
}

bool SampledLayers::picks(const Plan& plan, const CallFacts& call) {
  // By the layer alone, so that a campaign finds the same on any number of jobs.
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  std::string key = fmt::format("{}|{}|{}|{}|{}", layer.module, layer.variant, fmt::join(layer.in, ","),
                                static_cast<int>(plan.fill), call.autocast ? name_of(*call.autocast) : "off");
  for (const OperandFacts& operand : call.received) key += name_of(operand.dtype);
  const uint64_t hash = XXH3_64bits(key.data(), key.size());
  if (hash % kOneOf != 0) return false;
  if (met_.size() >= kMostRemembered) met_.clear();
  return met_.insert(hash).second;  // the same layer again would show the same
}

std::vector<std::pair<Sibling::Kind, Plan>> siblings_of(const Plan& base) {
  std::vector<std::pair<Sibling::Kind, Plan>> siblings;
  const auto with = [&](Sibling::Kind kind, const auto& change) {
    siblings.emplace_back(kind, base);
    change(siblings.back().second);
  };
  for (const Mode mode : {Mode::eval, Mode::no_grad, Mode::inference})
    with(Sibling::kMode, [&](Plan& plan) { plan.mode = mode; });
  if (!base.autocast) with(Sibling::kDevice, [](Plan& plan) { plan.device = kMeta; });
  if (base.autocast == Dtype::BFloat16 || base.autocast == Dtype::Half)
    with(Sibling::kAutocast, [&](Plan& plan) {
      // The operands change with the region, so that what was its own dtype is so again.
      const auto swap = [](Dtype dtype) {
        return dtype == Dtype::Half ? Dtype::BFloat16 : dtype == Dtype::BFloat16 ? Dtype::Half : dtype;
      };
      plan.autocast = swap(*plan.autocast);
      plan.params_dtype = swap(plan.params_dtype);
      if (plan.input_dtype) plan.input_dtype = swap(*plan.input_dtype);
      for (auto& [name, dtype] : plan.layers.front().operand_dtypes) dtype = swap(dtype);
      for (InputSpec& input : plan.layers.front().drawn.inputs)
        if (input.dtype) input.dtype = swap(*input.dtype);
    });
  return siblings;
}

std::optional<Plan> repaired(const Plan& plan, const CallFacts& call, const Promise& promise) {
  if (promise.kind != Promise::kRefusesMismatch) return std::nullopt;
  const auto in_group = [&](std::string_view name) {
    return std::any_of(promise.group.begin(), promise.group.end(), [&](auto& o) { return o.name == name; });
  };
  // What is passed is cast to what the module has; a module in two dtypes to that of its first parameter.
  Dtype to = Dtype::Undefined;
  for (const bool held : {true, false})
    for (const OperandFacts& operand : call.received)
      if (to == Dtype::Undefined && (operand.role == Role::parameter) == held && in_group(operand.name) &&
          (c10::isFloatingType(operand.dtype) || c10::isComplexType(operand.dtype)))
        to = operand.dtype;
  if (to == Dtype::Undefined) return std::nullopt;  // nobody computes in integers
  Plan repaired = plan;
  for (OperandFacts operand : call.received)
    if (in_group(operand.name)) {
      operand.dtype = to;
      give_dtype(repaired, operand);
    }
  return repaired;
}

}  // namespace dtypefuzz
