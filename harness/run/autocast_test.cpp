#include "harness/run/autocast.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <stdexcept>

namespace dtypefuzz {
namespace {

Dtype dtype_of_a_linear() {
  return at::linear(at::ones({1, 2}), at::ones({2, 2})).scalar_type();
}

TEST(AutocastRegion, CastsWhileItLivesAndIsPutBack) {
  const AutocastFacts before = autocast_now(kCpu);
  {
    const AutocastRegion region(kCpu, Dtype::BFloat16);
    EXPECT_EQ(dtype_of_a_linear(), Dtype::BFloat16);
  }
  EXPECT_EQ(autocast_now(kCpu), before);
  EXPECT_EQ(dtype_of_a_linear(), Dtype::Float);
}

TEST(AutocastRegion, IsPutBackWhereAnExceptionEndsIt) {
  const AutocastFacts before = autocast_now(kCpu);
  EXPECT_THROW(
      {
        const AutocastRegion region(kCpu, Dtype::Half);
        throw std::runtime_error("inside");
      },
      std::runtime_error);
  EXPECT_EQ(autocast_now(kCpu), before);
}

TEST(AutocastRegion, NestedGivesWayToTheOneAroundIt) {
  const AutocastRegion outer(kCpu, Dtype::BFloat16);
  const AutocastFacts around = autocast_now(kCpu);
  {
    const AutocastRegion off(kCpu, std::nullopt);
    EXPECT_EQ(dtype_of_a_linear(), Dtype::Float);
    {
      const AutocastRegion half(kCpu, Dtype::Half);
      EXPECT_EQ(dtype_of_a_linear(), Dtype::Half);
    }
    EXPECT_EQ(dtype_of_a_linear(), Dtype::Float);
  }
  EXPECT_EQ(autocast_now(kCpu), around);
  EXPECT_EQ(dtype_of_a_linear(), Dtype::BFloat16);
}

TEST(AutocastRegion, KeepsTheCacheOfWeightsUntilTheOutermostEnds) {
  const at::Tensor weight = at::ones({2, 2}).requires_grad_(true);
  const auto casts_of_the_weight_are_one = [&] {
    const auto cast = [&] { return at::autocast::cached_cast(at::kBFloat16, weight, at::kCPU); };
    return cast().is_same(cast());
  };
  const AutocastRegion outer(kCpu, Dtype::BFloat16);
  EXPECT_TRUE(casts_of_the_weight_are_one());
  const auto first = at::autocast::cached_cast(at::kBFloat16, weight, at::kCPU);
  {
    const AutocastRegion inner(kCpu, Dtype::BFloat16);
  }
  EXPECT_TRUE(first.is_same(at::autocast::cached_cast(at::kBFloat16, weight, at::kCPU)));
}

TEST(AutocastRegion, IsNoneWhereThePlanSaysSameOrTheDeviceHasNone) {
  std::optional<AutocastRegion> region;
  enter(region, kCpu, {});
  EXPECT_FALSE(region);
  enter(region, kMeta, {Region::kOn, Dtype::BFloat16});
  EXPECT_FALSE(region);
  enter(region, kCpu, {Region::kOff});
  EXPECT_TRUE(region);
}

TEST(Autocast, IsSetToWhatWasRead) {
  const AutocastFacts before = autocast_now(kCpu);
  AutocastFacts other = before;
  other.enabled = other.cpu_enabled = true;
  other.dtype = other.cpu_dtype = Dtype::Half;
  other.cache = false;
  set_autocast(other, kCpu);
  EXPECT_EQ(autocast_now(kCpu), other);
  set_autocast(before, kCpu);
  EXPECT_EQ(autocast_now(kCpu), before);
}

}  // namespace
}  // namespace dtypefuzz
