#include "harness/run/arithmetic.h"

#include <gtest/gtest.h>

#include "harness/run/intercept.h"
#include "harness/run/plans_for_test.h"
#include "harness/run/run.h"
#include "harness/run/training.h"

namespace dtypefuzz {
namespace {

at::Tensor parameter_with(std::vector<double> gradient, Dtype dtype) {
  const at::Tensor made = at::ones({static_cast<int64_t>(gradient.size())}, dtype).requires_grad_(true);
  made.mutable_grad() = at::tensor(gradient, at::kDouble).to(dtype);
  return made;
}

double worst_of_clipping(const Tensors& parameters, double norm) {
  const ClippedNumbers before(Clip::norm, parameters);
  Training::clip(Clip::norm, parameters);
  std::vector<ArithmeticFacts> facts;
  before.compare(norm, parameters, facts);
  double worst = 0;
  for (const ArithmeticFacts& fact : facts) worst = std::max(worst, fact.worst);
  return worst;
}

TEST(Clipping, MayRoundTheNormOnce) {
  EXPECT_LT(worst_of_clipping({parameter_with({3, 4}, Dtype::Float)}, 5), 1);
  EXPECT_GT(worst_of_clipping({parameter_with({3, 4}, Dtype::Float)}, 5.001), 1);
  // Half a unit in the last place of bfloat16 is 1/64 at 5.
  EXPECT_LT(worst_of_clipping({parameter_with({3, 4}, Dtype::BFloat16)}, 5 + 1.0 / 64), 1);
  EXPECT_GT(worst_of_clipping({parameter_with({3, 4}, Dtype::BFloat16)}, 5 + 1.0 / 32), 1);
}

TEST(Clipping, ScalesGradientsByTheNorm) {
  const Tensors parameters = {parameter_with({3, 4}, Dtype::Float)};
  const ClippedNumbers before(Clip::norm, parameters);
  std::vector<ArithmeticFacts> facts;
  before.compare(5, parameters, facts);  // nobody has clipped
  ASSERT_EQ(facts.size(), 2u);
  EXPECT_GT(facts[1].worst, 1);
  EXPECT_NEAR(facts[1].want, facts[1].got / 5, 1e-6);
}

TEST(Clipping, LeavesValuesWithinTheLimit) {
  const Tensors parameters = {parameter_with({-3, 0.25}, Dtype::Half)};
  const ClippedNumbers before(Clip::value, parameters);
  Training::clip(Clip::value, parameters);
  std::vector<ArithmeticFacts> facts;
  before.compare(0, parameters, facts);
  ASSERT_EQ(facts.size(), 1u);
  EXPECT_LT(facts[0].worst, 1);
  parameters[0].mutable_grad() = at::tensor({-1.0, 0.25}, at::kDouble).to(at::kHalf);
  before.compare(0, parameters, facts);
  EXPECT_GT(facts[1].worst, 1);
}

TEST(Runs, CompareConversionsClippingAndSteps) {
  const Plan plan = plan_with({{"params.dtype", "bfloat16"},
                               {"input.dtype", "float16"},
                               {"convert", "before_forward"},
                               {"convert.dtype", "float16"},
                               {"steps", "1"},
                               {"optimizer", "SGD"},
                               {"clip", "norm"}});
  const Observation seen = run_compared(plan);
  ASSERT_FALSE(seen.error) << seen.error->message;
  for (const ConversionFacts& changed : seen.conversions)
    ADD_FAILURE() << changed.name << ": " << changed.was << " became " << changed.is;
  ASSERT_EQ(seen.arithmetic.size(), 5u) << "the norm, two gradients, two parameters";
  for (const ArithmeticFacts& fact : seen.arithmetic) EXPECT_LT(fact.worst, 1);
  EXPECT_TRUE(run(plan).arithmetic.empty());
}

TEST(Runs, CompareNothingOnMeta) {
  EXPECT_TRUE(run_compared(plan_with({{"device", "meta"}, {"clip", "norm"}})).arithmetic.empty());
}

TEST(RoundedOperators, GiveFloat32ThatFitsTheDtype) {
  const at::Tensor third = at::full({2}, 1.0f / 3);
  const Rounded rounded(Dtype::BFloat16);
  const at::Tensor sum = third + third;
  EXPECT_EQ(sum.scalar_type(), Dtype::Float);
  EXPECT_EQ(sum[0].item<float>(), static_cast<float>(c10::BFloat16(2.0f / 3)));
}

}  // namespace
}  // namespace dtypefuzz
