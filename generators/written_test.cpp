#include "generators/written.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dtypefuzz {
namespace {

using testing::HasSubstr;

std::string first_mistake(const Case& written) {
  const Understood read = understood(written, whole_space());
  return read.mistakes.empty() ? "" : explained(read.mistakes.front(), read, whole_space());
}

TEST(Written, AQuestionThatIsNotAskedSaysWhereItIs) {
  EXPECT_THAT(first_mistake({{{"layers[0].module", "Linear"}, {"optimizer", "Adam"}}}),
              HasSubstr("optimizer is not asked in this case; it is where steps = 1 or more (here 0)"));
  EXPECT_THAT(
      first_mistake({{{"layers[1].module", "ReLU"}}}),
      HasSubstr("layers[1].module is not asked in this case; it is where layers = 2 or more (here 1)"));
}

TEST(Written, AQuestionThatIsAskedNowhereNamesTheNearest) {
  EXPECT_THAT(first_mistake({{{"layers[0].wieght.dtype", "float16"}}}),
              HasSubstr("did you mean 'layers[0].weight.dtype'?"));
  for (const char* kernel : {"layers[0].kernal", "layers[0].kernel", "layers[0].kernel_sise"})
    EXPECT_THAT(first_mistake({{{"layers[0].module", "conv2d"}, {kernel, "3"}}}),
                HasSubstr("did you mean 'layers[0].kernel_size'?"));
  EXPECT_THAT(first_mistake({{{"Layers[0].Module", "ReLU"}}}), HasSubstr("did you mean 'layers[0].module'?"));
  EXPECT_THAT(first_mistake({{{"frobnicate.all", "1"}}}), HasSubstr("'list questions FILE' tells what is"));
}

TEST(Written, AnAnswerThatIsNotOfferedSaysWhereItIsOrWhatIsNear) {
  EXPECT_THAT(
      first_mistake({{{"layers", "2"}, {"layers[1].module", "BatchNorm1d"}}}),
      HasSubstr("layers[1].module = BatchNorm1d is not offered here after Linear; it is where batch = 2"));
  EXPECT_THAT(first_mistake({{{"layers[0].in_features", "11"}}}), HasSubstr("the nearest is 10"));
  EXPECT_THAT(first_mistake({{{"layers", "99"}}}), HasSubstr("the nearest is 8"));
  EXPECT_THAT(first_mistake({{{"layers[0].module", "Liner"}}}), HasSubstr("did you mean 'Linear'?"));
  EXPECT_THAT(first_mistake({{{"input.dtype", "float17"}}}), HasSubstr("did you mean 'float16'?"));
}

TEST(Written, OtherSpellingsAreTakenAndComeOutCanonical) {
  const Understood read = understood({{{"params.dtype", "double"},
                                       {"input.dtype", "torch.half"},
                                       {"layers[0].module", "torch::nn::Conv2d"},
                                       {"layers[0].weight.dtype", "bf16"}}},
                                     whole_space());
  EXPECT_TRUE(read.mistakes.empty());
  EXPECT_EQ(read.body["params.dtype"], "float64");
  EXPECT_EQ(read.body["input.dtype"], "float16");
  EXPECT_EQ(read.body["layers[0].module"], "Conv2d");
  EXPECT_EQ(read.body["layers[0].weight.dtype"], "bfloat16");
}

}  // namespace
}  // namespace dtypefuzz
