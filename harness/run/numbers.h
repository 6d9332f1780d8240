#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace dtypefuzz {

/// All numbers of a tensor in the order of its indices, as float64; real and imaginary parts in turn. Empty
/// for an undefined tensor. Throws what LibTorch throws where a dtype cannot be converted.
std::vector<double> numbers_of(const at::Tensor&);

}  // namespace dtypefuzz
