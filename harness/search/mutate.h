#pragma once
#include "dtypefuzz/rng.h"
#include "generators/stack.h"

namespace dtypefuzz {

/// A neighbour: some answers given anew, a layer inserted, removed, duplicated, swapped, or a fresh case.
Reading mutated(const Case&, Rng, const Space&, const Bias&);
/// Layers and settings of two cases: the first layers of one, the last of the other, each setting from
/// either.
Reading crossed(const Case&, const Case&, Rng, const Space&, const Bias&);

}  // namespace dtypefuzz
