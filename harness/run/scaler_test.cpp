#include "harness/run/scaler.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <limits>

namespace dtypefuzz {
namespace {

at::Tensor with_gradient(const at::Tensor& gradient) {
  at::Tensor parameter =
      at::ones(gradient.sizes(), gradient.options().layout(at::kStrided)).requires_grad_(true);
  parameter.mutable_grad() = gradient;
  return parameter;
}

/// One step with this gradient, taken or skipped.
void step(GradScaler& scaler, float gradient) {
  scaler.unscale({with_gradient(at::full({2}, gradient))});
  scaler.update();
}

constexpr float kInfinite = std::numeric_limits<float>::infinity();

TEST(Scaler, GrowsAfterAsManyGoodStepsAsItsIntervalSays) {
  GradScaler scaler(at::kCPU, 8, 2);
  step(scaler, 1);
  EXPECT_EQ(scaler.scale(), 8);
  step(scaler, 1);
  EXPECT_EQ(scaler.scale(), 16);
  step(scaler, 1);
  EXPECT_EQ(scaler.scale(), 16);
}

TEST(Scaler, BacksOffOnAnInfiniteGradientAndCountsFromZeroAgain) {
  GradScaler scaler(at::kCPU, 8, 2);
  step(scaler, 1);
  step(scaler, kInfinite);
  EXPECT_FALSE(scaler.finite());
  EXPECT_EQ(scaler.scale(), 4);
  step(scaler, 1);
  EXPECT_TRUE(scaler.finite());
  EXPECT_EQ(scaler.scale(), 4) << "the good step before the infinite one does not count";
  step(scaler, 1);
  EXPECT_EQ(scaler.scale(), 8);
}

TEST(Scaler, BacksOffOnNaN) {
  GradScaler scaler(at::kCPU, 8, 2);
  step(scaler, std::numeric_limits<float>::quiet_NaN());
  EXPECT_FALSE(scaler.finite());
  EXPECT_EQ(scaler.scale(), 4);
}

TEST(Scaler, MultipliesTheLossAndDividesEachGradientInPlace) {
  GradScaler scaler(at::kCPU, 8);
  EXPECT_EQ(scaler.scaled(at::full({}, 3.0)).item<float>(), 24);
  for (const auto dtype : {at::kFloat, at::kHalf, at::kBFloat16, at::kDouble}) {
    const at::Tensor parameter = with_gradient(at::full({3}, 16, dtype));
    const void* data = parameter.grad().const_data_ptr();
    scaler.unscale({parameter, at::ones({2})});
    EXPECT_TRUE(parameter.grad().eq(2).all().item<bool>()) << dtype;
    EXPECT_EQ(parameter.grad().const_data_ptr(), data) << dtype;
  }
}

TEST(Scaler, CoalescesASparseGradientBeforeItLooksForInfinities) {
  // Twice 40000 in one place is infinite in float16 once added up.
  const at::Tensor indices = at::zeros({1, 2}, at::kLong);
  const at::Tensor sparse = at::sparse_coo_tensor(indices, at::full({2}, 40000, at::kHalf), {3});
  GradScaler scaler(at::kCPU, 8);
  const at::Tensor parameter = with_gradient(sparse);
  scaler.unscale({parameter});
  EXPECT_TRUE(parameter.grad().is_coalesced());
  EXPECT_FALSE(scaler.finite());
}

}  // namespace
}  // namespace dtypefuzz
