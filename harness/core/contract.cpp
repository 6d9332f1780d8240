#include "harness/core/contract.h"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>

namespace dtypefuzz {
namespace {

/// c10::promoteTypes, which throws for most dtypes that are not the usual ones; Undefined there.
Dtype promoted_type(Dtype a, Dtype b) {
  constexpr size_t kCount = static_cast<size_t>(Dtype::NumOptions);
  static const auto table = [] {
    std::vector<Dtype> all(kCount * kCount, Dtype::Undefined);
    for (const Dtype x : all_dtypes())
      for (const Dtype y : all_dtypes()) {
        Dtype& cell = all[static_cast<size_t>(x) * kCount + static_cast<size_t>(y)];
        try {
          cell = x == y ? x : c10::promoteTypes(x, y);
        } catch (const std::exception&) {  // the library's way to say that there is none
        }
      }
    return all;
  }();
  return table[static_cast<size_t>(a) * kCount + static_cast<size_t>(b)];
}

}  // namespace

bool DeviceRow::autocast_documents(Dtype dtype) const {
  return std::find(autocast_dtypes.begin(), autocast_dtypes.end(), dtype) != autocast_dtypes.end();
}

bool CategoryRule::has(Dtype dtype) const {
  return takes.has(category_of(dtype)) &&
         (only.empty() || std::find(only.begin(), only.end(), dtype) != only.end());
}

const OperandFacts* Received::find(std::string_view name) const {
  for (const auto& operand : operands)
    if (operand.name == name) return &operand;
  return nullptr;
}

Dtype Received::dtype_of(std::string_view name) const {
  const auto* operand = find(name);
  return operand ? operand->dtype : Dtype::Undefined;
}

std::optional<Dtype> result_type_of(std::span<const OperandFacts> operands) {
  // Tensors with dimensions decide the category; zero-dimensional ones count only where theirs is higher.
  std::optional<Dtype> with_dimensions, without;
  const auto join = [](std::optional<Dtype> a, Dtype b) -> std::optional<Dtype> {
    if (!a || *a == b) return b;
    if (*a == Dtype::Undefined) return a;
    return promoted_type(*a, b);
  };
  for (const auto& operand : operands) {
    auto& side = operand.rank > 0 ? with_dimensions : without;
    side = join(side, operand.dtype);
  }
  if (!with_dimensions) return without == Dtype::Undefined ? std::nullopt : without;
  if (!without) return with_dimensions == Dtype::Undefined ? std::nullopt : with_dimensions;
  if (with_dimensions == Dtype::Undefined || without == Dtype::Undefined) return std::nullopt;
  const auto kind = [](Dtype dtype) {
    switch (category_of(dtype)) {
      case Category::boolean:
        return 0;
      case Category::integral:
        return 1;
      case Category::complex:
        return 3;
      default:
        return 2;
    }
  };
  if (kind(*without) <= kind(*with_dimensions)) return with_dimensions;
  const auto both = join(with_dimensions, *without);
  return both == Dtype::Undefined ? std::nullopt : both;
}

bool autocast_casts(Dtype dtype) {
  return c10::isFloatingType(dtype) && dtype != Dtype::Double;
}

}  // namespace dtypefuzz
