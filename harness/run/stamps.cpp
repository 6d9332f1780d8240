#include "harness/run/stamps.h"

#include <xxhash.h>

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

}  // namespace dtypefuzz
