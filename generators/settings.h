#pragma once
#include "generators/space.h"
#include "harness/core/draw.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

/// Asks all that is said of a whole case, layers and loss aside, and puts it into the plan. Returns where
/// layers stand then.
Site draw_settings(Draw&, const Space&, Plan&);

}  // namespace dtypefuzz
