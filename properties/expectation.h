#pragma once
#include <algorithm>
#include <cstdint>
#include <vector>

#include "harness/core/observation.h"
#include "properties/promise.h"

namespace dtypefuzz {

/// What kind of autocast region a call ran in, or none.
enum class RegionKind : uint8_t {
  documented,
  undocumented,   ///< of a dtype that autocast does not document
  after_another,  ///< of another dtype than the one that cast the module's parameters first: autocast keeps
                  ///< those until the outermost region ends
};

/// What the contracts promise for a plan, call by call, on the dtypes that each layer really received.
struct Expectation {
  std::vector<Promise> calls;       ///< beside Observation::calls
  std::vector<RegionKind> regions;  ///< beside them
  /// Dtypes concerned by the error, and whether the consistent case in them runs up to the phase that threw.
  std::vector<std::pair<Dtype, bool>> supported;

  bool ran_undocumented() const {
    return std::find(regions.begin(), regions.end(), RegionKind::undocumented) != regions.end();
  }
};

}  // namespace dtypefuzz
