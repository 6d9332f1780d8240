#pragma once
#include <rapidcheck.h>

#include "harness/search/draw_case.h"
#include "harness/search/simpler.h"
#include "harness/search/size.h"

namespace dtypefuzz {

/// The case that a state of RapidCheck's stands for, whole.
inline Reading drawn_by(rc::Random random, const Space& space, const Bias& bias) {
  return draw_case(Rng(random.next()), space, bias);
}

/// Random cases for RapidCheck, which shrink as the minimizer does:
/// `rc::check([] { const Case c = *cases(space); ... })`.
inline rc::Gen<Case> cases(const Space& space, const Bias& bias = {}) {
  return [space, bias](const rc::Random& random, int) {
    return rc::shrinkable::shrinkRecur(drawn_by(random, space, bias).body, [space](const Case& c) {
      std::vector<Case> smaller;
      const Reading reading = reading_of(c, space);
      each_simpler(reading, space, [&, size = size_of(reading)](Reading&& candidate) {
        if (size_of(candidate) < size) smaller.push_back(std::move(candidate.body));
        return true;
      });
      return rc::seq::fromContainer(std::move(smaller));
    });
  };
}

}  // namespace dtypefuzz

/// `const Case c = *rc::gen::arbitrary<Case>()`, and cases as arguments of properties: of LibTorch's own
/// modules.
template <>
struct rc::Arbitrary<dtypefuzz::Case> {
  static Gen<dtypefuzz::Case> arbitrary() { return dtypefuzz::cases(dtypefuzz::whole_space()); }
};

namespace dtypefuzz {
/// How RapidCheck prints a case: as the file that replays it.
void showValue(const Case&, std::ostream&);
}  // namespace dtypefuzz
