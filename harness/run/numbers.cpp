#include "harness/run/numbers.h"

#include <ATen/ATen.h>

namespace dtypefuzz {

std::vector<double> numbers_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  at::Tensor real = tensor.detach();
  if (real.is_complex()) real = at::view_as_real(real.to(at::kComplexDouble));
  real = real.to(at::kDouble).cpu().contiguous();
  const auto* data = real.const_data_ptr<double>();
  return {data, data + real.numel()};
}

}  // namespace dtypefuzz
