#include "harness/run/stamps.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "harness/run/fill.h"
#include "harness/run/finite.h"

namespace dtypefuzz {
namespace {

TEST(Stamp, ChangesWithAByteADtypeAndASize) {
  at::Tensor tensor = at::zeros({4});
  const Stamp before = stamp_of(tensor);
  EXPECT_EQ(stamp_of(tensor), before);
  tensor.select(0, 2).fill_(1);
  EXPECT_NE(stamp_of(tensor), before);
  tensor.zero_();
  EXPECT_EQ(stamp_of(tensor), before);
  tensor.unsqueeze_(0);
  EXPECT_NE(stamp_of(tensor), before);
  tensor.squeeze_(0);
  tensor.set_data(tensor.to(at::kInt));
  EXPECT_NE(stamp_of(tensor), before);
}

TEST(Stamp, ChangesWhereTheSameBytesLieElsewhere) {
  at::Tensor tensor = at::zeros({4});
  const Stamp before = stamp_of(tensor);
  tensor.set_data(tensor.clone());
  EXPECT_NE(stamp_of(tensor), before);
}

TEST(Stamp, OfAContiguousViewKnowsItsOwnBytesAlone) {
  const at::Tensor flat = at::zeros({8});
  const at::Tensor first = flat.narrow(0, 0, 4), second = flat.narrow(0, 4, 4);
  const Stamp before = stamp_of(first);
  second.fill_(1);
  EXPECT_EQ(stamp_of(first), before);
  first.fill_(1);
  EXPECT_NE(stamp_of(first), before);
}

TEST(Stamp, OfAViewWithGapsSeesAChange) {
  const at::Tensor view = at::zeros({3, 2}).select(-1, 0);
  const Stamp before = stamp_of(view);
  view.select(0, 1).fill_(1);
  EXPECT_NE(stamp_of(view), before);
}

TEST(Stamp, OfNothingIsOne) {
  EXPECT_EQ(stamp_of({}), Stamp{});
  EXPECT_EQ(stamp_of(at::empty({0, 3})).sizes, stamp_of(at::empty({0, 3})).sizes);
  EXPECT_NE(stamp_of(at::empty({0, 3})).sizes, stamp_of(at::empty({3, 0})).sizes);
}

TEST(Stamp, OfWhatHasNoBytesToReadKnowsDtypeAndSizes) {
  const auto options = at::TensorOptions(at::kMeta);
  EXPECT_EQ(stamp_of(at::empty({2, 3}, options)), stamp_of(at::empty({2, 3}, options)));
  EXPECT_NE(stamp_of(at::empty({2, 3}, options)), stamp_of(at::empty({3, 2}, options)));
  const at::Tensor sparse = at::zeros({3}).to_sparse();
  EXPECT_EQ(stamp_of(sparse), stamp_of(sparse));
  EXPECT_NE(stamp_of(sparse), stamp_of(sparse.to(at::kDouble)));
}

TEST(Stamp, OfEveryDtypeSeesAChangedByte) {
  for (const Dtype dtype : all_dtypes()) {
    at::Tensor tensor;
    try {
      tensor = filled({2, 4}, Content::values, 0, dtype, kCpu, Fill::ramp, 0);
    } catch (const std::exception&) {
      continue;  // no tensor has it
    }
    const Stamp before = stamp_of(tensor);
    static_cast<uint8_t*>(tensor.storage().mutable_data())[0] ^= 0xFF;
    EXPECT_NE(stamp_of(tensor), before) << name_of(dtype);
  }
}

TEST(Finite, LooksAtEveryNumberOfEveryDtypeThatHasInfinities) {
  for (const auto dtype : {at::kFloat, at::kDouble, at::kHalf, at::kBFloat16, at::kComplexFloat}) {
    at::Tensor tensor = at::zeros({2, 3}, dtype);
    EXPECT_TRUE(is_finite(tensor)) << dtype;
    tensor.select(1, 2).fill_(std::numeric_limits<double>::infinity());
    EXPECT_FALSE(is_finite(tensor)) << dtype;
    EXPECT_FALSE(is_finite(tensor.t())) << dtype;
    EXPECT_TRUE(is_finite(tensor.narrow(1, 0, 2))) << dtype;
  }
}

TEST(Finite, IsWhatIsNotThere) {
  EXPECT_TRUE(is_finite({}));
  EXPECT_TRUE(is_finite(at::empty({0})));
  EXPECT_TRUE(is_finite(at::ones({2}, at::kLong)));
}

}  // namespace
}  // namespace dtypefuzz
