#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace dtypefuzz {

/// What a tensor is, cheaply: where its data lies, its dtype, version and a hash of its bytes. Versions alone
/// miss BatchNorm's running statistics and kernels that write directly; bytes alone miss a rewrite with equal
/// values.
struct Stamp {
  const void* data = nullptr;
  at::ScalarType dtype = at::ScalarType::Undefined;
  uint64_t bytes = 0;
  bool operator==(const Stamp&) const = default;
};
Stamp stamp_of(const at::Tensor&);

/// Whether all numbers are finite; true for an undefined tensor and for dtypes without infinities.
bool is_finite(const at::Tensor&);

}  // namespace dtypefuzz
