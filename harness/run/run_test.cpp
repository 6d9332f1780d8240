#include "harness/run/run.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "generators/optimizers.h"
#include "harness/run/autocast.h"
#include "harness/run/plans_for_test.h"

namespace dtypefuzz {
namespace {

/// What a program that links the harness would notice.
struct Surroundings {
  int threads = at::get_num_threads();
  bool grad_mode = at::GradMode::is_enabled();
  Dtype default_dtype = c10::get_default_dtype_as_scalartype();
  AutocastFacts autocast = autocast_now(kCpu);
  c10::WarningHandler* warnings = c10::WarningUtils::get_warning_handler();
  at::Tensor random_numbers = at::detail::getDefaultCPUGenerator().get_state();
};

TEST(Run, LeavesTheProcessAsItWas) {
  at::set_num_threads(2);
  at::manual_seed(42);
  at::randn({3});
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kDouble));
  {
    const torch::NoGradGuard no_grad;
    const AutocastRegion region(kCpu, Dtype::Half);
    const Surroundings before;
    const Plan plan = plan_with({{"layers", "2"},
                                 {"layers[1].module", "Dropout"},
                                 {"default_dtype", "bfloat16"},
                                 {"autocast", "bfloat16"},
                                 {"steps", "1"},
                                 {"optimizer", "SGD"}});
    const Observation seen = run(plan);
    EXPECT_FALSE(seen.error) << seen.error->message;
    EXPECT_TRUE(seen.backward_ran) << "though gradients were off";
    const Surroundings after;
    EXPECT_EQ(after.threads, before.threads);
    EXPECT_EQ(after.grad_mode, before.grad_mode);
    EXPECT_EQ(after.default_dtype, before.default_dtype);
    EXPECT_EQ(after.autocast, before.autocast);
    EXPECT_EQ(after.warnings, before.warnings);
    EXPECT_TRUE(after.random_numbers.equal(before.random_numbers));
  }
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kFloat));
  at::set_num_threads(1);
}

TEST(Run, DoesNotDependOnWhatWasLeftBefore) {
  const Plan plan = plan_with({{"layers[0].module", "Dropout"}, {"input.requires_grad", "true"}});
  const auto outcome = [&] {
    const Observation seen = run(plan);
    return std::tuple(seen.error.has_value(), seen.calls.front().given, seen.calls.front().autocast,
                      seen.backward_ran, seen.traces.size());
  };
  const auto wanted = outcome();
  const torch::NoGradGuard no_grad;
  const AutocastRegion region(kCpu, Dtype::Half);
  at::autocast::set_autocast_cache_enabled(false);
  EXPECT_EQ(outcome(), wanted);
  at::autocast::set_autocast_cache_enabled(true);
}

TEST(Run, WorksOnADeviceRowOfSomebodyElses) {
  static constexpr DeviceRow kTheirs = [] {
    DeviceRow row = kCpu;
    row.name = "theirs";
    return row;
  }();
  Plan plan =
      plan_with({{"load", "archive"}, {"steps", "2"}, {"optimizer", "Adam"}, {"autocast", "bfloat16"}});
  plan.device = kTheirs;
  const Observation seen = run(plan);
  EXPECT_EQ(seen.not_applicable, "");
  EXPECT_FALSE(seen.error) << seen.error->message;
  EXPECT_EQ(seen.steps.size(), 2u);
  EXPECT_EQ(seen.calls.front().given.front(), Dtype::BFloat16);
  EXPECT_TRUE(seen.autocast_restored);
}

TEST(Run, IsNotApplicableWhereNoDeviceIsInReach) {
  static constexpr DeviceRow kNowhere = {.name = "nowhere", .type = c10::DeviceType::PrivateUse1};
  Plan plan = plan_with({});
  plan.device = kNowhere;
  EXPECT_FALSE(device_in_reach(kNowhere));
  EXPECT_EQ(run(plan).not_applicable, "no nowhere device here");
}

TEST(Run, NamesTheLayerWhoseBackwardThrew) {
  Plan plan = plan_with({{"layers", "3"}});
  static Forward real;
  real = plan.layers[1].forward;
  plan.layers[1].forward = [](torch::nn::Module& module, std::span<const at::Tensor> inputs) {
    Tensors outputs = real(module, inputs);
    // The hook of the layer's own output has come by when this one, on what the output is made of, throws.
    outputs.front().register_hook(
        [](const at::Tensor&) -> at::Tensor { TORCH_CHECK(false, "planted in backward"); });
    outputs.front() = outputs.front() * 1;
    return outputs;
  };
  const Observation seen = run(plan);
  ASSERT_TRUE(seen.error);
  EXPECT_EQ(seen.error->phase, Phase::backward);
  EXPECT_EQ(seen.error->culprit, (Culprit{Culprit::kLayer, 1}));
}

TEST(Run, TakesStepsWithEveryOptimizer) {
  for (const OptimizerRow& row : optimizers()) {
    const Observation seen = run(plan_with({{"steps", "2"}, {"optimizer", row.name}, {"clip", "norm"}}));
    EXPECT_FALSE(seen.error) << row.name << ": " << seen.error->message;
    EXPECT_EQ(seen.steps.size(), 2u) << row.name;
    EXPECT_TRUE(seen.dtype_changes.empty()) << row.name;
  }
}

TEST(Run, SkipsAStepWhoseGradientIsNotFinite) {
  // float16 ends at 65504, the scale begins at 65536.
  const Observation seen =
      run(plan_with({{"params.dtype", "float16"}, {"steps", "1"}, {"optimizer", "SGD"}, {"scaler", "on"}}));
  ASSERT_FALSE(seen.error) << seen.error->message;
  EXPECT_EQ(seen.skipped_steps, 1);
  EXPECT_EQ(seen.scale, 32768);
  EXPECT_TRUE(seen.steps.empty());
}

TEST(Run, ResumesWithTheOptimizerThatWasSaved) {
  const Observation seen = run(plan_with({{"load", "archive"},
                                          {"load.steps", "3"},
                                          {"steps", "1"},
                                          {"optimizer", "Adam"},
                                          {"optimizer.load", "true"}}));
  EXPECT_EQ(seen.not_applicable, "");
  EXPECT_FALSE(seen.error) << seen.error->message;
  EXPECT_EQ(seen.loaded.size(), 2u);
  for (const LoadedFacts& loaded : seen.loaded) EXPECT_TRUE(loaded.equal) << loaded.name;
}

}  // namespace
}  // namespace dtypefuzz
