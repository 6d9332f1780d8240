#include "harness/run/values.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "harness/run/plans_for_test.h"

namespace dtypefuzz {
namespace {

constexpr double kEpsilon = 0x1p-23;  // float32's

double worst(Dtype dtype, std::vector<double> got, const Wanted& wanted) {
  return worst_of(0, dtype, got, wanted).worst;
}

TEST(ValueBound, GrowsWithTheResult) {
  const Wanted wanted{.exact = {1000}, .near = {{1000}}, .epsilon = kEpsilon, .rounding = 0};
  EXPECT_EQ(worst(Dtype::Float, {1000}, wanted), 0);
  EXPECT_LT(worst(Dtype::Float, {1000 * (1 + 7 * kEpsilon)}, wanted), 1);
  EXPECT_GT(worst(Dtype::Float, {1000 * (1 + 9 * kEpsilon)}, wanted), 1);
}

TEST(ValueBound, GrowsWithWhatSmallChangesOfTheOperandsDo) {
  const Wanted wanted{.exact = {0, 1}, .near = {{0, 1}, {0.25, 1}}, .epsilon = 0, .rounding = 0};
  EXPECT_LT(worst(Dtype::Float, {7.9, 1}, wanted), 1);
  EXPECT_GT(worst(Dtype::Float, {8.1, 1}, wanted), 1);
  EXPECT_LT(worst(Dtype::Float, {0, -6.9}, wanted), 1) << "of whichever number they move most";
}

TEST(ValueBound, AllowsForRoundingWhereTheExactResultCancelsOut) {
  const Wanted wanted{.exact = {0}, .near = {{0}}, .epsilon = kEpsilon, .rounding = 1e-4};
  EXPECT_LT(worst(Dtype::Float, {0.9e-4}, wanted), 1);
  EXPECT_GT(worst(Dtype::Float, {1.1e-4}, wanted), 1);
}

TEST(ValueBound, NamesTheWorstNumber) {
  const Wanted wanted{.exact = {1, 2, 3}, .near = {}, .epsilon = kEpsilon, .rounding = 0};
  const ValueFacts fact = worst_of(4, Dtype::Float, {1.1, 5, 3}, wanted);
  EXPECT_EQ(fact.output, 4);
  EXPECT_EQ(fact.dtype, Dtype::Float);
  EXPECT_EQ(fact.got, 5);
  EXPECT_EQ(fact.want, 2);
}

TEST(ValueBound, HoldsAnInfinityOnOneSideAlonePlainlyWrong) {
  const Wanted finite{.exact = {1}, .near = {{1}}, .epsilon = kEpsilon, .rounding = 0};
  EXPECT_GT(worst(Dtype::Float, {HUGE_VAL}, finite), 1e6);
  EXPECT_GT(worst(Dtype::Float, {NAN}, finite), 1e6);
  const Wanted unsteady{.exact = {1}, .near = {{HUGE_VAL}}, .epsilon = kEpsilon, .rounding = 0};
  EXPECT_EQ(worst(Dtype::Float, {NAN}, unsteady), 0) << "a small change of the operands is infinite as well";
}

TEST(ValueBound, SaysNothingNearTheEndOfTheRange) {
  const Wanted wanted{.exact = {40000}, .near = {{40000}}, .epsilon = 0x1p-10, .rounding = 0};
  EXPECT_EQ(worst(Dtype::Half, {HUGE_VAL}, wanted), 0);
  EXPECT_GT(worst(Dtype::Float, {HUGE_VAL}, wanted), 1e6);
}

TEST(ValueBound, BeyondTheRangeIsAnInfinityOfTheSameSign) {
  const Wanted wanted{
      .exact = {-1e6}, .near = {{-1e6}}, .witness = {-1e6}, .epsilon = 0x1p-10, .tame = false};
  EXPECT_EQ(worst(Dtype::Half, {-HUGE_VAL}, wanted), 0);
  EXPECT_EQ(worst(Dtype::Half, {-65504}, wanted), 0);
  EXPECT_GT(worst(Dtype::Half, {HUGE_VAL}, wanted), 1e6);
  EXPECT_GT(worst(Dtype::Half, {NAN}, wanted), 1e6);
}

TEST(ValueBound, SaysNothingOfNumbersThatAreNotTameWhereFloat32IsNoWitness) {
  Wanted wanted{.exact = {100}, .near = {{100}}, .witness = {HUGE_VAL}, .epsilon = 0x1p-10, .tame = false};
  EXPECT_EQ(worst(Dtype::Half, {NAN}, wanted), 0);
  wanted.witness = {100.01};
  EXPECT_GT(worst(Dtype::Half, {NAN}, wanted), 1e6);
}

TEST(ValueBound, TellsOfWholeResultsThatAreRounded) {
  const Wanted wanted{.exact = {2.5}, .near = {{2.5}}};
  EXPECT_TRUE(worst_of(0, Dtype::Long, {2}, wanted).rounded);
  EXPECT_FALSE(worst_of(0, Dtype::Long, {7}, wanted).rounded) << "that is no rounding";
  const Wanted whole{.exact = {2}, .near = {{2}}};
  EXPECT_FALSE(worst_of(0, Dtype::Long, {2}, whole).rounded);
}

TEST(ValueBound, HoldsIntegersRightOrWrong) {
  const Wanted wanted{.exact = {3}, .near = {{3}}, .epsilon = 0, .rounding = 100};
  EXPECT_EQ(worst(Dtype::Int, {3}, wanted), 0);
  EXPECT_GT(worst(Dtype::Int, {4}, wanted), 1e6);
}

TEST(ValueBound, SaysNothingOfIntegersThatFloat64DoesNotDecide) {
  const auto says = [](Dtype dtype, double exact, double moved_to) {
    return worst(dtype, {1}, {.exact = {exact}, .near = {{moved_to}}, .epsilon = 0, .rounding = 0}) > 0;
  };
  EXPECT_TRUE(says(Dtype::Char, 3, 3));
  EXPECT_FALSE(says(Dtype::Char, 3.5, 3.5)) << "rounded somehow";
  EXPECT_FALSE(says(Dtype::Char, 200, 200)) << "wraps";
  EXPECT_FALSE(says(Dtype::Byte, -3, -3)) << "wraps";
  EXPECT_FALSE(says(Dtype::Char, 3, 4)) << "depends on a rounded operand";
  EXPECT_FALSE(says(Dtype::Long, 0x1p60, 0x1p60)) << "float64 does not hold its neighbours";
}

/// One Linear layer of which the reference is asked.
Plan linear(Dtype dtype) {
  Plan plan = plan_with({{"input.fill", "normal"}});
  plan.params_dtype = dtype;
  return plan;
}

TEST(Values, OfLibTorchsLinearAreWithinTheBound) {
  for (const Dtype dtype : {Dtype::Float, Dtype::Double, Dtype::BFloat16, Dtype::Half, Dtype::ComplexFloat}) {
    const auto facts = compare_values(linear(dtype));
    ASSERT_EQ(facts.size(), 4u) << name_of(dtype) << ": the output, and gradients of input, weight and bias";
    for (const ValueFacts& fact : facts) {
      EXPECT_EQ(fact.dtype, dtype);
      EXPECT_LT(fact.worst, 1) << name_of(dtype) << " " << fact.leaf;
    }
  }
}

TEST(Values, ThatAreSlightlyWrongAreAboveTheBound) {
  Plan plan = linear(Dtype::Float);
  static Forward real;
  real = plan.layers.front().forward;
  // As if a kernel rounded to bfloat16 on its way; the reference, in float64, is left alone.
  plan.layers.front().forward = [](torch::nn::Module& module, std::span<const at::Tensor> inputs) {
    Tensors outputs = real(module, inputs);
    if (outputs.front().scalar_type() == Dtype::Float)
      outputs.front() = outputs.front().to(Dtype::BFloat16).to(Dtype::Float);
    return outputs;
  };
  const auto facts = compare_values(plan);
  ASSERT_FALSE(facts.empty());
  EXPECT_GT(facts[0].worst, 1);
}

TEST(Values, OfGradientsThatAreSlightlyWrongAreAboveTheBound) {
  Plan plan = linear(Dtype::Float);
  static Forward real;
  real = plan.layers.front().forward;
  plan.layers.front().forward = [](torch::nn::Module& module, std::span<const at::Tensor> inputs) {
    Tensors outputs = real(module, inputs);
    if (outputs.front().scalar_type() == Dtype::Float && outputs.front().requires_grad())
      outputs.front().register_hook([](const at::Tensor& gradient) { return gradient * 1.01; });
    return outputs;
  };
  const auto facts = compare_values(plan);
  ASSERT_EQ(facts.size(), 4u);
  EXPECT_LT(facts[0].worst, 1);
  for (size_t i = 1; i < 4; ++i) EXPECT_GT(facts[i].worst, 1) << facts[i].leaf;
}

TEST(Values, OfARefusedLayerAndOnOtherDevicesAreNone) {
  Plan refused = linear(Dtype::Float);
  refused.input_dtype = Dtype::Double;
  EXPECT_TRUE(compare_values(refused).empty());
  EXPECT_TRUE(compare_values(plan_with({{"device", "meta"}})).empty());
}

}  // namespace
}  // namespace dtypefuzz
