#include "dtypefuzz/space.h"

#include <ATen/ATen.h>

#include <iterator>

namespace dtypefuzz {
namespace {

/// The dtypes that the library in use can make a tensor of, as it says itself.
std::vector<Dtype> tensor_dtypes() {
  struct Silent : c10::WarningHandler {
    void process(const c10::Warning&) override {}  // that quantized dtypes are deprecated, complex32 a beta
  } silent;
  const c10::WarningUtils::WarningHandlerGuard guard(&silent);
  std::vector<Dtype> dtypes;
  for (const Dtype dtype : all_dtypes()) {
    try {
      at::empty({1}, dtype);
      dtypes.push_back(dtype);
    } catch (const std::exception&) {  // it cannot
    }
  }
  return dtypes;
}

}  // namespace

const Row* Space::row(std::string_view name) const {
  for (const auto* rows : {&modules, &losses})
    for (const Row* row : *rows)
      if (row->name == name) return row;
  return nullptr;
}

std::optional<Device> Space::device(std::string_view name) const {
  for (const Device device : devices)
    if (device->name == name) return device;
  return std::nullopt;
}

const Space& whole_space() {
  static const Space space{.modules = {module_rows().begin(), module_rows().end()},
                           .losses = {losses().begin(), losses().end()},
                           .dtypes = tensor_dtypes(),
                           .devices = {kCpu, kMeta, kCuda}};
  return space;
}

std::vector<Dtype> autocast_dtypes(const Space& space) {
  std::vector<Dtype> result = {Dtype::BFloat16, Dtype::Half};
  for (const Dtype dtype : space.dtypes)
    if (dtype != Dtype::BFloat16 && dtype != Dtype::Half) result.push_back(dtype);
  return result;
}

}  // namespace dtypefuzz
