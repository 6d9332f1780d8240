#pragma once
#include <rapidcheck.h>

#include "harness/search/minimize.h"
#include "harness/search/search.h"

namespace dtypefuzz {

/// Random cases for RapidCheck, which shrink as the minimizer does:
/// `rc::check([] { const Case c = *cases(); ... })`.
inline rc::Gen<Case> cases(const Space& space = whole_space(), const Bias& bias = {}) {
  return [space, bias](const rc::Random& random, int) {
    rc::Random stream = random;
    return rc::shrinkable::shrinkRecur(draw_case(Rng(stream.next()), space, bias).body, [](const Case& c) {
      auto smaller = simpler(c);
      std::erase_if(smaller,
                    [size = size_of(c)](const Case& candidate) { return !(size_of(candidate) < size); });
      return rc::seq::fromContainer(std::move(smaller));
    });
  };
}

}  // namespace dtypefuzz

/// `const Case c = *rc::gen::arbitrary<Case>()`, and cases as arguments of properties.
template <>
struct rc::Arbitrary<dtypefuzz::Case> {
  static Gen<dtypefuzz::Case> arbitrary() { return dtypefuzz::cases(); }
};

namespace dtypefuzz {
/// How RapidCheck prints a case: as the file that replays it.
void showValue(const Case&, std::ostream&);
}  // namespace dtypefuzz
