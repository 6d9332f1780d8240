#include "harness/run/fill.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "generators/stack.h"

namespace dtypefuzz {
namespace {

constexpr Fill kFills[] = {Fill::ramp, Fill::normal, Fill::extremes, Fill::zeros, Fill::limits};

/// In the dtype that the contents are made in.
std::vector<double> numbers(const Shape& shape, Content content, int64_t limit, Fill fill,
                            uint64_t seed = 0) {
  const at::Tensor made = filled(shape, content, limit, Dtype::Double, kCpu, fill, seed).contiguous();
  const auto* data = made.const_data_ptr<double>();
  return {data, data + made.numel()};
}

bool all_within(const std::vector<double>& numbers, double least, double most) {
  return std::ranges::all_of(numbers, [&](double x) { return x >= least && x <= most; });
}

TEST(Fill, RampIsSmallAndNeverZero) {
  const auto ramp = numbers({50}, Content::values, 0, Fill::ramp);
  EXPECT_TRUE(all_within(ramp, -1, 1));
  EXPECT_EQ(std::ranges::count(ramp, 0.0), 0);
}

TEST(Fill, NormalHasMeanZeroAndUnitVariance) {
  const auto normal = numbers({10'000}, Content::values, 0, Fill::normal);
  double sum = 0, squares = 0;
  for (const double x : normal) sum += x, squares += x * x;
  // Five standard errors of each.
  EXPECT_NEAR(sum / 10'000, 0, 0.05);
  EXPECT_NEAR(squares / 10'000, 1, 0.06);
}

TEST(Fill, ExtremesAreFiniteInFloat16) {
  const at::Tensor extremes = filled({50}, Content::values, 0, Dtype::Half, kCpu, Fill::extremes, 0);
  EXPECT_TRUE(extremes.isfinite().all().item<bool>());
  EXPECT_EQ(extremes.max().item<double>(), 65504);
}

TEST(Fill, IsTheSameForTheSameSeedAlone) {
  EXPECT_EQ(numbers({20}, Content::values, 0, Fill::normal, 3),
            numbers({20}, Content::values, 0, Fill::normal, 3));
  EXPECT_NE(numbers({20}, Content::values, 0, Fill::normal, 3),
            numbers({20}, Content::values, 0, Fill::normal, 4));
}

TEST(Fill, GivesContentsTheirLegalValuesInEveryFill) {
  for (const Fill fill : kFills) {
    EXPECT_TRUE(all_within(numbers({40}, Content::probabilities, 0, fill), 0.01, 0.99));
    EXPECT_TRUE(all_within(numbers({40}, Content::positive, 0, fill), 0.01, 2));
    for (const double sign : numbers({40}, Content::signs, 0, fill)) EXPECT_EQ(std::abs(sign), 1);
    for (const double bit : numbers({40}, Content::mask, 0, fill)) EXPECT_TRUE(bit == 0 || bit == 1);
  }
}

TEST(Fill, IndicesAreWholeBelowTheLimitAndReachIt) {
  for (const int64_t limit : {1, 3, 7}) {
    const auto indices = numbers({20}, Content::indices, limit, Fill::ramp, 2);
    EXPECT_TRUE(all_within(indices, 0, static_cast<double>(limit - 1)));
    EXPECT_EQ(std::ranges::max(indices), static_cast<double>(limit - 1));
  }
}

TEST(Fill, LogProbabilitiesSumToOneAlongTheLastDimension) {
  const at::Tensor made = filled({2, 5}, Content::log_probabilities, 0, Dtype::Double, kCpu, Fill::ramp, 0);
  EXPECT_TRUE(at::allclose(made.exp().sum(-1), at::ones({2}, at::kDouble), 1e-6));
}

TEST(Fill, MaskIsNeverAllOnesInARow) {
  for (const int64_t columns : {1, 2, 3, 4, 5, 17})
    for (const Shape& shape : {Shape{3, columns}, Shape{2, 3, columns}, Shape{columns}}) {
      const at::Tensor mask = filled(shape, Content::mask, 0, Dtype::Bool, kCpu, Fill::ramp, 0);
      EXPECT_FALSE(mask.all(-1).any().item<bool>()) << columns;
    }
}

TEST(Fill, LengthsAreTheLimitAndFallingOnesEndAtOne) {
  EXPECT_EQ(numbers({3}, Content::lengths, 4, Fill::ramp), (std::vector<double>{4, 4, 4}));
  EXPECT_EQ(numbers({6}, Content::falling_lengths, 4, Fill::ramp), (std::vector<double>{4, 3, 2, 1, 1, 1}));
}

TEST(Fill, OffsetsRiseFromZeroToTheLimit) {
  EXPECT_EQ(numbers({5}, Content::offsets, 8, Fill::ramp), (std::vector<double>{0, 2, 4, 6, 8}));
  EXPECT_EQ(numbers({1}, Content::offsets, 8, Fill::ramp), (std::vector<double>{0}));
}

TEST(Fill, MakesScalarsAndNothing) {
  for (int content = 0; content <= static_cast<int>(Content::signs); ++content) {
    EXPECT_EQ(filled({}, static_cast<Content>(content), 3, Dtype::Float, kCpu, Fill::ramp, 0).numel(), 1);
    EXPECT_EQ(filled({0, 2}, static_cast<Content>(content), 3, Dtype::Float, kCpu, Fill::ramp, 0).numel(), 0);
  }
}

TEST(Fill, MakesEveryDtypeThatATensorCanHave) {
  for (const Dtype dtype : whole_space().dtypes) {
    const at::Tensor made = filled({2, 4}, Content::values, 0, dtype, kCpu, Fill::ramp, 0);
    EXPECT_EQ(made.scalar_type(), dtype);
    EXPECT_EQ(made.sizes(), at::IntArrayRef({2, 4}));
  }
}

TEST(Fill, OnMetaHasShapeAndDtypeAlone) {
  const at::Tensor made = filled({2, 3}, Content::indices, 5, Dtype::Long, kMeta, Fill::ramp, 0);
  EXPECT_TRUE(made.is_meta());
  EXPECT_EQ(made.scalar_type(), Dtype::Long);
}

}  // namespace
}  // namespace dtypefuzz
