#include "dtypefuzz/rapidcheck.h"

#include <ostream>

#include "harness/engines/makers.h"
#include "harness/files/case_file.h"
#include "harness/run/stages.h"
#include "harness/search/draw_case.h"
#include "harness/search/simpler.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

/// The case that a state of RapidCheck's stands for, whole.
Reading drawn_by(rc::Random random, const Space& space, const Bias& bias) {
  const InStage stage(Stage::make);
  return draw_case(Rng(random.next()), space, bias);
}

}  // namespace

rc::Gen<Case> cases(const Space& space, const Bias& bias) {
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

Reading rapidcheck_case(uint64_t seed, uint64_t index, const Space& space, const Bias& bias) {
  return drawn_by(rc::Random(rng_for(seed, index).next()), space, bias);
}

Engine rapidcheck_engine(const EngineOptions&, const Space&) {
  return [](Worker& worker) {
    const auto& [space, bias, seed] =
        std::tie(worker.settings().space, worker.settings().bias, worker.settings().seed);
    while (const auto index = worker.claim()) worker.work_on(rapidcheck_case(seed, *index, space, bias));
  };
}

void showValue(const Case& c, std::ostream& out) {
  out << "\n" << print_case({c, {}, {}, {}});
}

}  // namespace dtypefuzz
