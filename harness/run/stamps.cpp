#include "harness/run/stamps.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace dtypefuzz {

Stamp stamp_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  Stamp stamp{.dtype = tensor.scalar_type()};
  const auto sizes = tensor.sizes();
  stamp.sizes = XXH3_64bits(sizes.data(), sizes.size() * sizeof sizes[0]);
  if (!tensor.has_storage() || !tensor.device().is_cpu()) return stamp;
  const auto& storage = tensor.storage();
  const auto* data = static_cast<const std::byte*>(storage.data());
  size_t bytes = storage.nbytes();
  // Its own bytes alone where parameters lie side by side in one storage (vector_to_parameters). A sub-byte
  // dtype has fewer than it says.
  if (data && tensor.is_contiguous() && tensor.nbytes() < bytes) {
    data = static_cast<const std::byte*>(tensor.const_data_ptr());
    bytes = tensor.nbytes();
  }
  stamp.data = data;
  if (data) stamp.bytes = XXH3_64bits(data, bytes);
  return stamp;
}

namespace {

template <class Number>
bool all_finite(const at::Tensor& tensor) {
  const auto* data = static_cast<const Number*>(tensor.const_data_ptr());
  return std::all_of(data, data + tensor.numel(),
                     [](Number x) { return std::isfinite(static_cast<double>(static_cast<float>(x))); });
}

}  // namespace

bool is_finite(const at::Tensor& tensor) {
  if (!tensor.defined() || tensor.is_sparse() || !tensor.device().is_cpu()) return true;
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
