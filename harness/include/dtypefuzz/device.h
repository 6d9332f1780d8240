#pragma once
#include <c10/core/DeviceType.h>

#include <array>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>

#include "dtypefuzz/dtype.h"

namespace dtypefuzz {

/// Whose lists of operators autocast follows on a device: aten/src/ATen/autocast_mode.{h,cpp}.
enum class AutocastLists : uint8_t {
  none,  ///< there is no autocast
  cpu,
  cuda,
  own,  ///< a backend's, of which contracts know nothing
};

/// A device that plans may run on, as one row. What the harness does differently there follows from these
/// answers alone, so that somebody else's backend (`c10::DeviceType::PrivateUse1`) is a row like the others.
struct DeviceRow {
  std::string_view name;  ///< in cases and signatures
  c10::DeviceType type;
  AutocastLists autocast_lists = AutocastLists::own;
  /// The dtypes that autocast documents there: https://pytorch.org/docs/stable/amp.html
  std::span<const Dtype> autocast_dtypes = {};
  /// Tensors hold numbers: they can be compared, saved, loaded and asked. Kernels without compute shapes and
  /// do not branch on dtypes.
  bool has_values = true;
  /// A case may put its input there alone, parameters being elsewhere.
  bool takes_stray_input = false;

  bool has_autocast() const { return autocast_lists != AutocastLists::none; }
  bool autocast_documents(Dtype) const;
};

/// One device, by its row: rows outlive what names them, and two devices are equal where the row is the same.
class Device {
 public:
  constexpr Device(const DeviceRow& row) : row_(&row) {}  // NOLINT: a row is a device
  constexpr const DeviceRow* operator->() const { return row_; }
  constexpr const DeviceRow& operator*() const { return *row_; }
  constexpr bool operator==(const Device&) const = default;

 private:
  const DeviceRow* row_;
};
inline std::string_view to_string(Device device) {
  return device->name;
}

inline constexpr std::array kLowPrecision = {Dtype::BFloat16, Dtype::Half};
inline constexpr DeviceRow kCpu = {.name = "cpu",
                                   .type = c10::DeviceType::CPU,
                                   .autocast_lists = AutocastLists::cpu,
                                   .autocast_dtypes = kLowPrecision,
                                   .takes_stray_input = true};
/// Shapes and dtypes without numbers.
inline constexpr DeviceRow kMeta = {.name = "meta",
                                    .type = c10::DeviceType::Meta,
                                    .autocast_lists = AutocastLists::none,
                                    .has_values = false,
                                    .takes_stray_input = true};
inline constexpr DeviceRow kCuda = {.name = "cuda",
                                    .type = c10::DeviceType::CUDA,
                                    .autocast_lists = AutocastLists::cuda,
                                    .autocast_dtypes = kLowPrecision};
/// LibTorch's own, in the order in which cases offer them.
inline constexpr const DeviceRow* kDevices[] = {&kCpu, &kMeta, &kCuda};
/// Its place among them; their number for somebody else's.
constexpr size_t index_of(Device device) {
  size_t at = 0;
  while (at < std::size(kDevices) && kDevices[at] != &*device) ++at;
  return at;
}

}  // namespace dtypefuzz
