#pragma once
#include <algorithm>
#include <utility>
#include <vector>

#include "properties/promise.h"
#include "properties/regions.h"

namespace dtypefuzz {

/// What the contracts promise for a plan, call by call, on the dtypes that each layer really received.
struct Expectation {
  std::vector<Promise> calls;       ///< beside Observation::calls
  std::vector<RegionKind> regions;  ///< beside them
  /// Of an error that says that a dtype is not supported: the dtypes concerned, and whether the consistent
  /// case in them runs up to the phase that threw.
  std::vector<std::pair<Dtype, bool>> supported;

  bool ran_undocumented() const {
    return std::find(regions.begin(), regions.end(), RegionKind::undocumented) != regions.end();
  }
};

}  // namespace dtypefuzz
