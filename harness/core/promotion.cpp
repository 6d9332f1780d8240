#include "dtypefuzz/promotion.h"

#include <c10/util/Exception.h>

#include <vector>

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

std::optional<Dtype> joined(std::optional<Dtype> a, Dtype b) {
  if (!a || *a == b) return b;
  if (*a == Dtype::Undefined) return a;
  return promoted_type(*a, b);
}

/// The order of kinds in the zero-dimensional rule.
int kind_of(Dtype dtype) {
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
}

}  // namespace

void ResultType::add(Dtype dtype, int rank) {
  auto& side = rank > 0 ? with_dimensions_ : without_;
  side = joined(side, dtype);
}

std::optional<Dtype> ResultType::get() const {
  // Tensors with dimensions decide the category; zero-dimensional ones count only where theirs is higher.
  if (!with_dimensions_) return without_ == Dtype::Undefined ? std::nullopt : without_;
  if (!without_) return with_dimensions_ == Dtype::Undefined ? std::nullopt : with_dimensions_;
  if (with_dimensions_ == Dtype::Undefined || without_ == Dtype::Undefined) return std::nullopt;
  if (kind_of(*without_) <= kind_of(*with_dimensions_)) return with_dimensions_;
  const auto both = joined(with_dimensions_, *without_);
  return both == Dtype::Undefined ? std::nullopt : both;
}

std::optional<Dtype> result_type_of(std::span<const OperandFacts> operands) {
  ResultType type;
  for (const auto& operand : operands) type.add(operand.dtype, operand.rank);
  return type.get();
}

}  // namespace dtypefuzz
