#include "harness/run/autocast.h"

namespace dtypefuzz {

AutocastFacts autocast_now() {
  namespace ac = at::autocast;
  return {.cpu = ac::is_autocast_enabled(at::kCPU),
          .cuda = ac::is_autocast_enabled(at::kCUDA),
          .cpu_dtype = ac::get_autocast_dtype(at::kCPU),
          .cuda_dtype = ac::get_autocast_dtype(at::kCUDA),
          .cache = ac::is_autocast_cache_enabled()};
}

AutocastRegion::AutocastRegion(Device device, std::optional<Dtype> dtype)
    : device_(device == Device::cuda ? at::kCUDA : at::kCPU),
      was_enabled_(at::autocast::is_autocast_enabled(device_)),
      was_dtype_(at::autocast::get_autocast_dtype(device_)) {
  at::autocast::set_autocast_enabled(device_, dtype.has_value());
  if (dtype) at::autocast::set_autocast_dtype(device_, *dtype);
  at::autocast::increment_nesting();
}

void enter(std::optional<AutocastRegion>& region, Device device, const Region& wanted) {
  if (wanted.kind != Region::kSame && device != Device::meta)
    region.emplace(device, wanted.kind == Region::kOn ? std::optional(wanted.dtype) : std::nullopt);
}

AutocastRegion::~AutocastRegion() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, was_dtype_);
}

}  // namespace dtypefuzz
