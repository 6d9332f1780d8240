#pragma once
#include "generators/stack.h"
#include "harness/core/case.h"
#include "harness/core/draw.h"
#include "harness/core/rng.h"

namespace dtypefuzz {

/// A case and what it means, from one pass of the generator.
struct Made {
  Case body;
  Plan plan;
};

/// What the generator makes of these answers.
Made made_by(Draw&, const Space&);
/// A random case: depends on the generator's state, the space and the bias alone.
Made draw_case(Rng, const Space&, const Bias&);
/// A neighbour: some answers given anew, a layer inserted, removed, duplicated, swapped, or a fresh case.
Made mutated(const Case&, Rng, const Space&, const Bias&);
/// Layers and settings of two cases: the first layers of one, the last of the other, each setting from
/// either.
Made crossed(const Case&, const Case&, Rng, const Space&, const Bias&);

}  // namespace dtypefuzz
