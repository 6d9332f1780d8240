// A module that is none of LibTorch's, in a space of its own: all that a case goes through works with it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "dtypefuzz/shapes.h"
#include "harness/campaign/inquiry.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"
#include "harness/search/draw_case.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

/// Gives float64 whatever it gets, and promises what it gets.
struct WidensImpl : torch::nn::Module {
  torch::Tensor forward(const torch::Tensor& input) { return input.to(torch::kDouble); }
};
TORCH_MODULE(Widens);

const Row kWidens = {
    .name = "Widens",
    .source = "own_rows_test.cpp",
    .contract = {.source = "its comment", .output = same_as("input")},
    .forward = one_tensor_in_one_out<WidensImpl>,
    .input = draw_any_input,
    .accepts = [](const Shape&, const Site&) { return true; },
    .draw = [](Draw&, const Shape& in, const Site&) -> Drawn { return {.make = make<Widens>(), .out = in}; }};

class OwnRows : public testing::Test {
 protected:
  OwnRows() : space(whole_space()) { space.modules.push_back(&kWidens); }

  Case stack() const {
    return canonical(Case{{{"layers", "3"},
                           {"layers[0].module", "ReLU"},
                           {"layers[1].module", "Widens"},
                           {"layers[2].module", "Tanh"}}},
                     space);
  }
  Violation shown_by(const Case& c) const {
    const auto violations = check_isolated(c, space, {}, {}).violations;
    return violations.size() == 1 ? violations.front() : Violation{};
  }

  Space space;
};

TEST_F(OwnRows, AreDrawn) {
  const Space alone{.modules = {&kWidens}, .losses = {}, .dtypes = space.dtypes, .devices = {kCpu}};
  const Reading reading = draw_case(Rng(1), alone, {});
  for (const LayerPlan& layer : reading.plan.layers) EXPECT_EQ(layer.row, &kWidens);
  EXPECT_EQ(canonical(reading.body, alone), reading.body);
}

TEST_F(OwnRows, AreCheckedInAnotherProcess) {
  EXPECT_EQ(shown_by(stack()).signature.property, "output_dtype_is_as_promised");
  EXPECT_EQ(shown_by(stack()).signature.culprit, "Widens");
}

TEST_F(OwnRows, AreMinimized) {
  Violation violation = shown_by(stack());
  const Case small = minimize(stack(), space, violation, [&](const Reading& step) {
    return check_isolated(step.body, space, {}, {}).violations;
  });
  EXPECT_EQ(small, canonical(Case{{{"layers[0].module", "Widens"}}}, space));
}

TEST_F(OwnRows, AreInquiredInto) {
  const Candidate met{{}, {.violation = shown_by(stack()), .body = stack()}};
  const Inquired inquired = inquire(met, space, {}, {}, {});
  EXPECT_EQ(inquired.standing, Standing::fresh);
  EXPECT_EQ(size_of(inquired.finding.body, space).layers, 1u);
}

TEST_F(OwnRows, AreSavedAndReadBackWhereTheyAreKnown) {
  const TemporaryFolder folder;
  const auto path = folder.path / "widens.case";
  write_atomically(path, print_shortest({stack(), {}, {}, {}}, space));
  std::vector<std::string> notes;
  EXPECT_EQ(load_case(path, space, &notes).body, stack());
  EXPECT_THAT(notes, testing::IsEmpty());
  try {
    load_case(path, whole_space());
    ADD_FAILURE() << "read where nobody knows it";
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("layers[1].module = Widens is not offered here"));
  }
}

}  // namespace
}  // namespace dtypefuzz
