#include "harness/check/check.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <set>

#include "harness/run/run.h"
#include "properties/relations.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostRemembered = 1 << 18;  // answers about support; some 10 MB

/// The call's layer by itself, in the call's region.
Plan alone(const Plan& plan, const CallFacts& call) {
  Plan result;
  result.device = plan.device;
  result.mode = plan.mode;
  result.default_dtype = plan.default_dtype;
  result.params_dtype = plan.params_dtype;
  result.fill = plan.fill;
  result.autocast = call.autocast;
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  result.input_shape = layer.in;
  result.layers = {layer};
  LayerPlan& only = result.layers.front();
  only.autocast = {};
  only.container = -1;
  only.reuse = only.residual = 0;
  return result;
}

/// The same with the dtypes that the call's operands really had, in train on the CPU.
Plan alone_as_received(const Plan& plan, const CallFacts& call) {
  Plan result = alone(plan, call);
  result.device = kCpu;
  result.mode = Mode::train;
  result.params_dtype = result.default_dtype;  // what to() did to buffers is not this layer's
  LayerPlan& layer = result.layers.front();
  layer.operand_dtypes.clear();
  bool first = true;
  for (const OperandFacts& operand : call.received) {
    const bool natural = operand.role == Role::buffer &&
                         (category_of(operand.dtype) == Category::integral || operand.name == kBatchCounter);
    if (operand.role != Role::input) {
      if (natural) continue;
      const bool convertible = c10::isFloatingType(operand.dtype) || c10::isComplexType(operand.dtype);
      if (first && convertible) result.params_dtype = operand.dtype, first = false;
      if (operand.dtype != result.params_dtype)
        layer.operand_dtypes.emplace_back(operand.name, operand.dtype);
    } else if (operand.name == layer.input_name) {
      result.input_dtype = operand.dtype;
    } else {
      for (InputSpec& input : layer.drawn.inputs)
        if (input.name == operand.name) input.dtype = operand.dtype;
    }
  }
  return result;
}

/// What ends the outermost region round a layer, and with it autocast's cache: the step where the whole of it
/// runs in one, else the outermost container that has one, else the layer itself.
std::string_view outermost_region(const Plan& plan, const LayerPlan& layer) {
  if (plan.autocast) return "";
  for (const Container& container : plan.containers)  // outer ones come first
    if (container.autocast.kind != Region::kSame && layer.path.starts_with(container.path + "."))
      return container.path;
  return layer.path;
}

std::vector<RegionKind> regions_of(const Plan& plan, const Observation& seen) {
  std::vector<RegionKind> regions(seen.calls.size(), RegionKind::documented);
  std::map<std::tuple<int, std::string_view, int>, Dtype> cast_first;
  for (size_t i = 0; i < seen.calls.size(); ++i) {
    const CallFacts& call = seen.calls[i];
    if (!call.autocast) continue;
    const auto cached = [](const OperandFacts& operand) {
      return operand.role == Role::parameter && operand.dtype == Dtype::Float;
    };
    if (call.culprit.kind == Culprit::kLayer &&
        std::any_of(call.received.begin(), call.received.end(), cached)) {
      const LayerPlan& layer = *layer_of(plan, call.culprit);
      const bool warmed = plan.warmup != Warmup::none && call.iteration == 0;
      const auto first =
          cast_first
              .try_emplace({call.iteration, outermost_region(plan, layer), call.culprit.layer - layer.reuse},
                           warmed ? *plan.autocast : *call.autocast)
              .first;
      if (first->second != *call.autocast) regions[i] = RegionKind::after_another;
    }
    if (!plan.device->autocast_documents(*call.autocast)) regions[i] = RegionKind::undocumented;
  }
  return regions;
}

uint64_t hash_of(std::string_view text) {
  return XXH3_64bits(text.data(), text.size());
}

bool sound(std::span<const Violation> violations) {
  return violations.empty();
}

}  // namespace

Checked Checker::check(const Case& c, Siblings siblings) {
  return check(plan_of(c), siblings);
}

Checked Checker::check(Plan plan, Siblings siblings) {
  Observation seen = run(plan);
  Checked checked = judged(std::move(plan), std::move(seen));
  for (const CallFacts& call : checked.seen.calls) {
    const LayerPlan* layer = layer_of(checked.plan, call.culprit);
    if (!layer || call.culprit.kind == Culprit::kResidual || call.mixed_devices || call.iteration > 0)
      continue;
    if (call.autocast && !checked.plan.device->autocast_documents(*call.autocast)) continue;
    if (siblings == Siblings::always || is_picked(checked.plan, *layer, call))
      relate(checked.plan, call, checked.violations);
  }
  return checked;
}

Checked Checker::judged(Plan plan, Observation seen) {
  Checked checked{std::move(plan), std::move(seen), {}, {}};
  checked.promised = expectation_of(checked.plan, checked.seen);
  checked.violations = judge(checked.plan, checked.promised, checked.seen, strictness_);
  return checked;
}

bool Checker::is_picked(const Plan& plan, const LayerPlan& layer, const CallFacts& call) {
  std::string key = fmt::format("{}|{}|{}|{}|{}", layer.module, layer.variant, fmt::join(layer.in, ","),
                                static_cast<int>(plan.fill), call.autocast ? name_of(*call.autocast) : "off");
  for (const OperandFacts& operand : call.received) key += name_of(operand.dtype);
  const uint64_t hash = hash_of(key);
  if (hash % 16 != 0) return false;
  if (layers_related_.size() >= kMostRemembered) layers_related_.clear();
  return layers_related_.insert(hash).second;  // the same layer again would show the same
}

void Checker::relate(const Plan& plan, const CallFacts& call, std::vector<Violation>& violations) {
  const RunsFor this_layer(call.culprit);
  const auto observed = [&](Kin kin, Plan its) {
    Related related{kin, std::move(its), {}, {}};
    related.seen = run(related.plan);
    const Expectation promised = expectation_of(related.plan, related.seen);
    related.sound = sound(judge(related.plan, promised, related.seen, {}));
    if (!promised.calls.empty()) related.promise = promised.calls.front();
    return related;
  };
  const Related base = observed(Kin::mode, alone_as_received(plan, call));
  std::vector<Related> related;
  for (auto& [kin, its] : relatives_of(base.plan)) related.push_back(observed(kin, std::move(its)));
  // One group of operands after another, as a person would.
  std::optional<Plan> next;
  if (!base.seen.calls.empty()) next = repaired(base.plan, base.seen.calls.front(), base.promise);
  for (size_t turn = 0; next && turn < call.received.size(); ++turn) {
    related.push_back(observed(Kin::repair, std::move(*next)));
    const Related& last = related.back();
    next.reset();
    if (!last.seen.calls.empty()) next = repaired(last.plan, last.seen.calls.front(), last.promise);
  }
  const auto values =
      base.seen.calls.empty() || base.seen.calls.front().threw || base.promise.kind != Promise::kAccepts
          ? std::vector<ValueFacts>{}
          : compare_values(base.plan);
  for (Violation& v : judge_relations(base, related, values))
    if (std::none_of(violations.begin(), violations.end(),
                     [&](auto& known) { return known.signature == v.signature; }))
      violations.push_back(std::move(v));
}

Expectation Checker::expectation_of(const Plan& plan, const Observation& seen) {
  Expectation promised;
  promised.calls.reserve(seen.calls.size());
  promised.regions = regions_of(plan, seen);
  for (const CallFacts& call : seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    const Promise& promise = promised.calls.back();
    if (!call.threw || promise.kind != Promise::kRefusesMismatch || call.culprit.kind == Culprit::kResidual)
      continue;
    // As the operator sees them, and as they came: a region casts an operand or, where it does not, may know
    // no such dtype (torch::cat of the other 16-bit one).
    std::set<Dtype> dtypes;
    for (const auto& operand : promise.group) dtypes.insert(operand.dtype);
    if (call.autocast)
      for (const auto& operand : call.received)
        if (std::any_of(promise.group.begin(), promise.group.end(),
                        [&](auto& o) { return o.name == operand.name; }))
          dtypes.insert(operand.dtype);
    for (const Dtype dtype : dtypes)
      promised.supported.emplace_back(dtype, supports(plan, call, dtype, seen.error->phase));
  }
  return promised;
}

bool Checker::supports(const Plan& plan, const CallFacts& call, Dtype dtype, Phase phase) {
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  const uint64_t key = hash_of(fmt::format(
      "{}|{}|{}|{}{}|{}|{}|{}|{}|{}", layer.module, layer.variant, name_of(dtype), layer.in.size(),
      numel(layer.in) == 0 ? "|empty" : "", to_string(plan.mode), to_string(plan.device),
      call.autocast ? name_of(*call.autocast) : "off", to_string(phase), call.input_requires_grad));
  if (const auto known = supported_.find(key); known != supported_.end()) return known->second;
  if (assume_unsupported_) return false;
  if (supported_.size() >= kMostRemembered) supported_.clear();
  Plan probe = alone(plan, call);
  probe.params_dtype = dtype;
  probe.input_requires_grad = call.input_requires_grad;
  LayerPlan& only = probe.layers.front();
  only.operand_dtypes.clear();
  for (InputSpec& input : only.drawn.inputs) input.dtype.reset();
  // `to()` refuses whole numbers for parameters that train, so they get them one by one, as a person would.
  if (!c10::isFloatingType(dtype) && !c10::isComplexType(dtype)) {
    probe.params_dtype = probe.default_dtype;
    probe.input_dtype = dtype;
    for (const OperandFacts& operand : call.received)
      if (operand.role == Role::parameter || (operand.role == Role::buffer && operand.name != kBatchCounter))
        only.operand_dtypes.emplace_back(operand.name, dtype);
  }
  const RunsFor this_layer(call.culprit);
  const Observation seen = run(probe);
  // Up to the phase asked about; an integral dtype that parameters cannot have is unsupported as well.
  const bool supported = seen.not_applicable.empty() && (!seen.error || seen.error->phase > Phase::forward);
  return supported_[key] = supported;
}

}  // namespace dtypefuzz
