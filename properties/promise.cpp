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

Category stranger(Dtype a, Dtype b) {
  return std::max(category_of(a), category_of(b));
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

}  // namespace

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
    case AutocastPolicy::refused:
    case AutocastPolicy::unspecified:
      return std::nullopt;
  }
  return seen;
}

namespace {

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

}  // namespace

Promise promise_of(const Contract& contract, const Received& received) {
  const auto seen = effective_operands(contract, received);
  if (!seen) return {.reason = "the contract leaves autocast unspecified"};
  Received effective = received;
  effective.operands = *seen;

  // Before autocast's casts: it takes float4 for a floating dtype.
  for (const auto& operand : received.operands)
    if (category_of(operand.dtype) == Category::other)
      return {.reason =
                  "nothing is said of what modules do with quantized, packed, bits and sub-byte dtypes: "
                  "https://pytorch.org/docs/stable/tensor_attributes.html#torch-dtype"};

  for (const auto& special : contract.special)
    if (special.applies(effective))
      return special.says == SpecialCase::kAccepted ? accepts(contract, effective, special.output)
                                                    : Promise{.reason = std::string(special.source)};

  for (const auto& rule : contract.takes)
    if (const auto* operand = effective.find(rule.operand); operand && !rule.has(operand->dtype))
      return {.kind = Promise::kRefusesCategory,
              .first = operand->name,
              .category = category_of(operand->dtype),
              // All, since others may disagree as well, and either error is legal then.
              .group = *seen,
              .reason = fmt::format("{} is {}", operand->name, name_of(operand->dtype))};

  for (const auto& names : contract.share_a_dtype) {
    const auto group = members(names, effective.operands);
    const auto agrees = [&](const OperandFacts& o) { return o.dtype == group.front().dtype; };
    if (std::all_of(group.begin(), group.end(), agrees)) continue;
    if (!contract.mixes_unspecified.empty()) return {.reason = std::string(contract.mixes_unspecified)};
    const OperandFacts& operand = stranger_among(contract, effective, group);
    return {.kind = Promise::kRefusesMismatch,
            .first = group.front().name,
            .second = operand.name,
            .category = stranger(group.front().dtype, operand.dtype),
            .group = group,
            .reason = fmt::format("{} is {}, {} is {}", group.front().name, name_of(group.front().dtype),
                                  operand.name, name_of(operand.dtype))};
  }

  if (!contract.promotes.empty()) {
    const auto group = members(contract.promotes, effective.operands);
    if (!group.empty() && !result_type_of(group))
      return {.reason = "no result type is defined for these dtypes"};
    const bool mixed = std::any_of(group.begin(), group.end(),
                                   [&](const OperandFacts& o) { return o.dtype != group.front().dtype; });
    if (mixed && !contract.mixes_unspecified.empty())
      return {.reason = std::string(contract.mixes_unspecified)};
  }
  return accepts(contract, effective, contract.output);
}

}  // namespace dtypefuzz
