#pragma once
#include <rapidcheck.h>

#include "harness/search/draw_case.h"
#include "harness/search/simpler.h"
#include "harness/search/size.h"

namespace dtypefuzz {

/// Random cases for RapidCheck, which shrink as the minimizer does:
/// `rc::check([] { const Case c = *cases(space); ... })`.
inline rc::Gen<Case> cases(const Space& space, const Bias& bias = {}) {
  return [space, bias](const rc::Random& random, int) {
    rc::Random stream = random;
    return rc::shrinkable::shrinkRecur(
        draw_case(Rng(stream.next()), space, bias).body, [space](const Case& c) {
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
