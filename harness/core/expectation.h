#pragma once
#include <vector>

#include "harness/core/observation.h"

namespace dtypefuzz {

/// What the contracts promise for a plan, call by call, on the dtypes that each layer really received.
struct Expectation {
  std::vector<Promise> calls;  ///< beside Observation::calls
  std::vector<bool>
      undocumented_region;  ///< the call ran in a region of a dtype that autocast does not document
  /// Dtypes concerned by the error, and whether the consistent case in them runs up to the phase that threw.
  std::vector<std::pair<Dtype, bool>> supported;
};

}  // namespace dtypefuzz
