#pragma once
#include <functional>
#include <vector>

#include "generators/stack.h"

namespace dtypefuzz {

/// Gives the cases that are one step simpler than this one, the boldest steps first, each made when it is
/// asked for: the first layers dropped, the step in a region's dtype instead of the region, a list element
/// removed, an answer made the simplest, an answer one option simpler. `visit` returns whether it wants more.
void each_simpler(const Reading&, const Space&, const std::function<bool(Reading&&)>& visit);
/// All of them.
std::vector<Case> simpler(const Case&, const Space&);

}  // namespace dtypefuzz
