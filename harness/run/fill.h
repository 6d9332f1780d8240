#pragma once
#include <ATen/core/Tensor.h>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// A tensor with legal values for what it means, made in float32 or int64 and converted to `dtype`.
/// `limit` bounds indices (exclusive) and is the value of lengths and the last of offsets. Deterministic in
/// (fill, seed).
at::Tensor filled(const Shape&, Content, int64_t limit, Dtype, Device, Fill, uint64_t seed);

/// The same values in another dtype; where nothing converts to it (bits, sub-byte, quantized), any bytes.
at::Tensor in_dtype(const at::Tensor&, Dtype);

}  // namespace dtypefuzz
