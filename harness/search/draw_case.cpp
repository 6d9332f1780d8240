#include "harness/search/draw_case.h"

namespace dtypefuzz {

Reading draw_case(Rng rng, const Space& space, const Bias& bias) {
  Draw draw(rng, bias);
  return reading_of(draw, space);
}

}  // namespace dtypefuzz
