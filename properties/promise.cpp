#include "properties/promise.h"

#include <fmt/format.h>

#include <algorithm>

namespace dtypefuzz {
namespace {

AutocastPolicy policy_on(const Contract& contract, Device device) {
  switch (device->autocast_lists) {
    case AutocastLists::cpu:
      return contract.autocast_cpu;
    case AutocastLists::cuda:
      return contract.autocast_cuda;
    case AutocastLists::own:
      return AutocastPolicy::unspecified;
    case AutocastLists::none:
      break;
  }
  return AutocastPolicy::leave;
}

bool is_parameter_like(const OperandFacts& operand) {
  const Category category = category_of(operand.dtype);
  return operand.role != Role::input &&
         !(operand.role == Role::buffer && (category == Category::integral || category == Category::boolean));
}

/// The named operands that are there; `*` expands.
std::vector<OperandFacts> members(const std::vector<std::string_view>& names,
                                  std::span<const OperandFacts> operands) {
  std::vector<OperandFacts> found;
  for (const auto name : names)
    for (const auto& operand : operands)
      if (operand.name == name || (name == "*" && is_parameter_like(operand))) found.push_back(operand);
  return found;
}

Dtype output_dtype(const OutputRule& rule, const Contract& contract, const Received& effective) {
  switch (rule.kind) {
    case OutputRule::kSameAs:
      return effective.dtype_of(rule.operand);
    case OutputRule::kPromoted:
      return result_type_of(members(contract.promotes, effective.operands)).value_or(Dtype::Undefined);
    case OutputRule::kFixed:
      return rule.dtype;
    case OutputRule::kFloatOf:
    case OutputRule::kSameFloat: {
      const Dtype dtype = effective.dtype_of(rule.operand);
      const Category category = category_of(dtype);
      if (category != Category::integral && category != Category::boolean) return dtype;
      return rule.kind == OutputRule::kFloatOf ? effective.default_dtype : Dtype::Undefined;
    }
    case OutputRule::kUnspecified:
      break;
  }
  return Dtype::Undefined;
}

Promise accepts(const Contract& contract, const Received& effective, const OutputRule& first) {
  Promise promise{.kind = Promise::kAccepts};
  promise.outputs.push_back(output_dtype(first, contract, effective));
  for (const auto& rule : contract.more_outputs)
    promise.outputs.push_back(output_dtype(rule, contract, effective));
  return promise;
}

/// Which of a group's operands that disagree with its first is to blame: where some of them are an allowed
/// mix, the one without which they would be (statistics in float32 for a bfloat16 input, and one of them
/// integral); else the first.
const OperandFacts& stranger_among(const Contract& contract, const Received& effective,
                                   std::span<const OperandFacts> group) {
  std::vector<const OperandFacts*> differing;
  for (const auto& operand : group)
    if (operand.dtype != group.front().dtype) differing.push_back(&operand);
  if (differing.size() < 2 || contract.special.empty()) return *differing.front();
  std::vector<OperandFacts> repaired(effective.operands.begin(), effective.operands.end());
  Received other = effective;
  other.operands = repaired;
  for (const auto* suspect : differing) {
    const auto at =
        std::find_if(repaired.begin(), repaired.end(), [&](auto& o) { return o.name == suspect->name; });
    for (const auto* like : differing) {
      at->dtype = like == suspect ? group.front().dtype : like->dtype;
      for (const auto& special : contract.special)
        if (special.says == SpecialCase::kAccepted && special.applies(other)) return *suspect;
    }
    at->dtype = suspect->dtype;
  }
  return *differing.front();
}

// The rules, in the order in which they are asked; each gives a promise or leaves it to the next one.
// `received` is what came, `effective` the same as the operator sees it, after the region's casts.

using Given = std::optional<Promise>;

Given quantized_and_packed_dtypes_are_unspecified(const Contract&, const Received& received,
                                                  const Received&) {
  // Before autocast's casts: it takes float4 for a floating dtype.
  for (const auto& operand : received.operands)
    if (category_of(operand.dtype) == Category::other)
      return Promise{
          .reason =
              "nothing is said of what modules do with quantized, packed, bits and sub-byte dtypes: "
              "https://pytorch.org/docs/stable/tensor_attributes.html#torch-dtype"};
  return std::nullopt;
}

Given special_cases_come_first(const Contract& contract, const Received&, const Received& effective) {
  for (const auto& special : contract.special)
    if (special.applies(effective))
      return special.says == SpecialCase::kAccepted ? accepts(contract, effective, special.output)
                                                    : Promise{.reason = std::string(special.source)};
  return std::nullopt;
}

Given categories_that_are_not_taken_are_refused(const Contract& contract, const Received&,
                                                const Received& effective) {
  for (const auto& rule : contract.takes)
    if (const auto* operand = effective.find(rule.operand); operand && !rule.has(operand->dtype))
      return Promise{.kind = Promise::kRefusesCategory,
                     .first = operand->name,
                     .category = category_of(operand->dtype),
                     // All, since others may disagree as well, and either error is legal then.
                     .group = {effective.operands.begin(), effective.operands.end()},
                     .reason = fmt::format("{} is {}", operand->name, name_of(operand->dtype))};
  return std::nullopt;
}

Given groups_share_a_dtype(const Contract& contract, const Received&, const Received& effective) {
  for (const auto& names : contract.share_a_dtype) {
    const auto group = members(names, effective.operands);
    const auto agrees = [&](const OperandFacts& o) { return o.dtype == group.front().dtype; };
    if (std::all_of(group.begin(), group.end(), agrees)) continue;
    if (!contract.mixes_unspecified.empty())
      return Promise{.reason = std::string(contract.mixes_unspecified)};
    const OperandFacts& operand = stranger_among(contract, effective, group);
    return Promise{.kind = Promise::kRefusesMismatch,
                   .first = group.front().name,
                   .second = operand.name,
                   .category = stranger(group.front().dtype, operand.dtype),
                   .group = group,
                   .reason = fmt::format("{} is {}, {} is {}", group.front().name,
                                         name_of(group.front().dtype), operand.name, name_of(operand.dtype))};
  }
  return std::nullopt;
}

Given what_has_no_result_type_is_unspecified(const Contract& contract, const Received&,
                                             const Received& effective) {
  if (contract.promotes.empty()) return std::nullopt;
  const auto group = members(contract.promotes, effective.operands);
  if (!group.empty() && !result_type_of(group))
    return Promise{.reason = "no result type is defined for these dtypes"};
  const bool mixed = std::any_of(group.begin(), group.end(),
                                 [&](const OperandFacts& o) { return o.dtype != group.front().dtype; });
  if (mixed && !contract.mixes_unspecified.empty())
    return Promise{.reason = std::string(contract.mixes_unspecified)};
  return std::nullopt;
}

Given everything_else_is_accepted(const Contract& contract, const Received&, const Received& effective) {
  return accepts(contract, effective, contract.output);
}

constexpr Given (*kPromiseRules[])(const Contract&, const Received&, const Received&) = {
    quantized_and_packed_dtypes_are_unspecified, special_cases_come_first,
    categories_that_are_not_taken_are_refused,   groups_share_a_dtype,
    what_has_no_result_type_is_unspecified,      everything_else_is_accepted,
};

}  // namespace

Category stranger(Dtype a, Dtype b) {
  return std::max(category_of(a), category_of(b));
}

std::optional<std::vector<OperandFacts>> effective_operands(const Contract& contract,
                                                            const Received& received) {
  std::vector<OperandFacts> seen(received.operands.begin(), received.operands.end());
  if (!received.autocast) return seen;
  const auto cast_all = [&](Dtype to) {
    for (auto& operand : seen)
      if (autocast_casts(operand.dtype)) operand.dtype = to;
  };
  switch (policy_on(contract, received.device)) {
    case AutocastPolicy::leave:
      break;
    case AutocastPolicy::lower_precision:
      cast_all(*received.autocast);
      break;
    case AutocastPolicy::float32:
      cast_all(Dtype::Float);
      break;
    case AutocastPolicy::promote: {
      Dtype widest = *received.autocast;
      for (const auto& operand : seen)
        if (operand.dtype == Dtype::Float || operand.dtype == Dtype::Double) widest = Dtype::Float;
      cast_all(widest);
      break;
    }
    case AutocastPolicy::by_parts:
      break;
    case AutocastPolicy::refused:
    case AutocastPolicy::unspecified:
      return std::nullopt;
  }
  return seen;
}

/// In a region, what is made of parts takes all that it takes without one.
Promise promise_by_parts(Promise without) {
  if (without.kind == Promise::kRefusesCategory) return without;
  if (!without.accepts()) return {.reason = "which mixes its parts take in a region is not documented"};
  without.outputs = {Dtype::Undefined};
  return without;
}

Promise promise_of(const Contract& contract, const Received& received) {
  const auto operands = effective_operands(contract, received);
  if (!operands) return {.reason = "the contract leaves autocast unspecified"};
  Received effective = received;
  effective.operands = *operands;
  const bool by_parts = received.autocast && policy_on(contract, received.device) == AutocastPolicy::by_parts;
  for (const auto& rule : kPromiseRules)
    if (auto promise = rule(contract, received, effective))
      return by_parts ? promise_by_parts(std::move(*promise)) : std::move(*promise);
  return {};
}

const Contract& residual_contract() {
  static const Contract contract{.source = "https://pytorch.org/docs/stable/generated/torch.add.html",
                                 .promotes = {"input", "residual"},
                                 .output = promoted()};
  return contract;
}

const LayerPlan* layer_of(const Plan& plan, const Culprit& culprit) {
  if (culprit.kind == Culprit::kLoss) return plan.loss ? &*plan.loss : nullptr;
  if (culprit.kind == Culprit::kStage || culprit.layer < 0 ||
      culprit.layer >= static_cast<int>(plan.layers.size()))
    return nullptr;
  return &plan.layers[static_cast<size_t>(culprit.layer)];
}

const Contract& contract_of(const Plan& plan, const CallFacts& call) {
  return call.culprit.kind == Culprit::kResidual ? residual_contract()
                                                 : *layer_of(plan, call.culprit)->contract;
}

Received received_by(const Plan& plan, const CallFacts& call) {
  Received received{.operands = call.received,
                    .autocast = call.autocast,
                    .device = plan.device,
                    .default_dtype = plan.default_dtype,
                    .train = plan.mode == Mode::train};
  if (received.autocast && !plan.device->autocast_documents(*received.autocast)) received.autocast.reset();
  return received;
}

std::optional<Dtype> agreeing_dtype(const Plan& plan, const CallFacts& call) {
  const LayerPlan* layer = call.culprit.kind == Culprit::kResidual ? nullptr : layer_of(plan, call.culprit);
  std::optional<Dtype> common;
  for (const OperandFacts& operand : call.received) {
    if (operand.name == kBatchCounter) continue;
    std::optional<Dtype> natural;
    if (layer && operand.role == Role::input) {
      if (operand.name == layer->input_name) natural = layer->input_natural;
      for (const InputSpec& input : layer->drawn.inputs)
        if (input.name == operand.name) natural = input.natural;
    }
    if (natural == operand.dtype) continue;
    if (layer && operand.name != layer->input_name && is_whole(operand.dtype) &&
        std::ranges::any_of(layer->contract->takes, [&](const CategoryRule& rule) {
          return rule.operand == operand.name && rule.has(operand.dtype);
        }))
      continue;
    if (natural || common.value_or(operand.dtype) != operand.dtype) return std::nullopt;
    common = operand.dtype;
  }
  return common;
}

Promise promise_for(const Plan& plan, const CallFacts& call) {
  return promise_of(contract_of(plan, call), received_by(plan, call));
}

}  // namespace dtypefuzz
