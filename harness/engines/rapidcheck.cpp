#include "harness/engines/rapidcheck.h"

#include <ostream>

#include "harness/engines/makers.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {

Engine rapidcheck_engine(const EngineOptions&, const Space&) {
  return [](Worker& worker) {
    const auto& [space, bias, seed] =
        std::tie(worker.settings().space, worker.settings().bias, worker.settings().seed);
    while (const auto index = worker.claim())
      worker.work_on(drawn_by(rc::Random(rng_for(seed, *index).next()), space, bias));
  };
}

void showValue(const Case& c, std::ostream& out) {
  out << "\n" << print_case({c, {}, {}, {}});
}

}  // namespace dtypefuzz
