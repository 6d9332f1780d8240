#include "harness/run/watch.h"

#include <gtest/gtest.h>

#include "harness/run/inputs.h"
#include "harness/run/plans_for_test.h"

namespace dtypefuzz {
namespace {

/// Two layers, the second with statistics, stamped.
class Watched : public testing::Test {
 protected:
  Watched() { watch_.take_stamps(model_, inputs_); }
  at::Tensor held(size_t layer, std::string_view name) const {
    for (const Held& h : model_.held[layer])
      if (h.name == name) return h.tensor;
    ADD_FAILURE() << "no " << name;
    return {};
  }
  static void change(const at::Tensor& tensor) {
    const torch::NoGradGuard no_grad;
    tensor.add_(1);
  }
  /// `kind name` of each trace.
  std::vector<std::string> traces(Phase phase, Culprit culprit = {}) const {
    std::vector<std::string> words;
    for (const Trace& trace : watch_.traces(phase, culprit)) words.push_back(trace.kind + " " + trace.name);
    return words;
  }
  using Words = std::vector<std::string>;

  const Plan plan_ = plan_with({{"batch", "2"}, {"layers", "2"}, {"layers[1].module", "BatchNorm1d"}});
  const Model model_ = ready_model(plan_);
  const Inputs inputs_ = make_inputs(plan_);
  Watch watch_{plan_};
};

TEST_F(Watched, NothingChangedLeavesNoTrace) {
  EXPECT_EQ(traces(Phase::forward, {Culprit::kLayer, 0}), Words{});
  EXPECT_EQ(traces(Phase::step), Words{});
}

TEST_F(Watched, AChangedInputAndParameterAreTracesInAnyPhase) {
  change(inputs_.first);
  change(held(0, "weight"));
  for (const Phase phase : {Phase::backward, Phase::unscale, Phase::clip, Phase::step})
    EXPECT_EQ(traces(phase), (Words{"input input", "parameter weight"}));
  EXPECT_EQ(traces(Phase::forward, {Culprit::kLayer, 0}), (Words{"input input", "parameter weight"}));
}

TEST_F(Watched, ALayerThatCompletedMayHaveChangedWhatItHolds) {
  change(held(0, "weight"));
  change(held(1, "running_mean"));
  EXPECT_EQ(traces(Phase::forward, {Culprit::kLayer, 1}), (Words{"buffer running_mean"}));
  EXPECT_EQ(traces(Phase::forward, {Culprit::kLayer, 0}), (Words{"parameter weight", "buffer running_mean"}));
  EXPECT_EQ(traces(Phase::loss, {Culprit::kLoss}), Words{});
}

TEST_F(Watched, StatisticsAreNoTracesOfALatePhase) {
  change(held(1, "running_mean"));
  for (const Phase phase : {Phase::backward, Phase::step}) EXPECT_EQ(traces(phase), Words{});
}

TEST_F(Watched, ANewGradientIsATraceOfBackwardAlone) {
  held(0, "bias").mutable_grad() = at::ones_like(held(0, "bias"));
  EXPECT_EQ(traces(Phase::backward), (Words{"gradient bias"}));
  EXPECT_EQ(traces(Phase::step), Words{});
}

TEST_F(Watched, AnInputStampedAnewIsNoTrace) {
  change(inputs_.first);
  watch_.stamp_input_anew();
  EXPECT_EQ(traces(Phase::forward, {Culprit::kLayer, 0}), Words{});
}

TEST_F(Watched, ModesThatStayedChangedAreTraces) {
  {
    const torch::NoGradGuard no_grad;
    EXPECT_EQ(traces(Phase::step), (Words{"mode grad mode"}));
  }
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kDouble));
  EXPECT_EQ(traces(Phase::step), (Words{"mode default dtype"}));
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kFloat));
}

TEST_F(Watched, AnotherDtypeIsNotedFirstComeAndWithoutLookingAtBelongings) {
  watch_.expect_dtypes(model_);
  const Training none;
  EXPECT_FALSE(watch_.changed_dtype(Phase::forward, model_, none, true));
  held(0, "weight").set_data(at::ones({1}, at::kDouble));
  held(1, "weight").set_data(at::ones({1}, at::kHalf));
  const auto change = watch_.changed_dtype(Phase::forward, model_, none, true);
  ASSERT_TRUE(change);
  EXPECT_EQ(change->kind, "parameter");
  EXPECT_EQ(change->layer, 0);
  EXPECT_EQ(change->wanted, Dtype::Float);
  EXPECT_EQ(change->now, Dtype::Double);
  EXPECT_FALSE(watch_.changed_dtype(Phase::convert, model_, none, true)) << "a conversion may";
}

TEST_F(Watched, AConversionMayNotChangeACounter) {
  watch_.expect_dtypes(model_);
  held(1, "num_batches_tracked").set_data(at::ones({}, at::kFloat));
  EXPECT_TRUE(watch_.changed_dtype(Phase::convert, model_, Training(), false));
}

TEST_F(Watched, BackwardIsFollowedLayerByLayer) {
  const at::Tensor input = at::ones({2}).requires_grad_(true);
  const Tensors first = {input * 2};
  watch_.follow_gradient(0, first, input);
  const Tensors second = {first.front() * 2};
  watch_.follow_gradient(1, second, first.front());
  EXPECT_EQ(watch_.reached_backward(), -1);
  second.front().sum().backward();
  EXPECT_EQ(watch_.reached_backward(), 0);
}

}  // namespace
}  // namespace dtypefuzz
