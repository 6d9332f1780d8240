#pragma once
#include <cstdint>
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// What kind of autocast region a call ran in, or none.
enum class RegionKind : uint8_t {
  documented,
  undocumented,   ///< of a dtype that autocast does not document
  after_another,  ///< of another dtype than the one that cast the module's parameters first: autocast keeps
                  ///< those until the outermost region ends
};

/// The kind of region of each call, beside `Observation::calls`.
std::vector<RegionKind> regions_of(const Plan&, const Observation&);

}  // namespace dtypefuzz
