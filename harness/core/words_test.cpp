#include "harness/core/words.h"

#include <gtest/gtest.h>

namespace dtypefuzz {
namespace {

using Words = std::vector<std::string>;

TEST(Nearest, IsFewLettersAway) {
  const Words modules = {"Linear", "ReLU", "Fold", "Conv2d", "BatchNorm1d"};
  EXPECT_EQ(nearest("Lniear", modules), "Linear");
  EXPECT_EQ(nearest("BachNorm1d", modules), "BatchNorm1d");
  EXPECT_EQ(nearest("LINEAR", modules), "Linear");
  EXPECT_EQ(nearest("Nope", modules), "");
  EXPECT_EQ(nearest("bf16", {"off", "bfloat16"}), "");
  EXPECT_EQ(nearest("html", {"help", "json"}), "");
  EXPECT_EQ(nearest("tiem", {"time", "memory"}), "time");
  EXPECT_EQ(nearest("", {"a", "b"}), "");
}

TEST(Nearest, OfANumberIsANumber) {
  EXPECT_EQ(nearest("11", {"4", "1", "10", "784"}), "10");
  EXPECT_EQ(nearest("99", {"1", "2", "8"}), "8");
  EXPECT_EQ(nearest("0.3", {"0.5", "0.1", "0.25"}), "0.25");
}

TEST(DtypeCalled, KnowsEveryNameThatTorchHasForOne) {
  const std::pair<const char*, const char*> kSaid[] = {
      {"double", "float64"},
      {"torch.double", "float64"},
      {"Double", "float64"},
      {"kDouble", "float64"},
      {"torch::kFloat64", "float64"},
      {"float", "float32"},
      {"half", "float16"},
      {"bf16", "bfloat16"},
      {"kBFloat16", "bfloat16"},
      {"long", "int64"},
      {"torch.int", "int32"},
      {"byte", "uint8"},
      {"char", "int8"},
      {"cfloat", "complex64"},
      {"ComplexDouble", "complex128"},
      {"c10::ScalarType::Half", "float16"},
      {"fp32", "float32"},
      {"int64", "int64"},
  };
  for (const auto& [word, name] : kSaid) {
    ASSERT_TRUE(dtype_called(word)) << word;
    EXPECT_EQ(name_of(*dtype_called(word)), name) << word;
  }
  for (const char* word : {"", "k", "torch.", "float17", "off", "same", "Linear"})
    EXPECT_FALSE(dtype_called(word)) << word;
  for (const Dtype dtype : all_dtypes()) EXPECT_EQ(dtype_called(name_of(dtype)), dtype);
}

TEST(Spelled, IsTheOneOfferedWordThatIsMeant) {
  const Words offered = {"Linear", "Conv2d", "ConvTranspose2d", "float64", "true", "same"};
  for (const char* word : {"conv2d", "torch::nn::Conv2d", "nn.Conv2d", "Conv2dImpl", "F.conv2d", "CONV2D"})
    EXPECT_EQ(spelled(word, offered), "Conv2d") << word;
  EXPECT_EQ(spelled("conv_transpose2d", offered), "ConvTranspose2d");
  EXPECT_EQ(spelled("double", offered), "float64");
  EXPECT_EQ(spelled("True", offered), "true");
  EXPECT_FALSE(spelled("half", offered));  // not offered here
  EXPECT_FALSE(spelled("Conv", offered));
  EXPECT_FALSE(spelled("", offered));
  EXPECT_FALSE(spelled("ab", {"AB", "A_B"}));  // which of them?
}

}  // namespace
}  // namespace dtypefuzz
