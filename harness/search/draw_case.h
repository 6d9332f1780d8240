#pragma once
#include "dtypefuzz/rng.h"
#include "generators/stack.h"

namespace dtypefuzz {

/// A random case: depends on the generator's state, the space and the bias alone.
Reading draw_case(Rng, const Space&, const Bias&);

}  // namespace dtypefuzz
