#include "harness/run/finite.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>

namespace dtypefuzz {
namespace {

template <class Number>
bool all_finite(const at::Tensor& tensor) {
  const auto* data = static_cast<const Number*>(tensor.const_data_ptr());
  return std::all_of(data, data + tensor.numel(),
                     [](Number x) { return std::isfinite(static_cast<double>(static_cast<float>(x))); });
}

}  // namespace

bool is_finite(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_sparse() || tensor.is_meta()) return true;
  if (!tensor.is_cpu()) return is_finite(tensor.detach().cpu());
  if (!tensor.is_contiguous()) return is_finite(tensor.detach().contiguous());
  if (tensor.is_complex())
    return tensor.scalar_type() == at::kComplexHalf || is_finite(at::view_as_real(tensor));
  switch (tensor.scalar_type()) {
    case at::kDouble: {
      const auto* data = static_cast<const double*>(tensor.const_data_ptr());
      return std::all_of(data, data + tensor.numel(), [](double x) { return std::isfinite(x); });
    }
    case at::kFloat:
      return all_finite<float>(tensor);
    case at::kHalf:
      return all_finite<at::Half>(tensor);
    case at::kBFloat16:
      return all_finite<at::BFloat16>(tensor);
    default:
      return true;
  }
}

}  // namespace dtypefuzz
