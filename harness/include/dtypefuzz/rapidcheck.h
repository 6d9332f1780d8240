#pragma once
#include <rapidcheck.h>

#include <iosfwd>

#include "dtypefuzz/case.h"
#include "dtypefuzz/draw.h"
#include "dtypefuzz/space.h"

namespace dtypefuzz {

/// Random cases for RapidCheck, which shrink as the minimizer does:
/// `rc::check([] { const Case c = *cases(space); ... })`.
rc::Gen<Case> cases(const Space&, const Bias& = {});

/// How RapidCheck prints a case: as the file that replays it.
void showValue(const Case&, std::ostream&);

}  // namespace dtypefuzz

/// `const Case c = *rc::gen::arbitrary<Case>()`, and cases as arguments of properties: of LibTorch's own
/// modules.
template <>
struct rc::Arbitrary<dtypefuzz::Case> {
  static Gen<dtypefuzz::Case> arbitrary() { return dtypefuzz::cases(dtypefuzz::whole_space()); }
};
