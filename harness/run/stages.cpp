#include "harness/run/stages.h"

#include <chrono>
#include <numeric>

namespace dtypefuzz {
namespace {

struct Clock {
  StageTimes* times = nullptr;
  Stage stage = Stage::engine;
  uint64_t since = 0;

  void turn(Stage next) {
    const uint64_t now = ticks();
    times->of(stage) += now - since;
    stage = next, since = now;
  }
  bool absorbs() const { return stage == Stage::probe || stage == Stage::sibling; }
};
Clock stage_clock;

}  // namespace

std::string_view to_string(Stage stage) {
  constexpr std::string_view kNames[] = {"engine", "make",  "libtorch", "observe",
                                         "judge",  "probe", "sibling",  "tell"};
  static_assert(std::size(kNames) == kStages);
  return kNames[static_cast<size_t>(stage)];
}

uint64_t ticks() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

uint64_t StageTimes::sum() const {
  return std::accumulate(nanoseconds.begin(), nanoseconds.end(), uint64_t{0});
}

void keep_stage_times(StageTimes* times) {
  stage_clock = {times, Stage::engine, ticks()};
}

InStage::InStage(Stage stage) : before_(stage_clock.stage) {
  if (stage_clock.times && !stage_clock.absorbs()) stage_clock.turn(stage);
}
InStage::~InStage() {
  if (stage_clock.times && stage_clock.stage != before_) stage_clock.turn(before_);
}

}  // namespace dtypefuzz
