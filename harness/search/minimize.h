#pragma once
#include <functional>
#include <string>
#include <vector>

#include "dtypefuzz/finding.h"
#include "generators/stack.h"

namespace dtypefuzz {

/// All violations that a candidate shows.
using Shows = std::function<std::vector<Violation>(const Reading&)>;

/// What minimizing keeps of a signature, as text: two with different ones never become one.
std::string kept_by_minimizing(Signature);

/// A case from which no step of `each_simpler` leads to a smaller one that shows the same finding. The same
/// is what has the same signature; the same without an autocast region; and where fewer operands have a dtype
/// of their own, the same whatever operands it blames: two mismatches at once are no finding of their own.
/// The violation becomes that of the case returned.
Case minimize(const Case&, const Space&, Violation&, const Shows&);

}  // namespace dtypefuzz
