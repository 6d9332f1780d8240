#include "harness/run/stamps.h"

#include <xxhash.h>

namespace dtypefuzz {

Stamp stamp_of(const at::Tensor& tensor) {
  if (!tensor.defined()) return {};
  Stamp stamp{.dtype = tensor.scalar_type()};
  const auto sizes = tensor.sizes();
  stamp.sizes = XXH3_64bits(sizes.data(), sizes.size() * sizeof sizes[0]);
  if (!tensor.has_storage() || !tensor.device().is_cpu()) return stamp;
  const auto& storage = tensor.storage();
  stamp.data = storage.data();
  if (stamp.data) stamp.bytes = XXH3_64bits(stamp.data, storage.nbytes());
  return stamp;
}

}  // namespace dtypefuzz
