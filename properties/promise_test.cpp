#include "properties/promise.h"

#include <gtest/gtest.h>

#include "properties/sheet.h"

namespace dtypefuzz {
namespace {

using enum Dtype;

Promise promised(const Contract& contract, std::vector<OperandFacts> operands, Received received = {}) {
  received.operands = operands;
  return promise_of(contract, received);
}

TEST(Promises, OfAGroupThatAgreesAreKept) {
  const auto promise =
      promised(kProduct, {input("input", Half), parameter("weight", Half), parameter("bias", Half)});
  EXPECT_EQ(promise.kind, Promise::kAccepts);
  EXPECT_EQ(promise.outputs, std::vector<Dtype>{Half});
}

TEST(Promises, OfAGroupThatDisagreesNameItsFirstAndTheStranger) {
  const auto promise =
      promised(kProduct, {input("input", Float), parameter("weight", Float), parameter("bias", Int)});
  EXPECT_EQ(promise.kind, Promise::kRefusesMismatch);
  EXPECT_EQ(promise.first, "input");
  EXPECT_EQ(promise.second, "bias");
  EXPECT_EQ(promise.category, Category::integral);
  EXPECT_EQ(promise.group.size(), 3u);
  EXPECT_EQ(promise.reason, "input is float32, bias is int32");
}

TEST(Promises, LeaveOutWhatIsNotThereOrInNoGroup) {
  EXPECT_EQ(promised(kProduct, {input("input", Float), parameter("weight", Float)}).kind, Promise::kAccepts);
  EXPECT_EQ(promised(kProduct, {input("input", Float), parameter("weight", Float), input("mask", Bool)}).kind,
            Promise::kAccepts);
}

TEST(Promises, ForAStarAreOfAllThatIsConvertedWithTheModule) {
  const Contract all{.source = "a test", .share_a_dtype = {{"input", "*"}}};
  EXPECT_EQ(promised(all, {input("input", Float), parameter("w", Float), buffer("running_mean", Float),
                           buffer("num_batches_tracked", Long), input("target", Long)})
                .kind,
            Promise::kAccepts);
  const auto mixed =
      promised(all, {input("input", Float), parameter("w", Float), buffer("running_mean", Half)});
  EXPECT_EQ(mixed.kind, Promise::kRefusesMismatch);
  EXPECT_EQ(mixed.second, "running_mean");
}

TEST(Promises, OfACategoryThatIsNotTakenComeBeforeGroups) {
  Contract contract = kProduct;
  contract.takes = {{"bias", kFloating, "a test"}};
  const auto promise =
      promised(contract, {input("input", Float), parameter("weight", Double), parameter("bias", Long)});
  EXPECT_EQ(promise.kind, Promise::kRefusesCategory);
  EXPECT_EQ(promise.first, "bias");
  EXPECT_EQ(promise.group.size(), 3u);  // any of them may be what is told
}

TEST(Promises, OfSpecialCasesComeBeforeAllOthers) {
  Contract contract = kProduct;
  contract.takes = {{"bias", kFloating, "a test"}};
  contract.special = {accepts_where({some({"bias"}, Long)}, always(Double), "a test"),
                      promises_nothing_where({some({"bias"}, Bool)}, "who knows")};
  const auto with_bias = [&](Dtype bias) {
    return promised(contract, {input("input", Float), parameter("weight", Half), parameter("bias", bias)});
  };
  EXPECT_EQ(with_bias(Long).kind, Promise::kAccepts);
  EXPECT_EQ(with_bias(Long).outputs, std::vector<Dtype>{Double});
  EXPECT_EQ(with_bias(Bool).kind, Promise::kUnspecified);
  EXPECT_EQ(with_bias(Bool).reason, "who knows");
  EXPECT_EQ(with_bias(Int).kind, Promise::kRefusesCategory);
  EXPECT_EQ(with_bias(Half).kind, Promise::kRefusesMismatch);
}

TEST(Promises, BlameTheOperandWithoutWhichTheMixIsAllowed) {
  // Statistics may be float32 for an input of bfloat16, all of them; here one is integral.
  Contract norm{.source = "a test", .share_a_dtype = {{"input", "weight", "running_mean"}}};
  norm.special = {
      accepts_where({some({"input"}, BFloat16), some({"weight"}, Float), some({"running_mean"}, Float)},
                    same_as("input"), "a test")};
  const auto promise =
      promised(norm, {input("input", BFloat16), parameter("weight", Float), buffer("running_mean", Int)});
  EXPECT_EQ(promise.kind, Promise::kRefusesMismatch);
  EXPECT_EQ(promise.second, "running_mean");
}

TEST(Promises, AreNoneForMixesThatNobodyDocuments) {
  Contract contract = kProduct;
  contract.mixes_unspecified = "nobody says";
  EXPECT_EQ(promised(contract, {input("input", Float), parameter("weight", Half)}).reason, "nobody says");
  const Contract sum{
      .source = "a test", .promotes = {"a", "b"}, .output = promoted(), .mixes_unspecified = "nobody says"};
  EXPECT_EQ(promised(sum, {input("a", Float), input("b", Half)}).reason, "nobody says");
  EXPECT_EQ(promised(sum, {input("a", Float), input("b", Float)}).kind, Promise::kAccepts);
}

TEST(Promises, AreNoneForPackedDtypesEvenWhereARegionCasts) {
  Received region{.operands = {}, .autocast = BFloat16};
  const auto promise = promised(kProduct, {input("input", QInt8), parameter("weight", QInt8)}, region);
  EXPECT_EQ(promise.kind, Promise::kUnspecified);
}

TEST(Promises, OfOutputsFollowTheirRules) {
  const auto output = [](OutputRule rule, Dtype dtype) {
    const Contract contract{.source = "a test", .output = rule};
    return promised(contract, {input("input", dtype)},
                    {.operands = {}, .autocast = {}, .default_dtype = Double})
        .output(0);
  };
  EXPECT_EQ(output(same_as("input"), Half), Half);
  EXPECT_EQ(output(always(Long), Half), Long);
  EXPECT_EQ(output(float_of("input"), Half), Half);
  EXPECT_EQ(output(float_of("input"), Int), Double);  // the default dtype
  EXPECT_EQ(output(same_float_as("input"), Half), Half);
  EXPECT_EQ(output(same_float_as("input"), Bool), Undefined);
  EXPECT_EQ(output(OutputRule{}, Half), Undefined);
}

TEST(Regions, CastByThePolicyOfTheirDevice) {
  const std::vector<OperandFacts> operands = {input("input", Float), parameter("weight", Half),
                                              parameter("bias", Double)};
  const auto cast = [&](AutocastPolicy policy, Device device, Dtype region = BFloat16) {
    const Contract contract{.source = "a test", .autocast_cpu = policy};
    const auto effective =
        effective_operands(contract, {.operands = operands, .autocast = region, .device = device});
    std::vector<Dtype> dtypes;
    if (effective)
      for (const auto& operand : *effective) dtypes.push_back(operand.dtype);
    return dtypes;
  };
  using Dtypes = std::vector<Dtype>;
  const Dtypes as_they_came = {Float, Half, Double};
  EXPECT_EQ(cast(AutocastPolicy::leave, kCpu), as_they_came);
  EXPECT_EQ(cast(AutocastPolicy::lower_precision, kCpu), (Dtypes{BFloat16, BFloat16, Double}));
  EXPECT_EQ(cast(AutocastPolicy::float32, kCpu), (Dtypes{Float, Float, Double}));
  EXPECT_EQ(cast(AutocastPolicy::promote, kCpu), (Dtypes{Float, Float, Double}));  // the widest is float64
  EXPECT_EQ(cast(AutocastPolicy::unspecified, kCpu), Dtypes{});
  EXPECT_EQ(cast(AutocastPolicy::refused, kCpu), Dtypes{});
  EXPECT_EQ(cast(AutocastPolicy::lower_precision, kCuda),
            as_they_came);  // the lists of the CPU are not its own
  EXPECT_EQ(cast(AutocastPolicy::lower_precision, kMeta), as_they_came);  // it has no autocast
}

TEST(Regions, OfABackendThatNobodyKnowsPromiseNothing) {
  static constexpr DeviceRow mine = {.name = "mine", .type = c10::DeviceType::PrivateUse1};
  const auto promise = promised(kProduct, {input("input", Float), parameter("weight", Half)},
                                {.operands = {}, .autocast = Half, .device = mine});
  EXPECT_EQ(promise.kind, Promise::kUnspecified);
}

TEST(ResultTypes, FollowTensorsWithDimensionsUnlessACategoryIsHigher) {
  const auto result = [](Dtype a, int rank_a, Dtype b, int rank_b) {
    return result_type_of(std::vector<OperandFacts>{input("a", a, rank_a), input("b", b, rank_b)});
  };
  EXPECT_EQ(result(Float, 2, Double, 2), Double);
  EXPECT_EQ(result(Half, 2, BFloat16, 2), Float);
  EXPECT_EQ(result(Half, 2, Double, 0), Half);  // the same category: a tensor without dimensions is none
  EXPECT_EQ(result(Int, 2, Long, 0), Int);
  EXPECT_EQ(result(Int, 2, Double, 0), Double);  // a higher category counts
  EXPECT_EQ(result(Float, 2, ComplexDouble, 0), ComplexDouble);
  EXPECT_EQ(result(Bool, 1, Int, 0), Int);
  EXPECT_EQ(result(Float, 0, Double, 0), Double);
  EXPECT_EQ(result(Float8_e4m3fn, 1, Float, 1), std::nullopt);
  EXPECT_EQ(result_type_of({}), std::nullopt);
}

}  // namespace
}  // namespace dtypefuzz
