#include "harness/run/position.h"

#include <gtest/gtest.h>

namespace dtypefuzz {
namespace {

void expect_same(const Position& a, const Position& b) {
  EXPECT_EQ(a.phase, b.phase);
  EXPECT_EQ(a.culprit, b.culprit);
  EXPECT_EQ(a.input, b.input);
  EXPECT_EQ(a.device, b.device);
  EXPECT_EQ(a.autocast, b.autocast);
}

TEST(Position, ComesBackFromItsWord) {
  for (int phase = 0; phase <= static_cast<int>(Phase::step); ++phase)
    for (const Culprit culprit :
         {Culprit{Culprit::kStage}, Culprit{Culprit::kLoss}, Culprit{Culprit::kLayer, 0},
          Culprit{Culprit::kLayer, -1}, Culprit{Culprit::kResidual, 300}})
      for (const DeviceRow* device : kDevices)
        for (const auto autocast :
             {std::optional<Dtype>(), std::optional(Dtype::Byte), std::optional(Dtype::Half)})
          for (const Dtype input : {Dtype::Byte, Dtype::Float, Dtype::Undefined}) {
            const Position at{static_cast<Phase>(phase), culprit, input, *device, autocast};
            expect_same(position_of(word_of(at)), at);
          }
}

TEST(Position, OnADeviceThatTheWordDoesNotKnowIsOnThePlansOwn) {
  static constexpr DeviceRow kTheirs = {.name = "theirs", .type = c10::DeviceType::PrivateUse1};
  const Position at{Phase::forward, {Culprit::kLayer, 2}, Dtype::Half, kTheirs, Dtype::BFloat16};
  expect_same(position_of(word_of(at), kTheirs), at);
}

class Written : public testing::Test {
 protected:
  Written() {
    write_positions_to(&word_);
    begin_positions(kMeta, std::nullopt);
  }
  ~Written() override { write_positions_to(nullptr); }
  Culprit culprit() const { return position_of(word_).culprit; }
  PositionWord word_{0};
};

TEST_F(Written, PositionsHaveTheDeviceAndRegionThatTheRunBeganWith) {
  write_position(Phase::forward, {Culprit::kLayer, 1}, Dtype::Long);
  expect_same(position_of(word_), {Phase::forward, {Culprit::kLayer, 1}, Dtype::Long, kMeta, {}});
  begin_positions(kCpu, Dtype::Half);
  write_position(Phase::step, {Culprit::kStage});
  expect_same(position_of(word_), {Phase::step, {Culprit::kStage}, Dtype::Undefined, kCpu, Dtype::Half});
}

TEST_F(Written, PositionsOfRunsForALayerNameThatLayer) {
  const Culprit third{Culprit::kLayer, 2}, own{Culprit::kLayer, 0}, stage{Culprit::kStage};
  {
    const RunsFor it(third);
    write_position(Phase::forward, own);
    EXPECT_EQ(culprit(), third);
    write_position(Phase::backward, stage);
    EXPECT_EQ(culprit(), third);
    write_position(Phase::convert, stage);
    EXPECT_EQ(culprit(), stage);
    {
      const RunsFor loss({Culprit::kLoss});
      write_position(Phase::forward, own);
      EXPECT_EQ(culprit().kind, Culprit::kLoss);
    }
    write_position(Phase::forward, own);
    EXPECT_EQ(culprit(), third);
  }
  write_position(Phase::forward, own);
  EXPECT_EQ(culprit(), own);
}

}  // namespace
}  // namespace dtypefuzz
