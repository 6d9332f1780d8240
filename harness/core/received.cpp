#include "dtypefuzz/received.h"

namespace dtypefuzz {

const OperandFacts* Received::find(std::string_view name) const {
  for (const auto& operand : operands)
    if (operand.name == name) return &operand;
  return nullptr;
}

Dtype Received::dtype_of(std::string_view name) const {
  const auto* operand = find(name);
  return operand ? operand->dtype : Dtype::Undefined;
}

}  // namespace dtypefuzz
