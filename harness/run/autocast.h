#pragma once
#include <ATen/autocast_mode.h>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The state of autocast on the device, where it has any, and on the CPU; and its inverse.
AutocastFacts autocast_now(Device);
void set_autocast(const AutocastFacts&, Device);

/// An autocast region of one device, put back on every path out. LibTorch has no such guard in C++; this one
/// does what torch/amp/autocast_mode.py does.
class AutocastRegion {
 public:
  /// Nothing for `dtype`: a region in which autocast is off.
  AutocastRegion(Device, std::optional<Dtype> dtype);
  ~AutocastRegion();
  AutocastRegion(const AutocastRegion&) = delete;
  AutocastRegion& operator=(const AutocastRegion&) = delete;

 private:
  at::DeviceType device_;
  bool was_enabled_;
  at::ScalarType was_dtype_;
};

/// Opens the region that a plan asks for; none where it says `same`, or on a device that has no autocast.
void enter(std::optional<AutocastRegion>&, Device, const Region&);

}  // namespace dtypefuzz
