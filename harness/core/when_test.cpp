#include "dtypefuzz/when.h"

#include <gtest/gtest.h>

#include "dtypefuzz/promotion.h"

namespace dtypefuzz {
namespace {

using enum c10::ScalarType;

TEST(When, HoldsWhereAllItsConditionsDo) {
  const OperandFacts operands[] = {{"input", BFloat16, 2, Role::input},
                                   {"weight", Float, 1, Role::parameter},
                                   {"bias", Float, 1, Role::parameter}};
  Received received{.operands = operands, .autocast = {}};
  const When low_input = {some({"input"}, kLowFloat)};
  const When float_parameters = {each({"weight", "bias", "running_mean"}, Float)};
  EXPECT_TRUE(low_input(received));
  EXPECT_TRUE((low_input & float_parameters)(received));
  EXPECT_FALSE((low_input & When{InRegion{}})(received));
  EXPECT_TRUE((low_input & When{InTrain{}, on(kCpu), not_on(kCuda)})(received));
  received.autocast = Half;
  EXPECT_TRUE((low_input & When{InRegion{}})(received));
  EXPECT_FALSE((When{DefaultDtypeIs{other_than(Float)}})(received));
  EXPECT_TRUE(When{}(received));
}

TEST(When, EachPassesOverWhatIsNotThereAndSomeAsksForIt) {
  const OperandFacts operands[] = {{"input", Long, 1, Role::input}};
  const Received received{.operands = operands, .autocast = {}};
  EXPECT_TRUE((When{each({"lengths"}, kIntegral)})(received));
  EXPECT_FALSE((When{some({"lengths"}, other_than(kIntegral))})(received));
  EXPECT_FALSE((When{IsGiven{"lengths"}})(received));
  EXPECT_TRUE((When{each(all_operands(), kWhole)})(received));
  EXPECT_FALSE((When{some(all_but({"input"}), kWhole)})(received));
}

TEST(When, ComparesWithAnotherOperandAndWithinModules) {
  OperandFacts operands[] = {{"src", Half, 1, Role::input},
                             {"layers.0.norm1.weight", Float, 1, Role::parameter},
                             {"layers.0.norm1.bias", Float, 1, Role::parameter},
                             {"layers.0.norm2.weight", Half, 1, Role::parameter}};
  const Received received{.operands = operands, .autocast = {}};
  const When alike = {each({"*norm*"}, DtypeSet(Float) | dtype_of("src")), ModulesAgree{{"*norm*"}}};
  EXPECT_TRUE(alike(received));
  operands[2].dtype = Half;
  EXPECT_FALSE(alike(received));
}

TEST(When, AsksForTheResultTypeOfWhatIsThere) {
  const OperandFacts operands[] = {{"input", Long, 1, Role::input}, {"target", ComplexFloat, 0, Role::input}};
  const Received received{.operands = operands, .autocast = {}};
  EXPECT_TRUE((When{ResultIs{{"input", "target", "weight"}, kComplex}})(received));
  EXPECT_FALSE((When{ResultIs{{"input"}, kComplex}})(received));
  EXPECT_FALSE((When{ResultIs{{"weight"}, kAnything}})(received)) << "there is no result of nothing";
}

TEST(When, IsToldInWords) {
  EXPECT_EQ((When{some({"input"}, kWhole), InRegion{}, on(kCpu)}).words(),
            "input is integral or bool; in an autocast region; on cpu");
  EXPECT_EQ((When{each({"weight", "bias"}, Float)}).words(), "each given one of weight and bias is float32");
  EXPECT_EQ((When{some(all_but({"target"}), kComplex)}).words(), "some operand but target is complex");
  EXPECT_EQ((When{some({"a"}, other_than(dtype_of("b")))}).words(), "a has not the dtype of b");
}

TEST(When, IsEqualWhereItSaysTheSame) {
  EXPECT_EQ((When{some({"input"}, kWhole)}), (When{some({"input"}, kIntegral | kBoolean)}));
  EXPECT_NE((When{some({"input"}, kWhole)}), (When{each({"input"}, kWhole)}));
  EXPECT_NE((When{on(kCpu)}), (When{not_on(kCpu)}));
}

TEST(ResultType, IsThatOfTorch) {
  const auto of = [](std::initializer_list<std::pair<Dtype, int>> tensors) {
    ResultType type;
    for (const auto& [dtype, rank] : tensors) type.add(dtype, rank);
    return type.get();
  };
  EXPECT_EQ(of({{BFloat16, 1}, {Half, 1}}), Float);
  EXPECT_EQ(of({{Long, 1}, {Half, 1}}), Half);
  EXPECT_EQ(of({{Long, 2}, {Double, 0}}), Double) << "zero dimensions, and a higher kind";
  EXPECT_EQ(of({{Half, 2}, {Double, 0}}), Half) << "zero dimensions of the same kind do not count";
  EXPECT_EQ(of({{Half, 0}, {Double, 0}}), Double);
  EXPECT_EQ(of({{Float8_e4m3fn, 1}, {Float, 1}}), std::nullopt);
  EXPECT_EQ(of({{Float8_e4m3fn, 1}, {Float8_e4m3fn, 1}}), Float8_e4m3fn);
  EXPECT_EQ(of({}), std::nullopt);
}

}  // namespace
}  // namespace dtypefuzz
