#pragma once
#include <functional>
#include <string>
#include <vector>

#include "harness/core/case.h"
#include "harness/core/draw.h"
#include "harness/core/finding.h"

namespace dtypefuzz {

/// How large a case is, smaller first: layers, autocast regions, answers that are not the simplest, their
/// sum, ranks.
struct Size {
  size_t layers = 0, regions = 0, not_simplest = 0, distance = 0, rank = 0;
  auto operator<=>(const Size&) const = default;
};
Size size_of(const Case&);

/// Cases one step simpler than this one, the boldest steps first: the first layers dropped, a list element
/// removed, the step in a region's dtype instead of the region, an answer made the simplest, an answer one
/// option simpler.
std::vector<Case> simpler(const Case&);

/// All violations that a candidate shows.
using Shows = std::function<std::vector<Violation>(const Case&)>;

/// What minimizing keeps of a signature, as text: two with different ones never become one.
std::string kept_by_minimizing(Signature);

/// A case from which no step of `simpler` leads to a smaller one that shows the same finding. The same is
/// what has the same signature; the same without an autocast region; and where fewer operands have a dtype of
/// their own, the same whatever operands it blames: two mismatches at once are no finding of their own. The
/// violation becomes that of the case returned.
Case minimize(Case, Violation&, const Shows&);

}  // namespace dtypefuzz
