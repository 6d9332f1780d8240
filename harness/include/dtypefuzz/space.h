#pragma once
#include <optional>
#include <string_view>
#include <vector>

#include "dtypefuzz/device.h"
#include "dtypefuzz/dtype.h"
#include "dtypefuzz/row.h"

namespace dtypefuzz {

/// What may be drawn from, and all that a name in a case can mean. A value: somebody else's rows and devices
/// are put into it and passed on with it. Rows outlive the spaces, and the plans, that point to them.
struct Space {
  std::vector<const Row*> modules;  ///< simplest first
  std::vector<const Row*> losses;
  std::vector<Dtype> dtypes;
  std::vector<Device> devices;

  /// A module or a loss; null for an unknown name.
  const Row* row(std::string_view name) const;
  std::optional<Device> device(std::string_view name) const;
};

/// LibTorch's own: all rows, every dtype that the library in use can make a tensor of, and every device by
/// name, so that any file can be read. Commands narrow it (`--modules`, `--dtypes`, `--devices`).
const Space& whole_space();

/// The dtypes that autocast may be asked for: bfloat16 and float16 first, which it documents, then every
/// other one, which it does not.
std::vector<Dtype> autocast_dtypes(const Space&);

}  // namespace dtypefuzz
