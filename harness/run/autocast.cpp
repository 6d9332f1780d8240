#include "harness/run/autocast.h"

namespace dtypefuzz {

AutocastFacts autocast_now(Device device) {
  namespace ac = at::autocast;
  AutocastFacts facts{.cpu_enabled = ac::is_autocast_enabled(at::kCPU),
                      .cpu_dtype = ac::get_autocast_dtype(at::kCPU),
                      .cache = ac::is_autocast_cache_enabled()};
  if (device->has_autocast()) {
    facts.enabled = ac::is_autocast_enabled(device->type);
    facts.dtype = ac::get_autocast_dtype(device->type);
  }
  return facts;
}

void set_autocast(const AutocastFacts& facts, Device device) {
  namespace ac = at::autocast;
  if (device->has_autocast()) {
    ac::set_autocast_enabled(device->type, facts.enabled);
    ac::set_autocast_dtype(device->type, facts.dtype);
  }
  ac::set_autocast_enabled(at::kCPU, facts.cpu_enabled);
  ac::set_autocast_dtype(at::kCPU, facts.cpu_dtype);
  ac::set_autocast_cache_enabled(facts.cache);
}

AutocastRegion::AutocastRegion(Device device, std::optional<Dtype> dtype)
    : device_(device->has_autocast() ? device->type : at::kCPU),
      was_enabled_(at::autocast::is_autocast_enabled(device_)),
      was_dtype_(at::autocast::get_autocast_dtype(device_)) {
  at::autocast::set_autocast_enabled(device_, dtype.has_value());
  if (dtype) at::autocast::set_autocast_dtype(device_, *dtype);
  at::autocast::increment_nesting();
}

void enter(std::optional<AutocastRegion>& region, Device device, const Region& wanted) {
  if (wanted.kind != Region::kSame && device->has_autocast())
    region.emplace(device, wanted.kind == Region::kOn ? std::optional(wanted.dtype) : std::nullopt);
}

AutocastRegion::~AutocastRegion() {
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(device_, was_enabled_);
  at::autocast::set_autocast_dtype(device_, was_dtype_);
}

}  // namespace dtypefuzz
