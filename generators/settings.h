#pragma once
#include "dtypefuzz/draw.h"
#include "dtypefuzz/plan.h"
#include "dtypefuzz/space.h"

namespace dtypefuzz {

/// Asks all that is said of a whole case, layers and loss aside, and puts it into the plan. Returns where
/// layers stand then.
Site draw_settings(Draw&, const Space&, Plan&);

}  // namespace dtypefuzz
