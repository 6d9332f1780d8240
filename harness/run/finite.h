#pragma once
#include <ATen/core/Tensor.h>

namespace dtypefuzz {

/// Whether all numbers are finite; true for an undefined tensor and for dtypes without infinities.
bool is_finite(const at::Tensor&);

}  // namespace dtypefuzz
