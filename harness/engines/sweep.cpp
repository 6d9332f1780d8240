#include "harness/search/sweep.h"

#include "harness/engines/makers.h"

namespace dtypefuzz {

Engine sweep_engine(const EngineOptions&, const Space&) {
  return [](Worker& worker) {
    auto mine = worker.claim();
    sweep(
        worker.settings().space, worker.settings().whole,
        [&](uint64_t index) { return mine ? std::optional(index == *mine) : std::nullopt; },
        [&](const Case& c) {
          worker.work_on(reading_of(c, worker.settings().whole));
          mine = worker.claim();
        });
  };
}

}  // namespace dtypefuzz
