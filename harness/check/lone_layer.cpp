#include "harness/check/lone_layer.h"

#include "properties/promise.h"

namespace dtypefuzz {

Plan lone_layer(const Plan& plan, const CallFacts& call) {
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  Plan lone;
  lone.device = plan.device;
  lone.mode = plan.mode;
  lone.default_dtype = plan.default_dtype;
  lone.params_dtype = plan.params_dtype;
  lone.fill = plan.fill;
  lone.autocast = call.autocast;
  lone.input_shape = layer.in;
  lone.layers = {layer};
  LayerPlan& only = lone.layers.front();
  only.autocast = {};
  only.container = -1;
  only.reuse = only.residual = 0;
  only.operand_dtypes.clear();
  for (InputSpec& input : only.drawn.inputs) input.dtype.reset();
  return lone;
}

std::string variant_of(const LayerPlan& layer) {
  std::string text;
  for (const Choice& answer : layer.answers) text += answer.value + ",";
  return text;
}

void give_dtype(Plan& lone, const OperandFacts& operand) {
  LayerPlan& layer = lone.layers.front();
  if (operand.role != Role::input) {
    std::erase_if(layer.operand_dtypes, [&](const auto& own) { return own.first == operand.name; });
    if (operand.dtype != lone.params_dtype) layer.operand_dtypes.emplace_back(operand.name, operand.dtype);
  } else if (operand.name == layer.input_name) {
    lone.input_dtype = operand.dtype;
  } else {
    for (InputSpec& input : layer.drawn.inputs)
      if (input.name == operand.name) input.dtype = operand.dtype;
  }
}

void give_dtypes(Plan& lone, std::span<const OperandFacts> operands) {
  bool first = true;
  for (const OperandFacts& operand : operands) {
    const bool natural = operand.role == Role::buffer &&
                         (category_of(operand.dtype) == Category::integral || operand.name == kBatchCounter);
    if (natural) continue;
    const bool convertible = c10::isFloatingType(operand.dtype) || c10::isComplexType(operand.dtype);
    if (first && convertible && operand.role != Role::input) lone.params_dtype = operand.dtype, first = false;
    give_dtype(lone, operand);
  }
}

}  // namespace dtypefuzz
