// Compiled with the public headers alone, as somebody else's project is: a module and a device of its own,
// judged in processes of their own and drawn by RapidCheck.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/check.h"
#include "dtypefuzz/rapidcheck.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

struct ScaleImpl : torch::nn::Module {
  ScaleImpl(double factor, std::optional<torch::Dtype> gives) : factor(factor), gives(gives) {}
  torch::Tensor forward(const torch::Tensor& input) {
    const torch::Tensor scaled = input * factor;
    return gives ? scaled.to(*gives) : scaled;
  }
  double factor;
  std::optional<torch::Dtype> gives;
};
TORCH_MODULE(Scale);

/// A row that closes over what its module is made with. What it promises is what multiplication by a number
/// does.
Row scale_row(std::string_view name, double factor, std::optional<torch::Dtype> gives = {}) {
  return {.name = name,
          .source = "public_headers_test.cpp",
          .contract = {.source = "https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc",
                       .output = float_of("input")},
          .forward = one_tensor_in_one_out<ScaleImpl>,
          .input = draw_any_input,
          .accepts = [](const Shape&, const Site&) { return true; },
          .draw = [factor, gives](Draw&, const Shape& in, const Site&) -> Drawn {
            return {.make = make<Scale>(factor, gives), .out = in};
          }};
}

Space space_of(const Row& row, Device device = kCpu) {
  return {.modules = {&row}, .losses = {}, .dtypes = whole_space().dtypes, .devices = {device}};
}

TEST(PublicHeaders, AModuleThatKeepsItsPromiseHolds) {
  const Row half = scale_row("Half", 0.5);
  const Isolated judged = check_isolated(Case{}, space_of(half), {}, {});
  EXPECT_EQ(judged.not_applicable, "");
  EXPECT_EQ(judged.outcome, "succeeded, gave float32");
  EXPECT_TRUE(judged.violations.empty());
}

TEST(PublicHeaders, AModuleThatBreaksItsPromiseIsTheCulprit) {
  const Row wide = scale_row("Wide", 2, torch::kDouble);
  const auto violations = check_isolated(Case{}, space_of(wide), {}, {}).violations;
  ASSERT_FALSE(violations.empty());
  EXPECT_EQ(violations.front().signature.property, "output_dtype_is_as_promised");
  EXPECT_EQ(violations.front().signature.culprit, "Wide");
}

TEST(PublicHeaders, ADeviceIsARowLikeTheOthers) {
  DeviceRow mine = kCpu;
  mine.name = "mine";
  const Row half = scale_row("Half", 0.5);
  Case c;
  c.set("device", "mine");
  const Isolated judged = check_isolated(c, space_of(half, mine), {}, {});
  EXPECT_EQ(judged.outcome, "succeeded, gave float32");
  EXPECT_TRUE(judged.violations.empty());
}

RC_GTEST_PROP(PublicHeaders, CasesOfAnOwnSpaceAreDrawnAndJudged, ()) {
  static const Row half = scale_row("Half", 0.5);
  static const Space space = space_of(half);
  const Case c = *cases(space);
  for (const Violation& violation : check_isolated(c, space, {}, {}).violations)
    RC_ASSERT(violation.signature.culprit != "Half");
}

}  // namespace
}  // namespace dtypefuzz
