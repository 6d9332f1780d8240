#pragma once
#include <functional>
#include <optional>

#include "harness/core/case.h"
#include "harness/core/draw.h"
#include "harness/core/finding.h"

namespace dtypefuzz {

/// How large a case is, smaller first: layers, answers that are not the simplest, their sum, ranks.
struct Size {
  size_t layers = 0, not_simplest = 0, distance = 0, rank = 0;
  auto operator<=>(const Size&) const = default;
};
Size size_of(const Case&);

/// Cases one step simpler than this one, the boldest steps first: the first layers dropped, a list element
/// removed, an answer made the simplest, an answer one option simpler.
std::vector<Case> simpler(const Case&);

/// Whether the candidate still shows the finding; returns the violation it shows.
using Shows = std::function<std::optional<Violation>(const Case&)>;

/// The two may name one finding: equal, or equal but for an autocast that the second does without.
bool same_finding(const Signature& large, const Signature& small);

/// A case from which no step of `simpler` leads to a smaller one that shows the same finding.
Case minimize(Case, Violation&, const Shows&);

}  // namespace dtypefuzz
