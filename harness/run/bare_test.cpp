#include "harness/run/bare.h"

#include <gtest/gtest.h>

#include "generators/stack.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

TEST(Bare, ComesToTheSameAsAnObservedRun) {
  const Space& space = whole_space();
  int compared = 0, finished = 0, with_backward = 0, with_steps = 0;
  for (uint64_t i = 0; compared < 1000; ++i) {
    Draw draw(rng_for(20, i), Bias{.dtype = 0.9});
    const Plan plan = plan_of(draw, space);
    if (!device_in_reach(plan.device)) continue;
    const Observation seen = run(plan);
    const auto given = run_bare(plan);
    ++compared, finished += given.has_value(), with_backward += seen.backward_ran,
        with_steps += given.has_value() && plan.steps > 0;
    const bool ended_well = !seen.error && seen.not_applicable.empty();
    EXPECT_EQ(given.has_value(), ended_well) << "case " << i;
    if (given && ended_well) {
      EXPECT_EQ(*given, seen.calls.back().given.front()) << "case " << i;
    }
  }
  EXPECT_GT(finished, 30) << "of " << compared;
  EXPECT_GT(with_backward, 30) << "of " << compared;
  EXPECT_GT(with_steps, 30) << "of " << compared;
}

}  // namespace
}  // namespace dtypefuzz
