#pragma once
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace dtypefuzz {

/// What a tensor is, cheaply: where its data lies, its dtype and hashes of its sizes and bytes. Versions
/// would miss BatchNorm's running statistics and kernels that write directly; bytes alone miss an
/// `unsqueeze_`.
struct Stamp {
  const void* data = nullptr;
  at::ScalarType dtype = at::ScalarType::Undefined;
  uint64_t sizes = 0;
  uint64_t bytes = 0;
  bool operator==(const Stamp&) const = default;
};
Stamp stamp_of(const at::Tensor&);

}  // namespace dtypefuzz
