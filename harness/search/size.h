#pragma once
#include <compare>
#include <cstddef>

#include "generators/stack.h"

namespace dtypefuzz {

/// How large a case is, smaller first: layers, autocast regions, answers that are not the simplest, their
/// sum, ranks.
struct Size {
  size_t layers = 0, regions = 0, not_simplest = 0, distance = 0, rank = 0;
  auto operator<=>(const Size&) const = default;
};
Size size_of(const Reading&);
Size size_of(const Case&, const Space&);

}  // namespace dtypefuzz
