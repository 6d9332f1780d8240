#include "properties/regions.h"

#include <gtest/gtest.h>

#include "properties/sheet.h"

namespace dtypefuzz {
namespace {

using Kinds = std::vector<RegionKind>;
using enum RegionKind;

/// One module, called twice in regions of these dtypes.
Sheet called_twice(std::optional<Dtype> first, std::optional<Dtype> second) {
  Sheet sheet;
  sheet.plan.layers.push_back(sheet.plan.layers.front());
  sheet.plan.layers.back().reuse = 1;
  sheet.plan.layers.back().path = "layers[1]";
  sheet.seen.calls.push_back(sheet.call());
  sheet.seen.calls[0].autocast = first;
  sheet.seen.calls[1].autocast = second;
  sheet.seen.calls[1].culprit.layer = 1;
  return sheet;
}
Kinds kinds(const Sheet& sheet) {
  return regions_of(sheet.plan, sheet.seen);
}

TEST(RegionsOfCalls, AreDocumentedOrNot) {
  EXPECT_EQ(kinds(called_twice(std::nullopt, Dtype::Half)), (Kinds{documented, documented}));
  EXPECT_EQ(kinds(called_twice(Dtype::BFloat16, Dtype::Double)), (Kinds{documented, undocumented}));
}

TEST(RegionsOfCalls, ShareACacheWithinTheOutermost) {
  Sheet sheet = called_twice(Dtype::BFloat16, Dtype::Half);
  EXPECT_EQ(kinds(sheet), (Kinds{documented, documented}));  // each has a region of its own
  sheet.plan.autocast = Dtype::BFloat16;                     // round both
  EXPECT_EQ(kinds(sheet), (Kinds{documented, after_another}));
  sheet.seen.calls[1].autocast = Dtype::BFloat16;
  EXPECT_EQ(kinds(sheet), (Kinds{documented, documented}));
}

TEST(RegionsOfCalls, ShareACacheWithinTheirContainer) {
  Sheet sheet = called_twice(Dtype::BFloat16, Dtype::Half);
  sheet.plan.containers = {{.path = "layers[0]", .autocast = {Region::kOn, Dtype::BFloat16}}};
  sheet.plan.layers[0].path = "layers[0].layers[0]";
  sheet.plan.layers[1].path = "layers[0].layers[1]";
  EXPECT_EQ(kinds(sheet), (Kinds{documented, after_another}));
}

TEST(RegionsOfCalls, CacheOnlyParametersOfFloat32) {
  Sheet sheet = called_twice(Dtype::BFloat16, Dtype::Half);
  sheet.plan.autocast = Dtype::BFloat16;
  for (CallFacts& call : sheet.seen.calls)
    for (OperandFacts& operand : call.received) operand.dtype = Dtype::Double;
  EXPECT_EQ(kinds(sheet), (Kinds{documented, documented}));
}

TEST(RegionsOfCalls, AreWarmedByThePlansOwn) {
  Sheet sheet;
  sheet.plan.autocast = Dtype::BFloat16;
  sheet.plan.warmup = Warmup::no_grad;
  sheet.call().autocast = Dtype::Half;
  EXPECT_EQ(kinds(sheet), Kinds{after_another});
  sheet.call().iteration = 1;
  EXPECT_EQ(kinds(sheet), Kinds{documented});
}

}  // namespace
}  // namespace dtypefuzz
