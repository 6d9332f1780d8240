#include "properties/grade.h"

#include <gtest/gtest.h>

#include "properties/sheet.h"

namespace dtypefuzz {
namespace {

/// An input of float64 for parameters of float32, and beside them lengths that are int64 by nature.
Sheet mismatch() {
  Sheet sheet;
  sheet.call().received.push_back(input("lengths", Dtype::Long, 1));
  sheet.disagree();
  return sheet;
}
Grade grade(Sheet sheet, std::string_view message) {
  return grade_of_refusal(sheet.promised, sheet.promise(), sheet.call(), recognize(message));
}

TEST(Grades, EveryRulesExampleIsGradedByIt) {
  Sheet sheet = mismatch();
  ASSERT_EQ(sheet.promise().kind, Promise::kRefusesMismatch);
  for (const GradeRule& example : grade_rules()) {
    const auto message = recognize(example.example);
    const Refusal refusal{sheet.promised, sheet.promise(), sheet.call(), message};
    for (const GradeRule& rule : grade_rules())
      if (rule.grade(refusal)) {
        EXPECT_EQ(rule.name, example.name) << example.example;
        break;
      }
  }
}

TEST(Grades, AreOfTheMessage) {
  EXPECT_EQ(grade(mismatch(), "flux capacitor unplugged").kind, Grade::kFault);
  EXPECT_EQ(grade(mismatch(), "index out of range in self").kind, Grade::kNone);
  EXPECT_EQ(grade(mismatch(), kMismatch), Grade{Grade::kExact});
  EXPECT_EQ(grade(mismatch(), "Input type (double) and bias type (float) should be the same").blamed, "bias");
  EXPECT_EQ(grade(mismatch(), "result type Double can't be cast to the desired output type Float").kind,
            Grade::kVague);
  EXPECT_EQ(grade(mismatch(), "Input type (float) and weight type (float) should be the same").why,
            "gives input the dtype float32, it has float64");
  EXPECT_EQ(grade(mismatch(), "expected scalar type Half but found Float").why,
            "names float16, which no operand has");
}

TEST(Grades, OfUnsupportedDependOnWhatIsSupported) {
  Sheet sheet = mismatch();
  EXPECT_EQ(grade(sheet, "\"addmm\" not implemented for 'Float'").kind, Grade::kFault);
  sheet.promised.supported[0].second = false;
  EXPECT_EQ(grade(sheet, "\"addmm\" not implemented for 'Float'").kind, Grade::kNone);
}

TEST(Grades, ExcuseAMessageByABystanderThatItIsAbout) {
  // Two operands of the group are float32, and so is the mask, of which "not implemented for 'Float'" says
  // nothing.
  Sheet sheet = mismatch();
  sheet.call().received.push_back(input("attn_mask", Dtype::Float));
  EXPECT_EQ(grade(sheet, "\"addmm\" not implemented for 'Float'").kind, Grade::kFault);
  EXPECT_EQ(grade(sheet, "masked_fill_ only supports boolean masks, but got mask with dtype float").kind,
            Grade::kNone);
  EXPECT_EQ(grade(sheet, "\"addmm\" not implemented for 'Long'").kind, Grade::kNone);  // lengths alone are
}

TEST(Grades, KnowWhatARegionCasts) {
  Sheet sheet = mismatch();
  EXPECT_EQ(grade(sheet, "mat1 and mat2 must have the same dtype, but got Double and BFloat16").kind,
            Grade::kFault);
  sheet.call().autocast = Dtype::BFloat16;
  EXPECT_EQ(grade(sheet, "mat1 and mat2 must have the same dtype, but got Double and BFloat16").kind,
            Grade::kExact);
}

TEST(Grades, TakeWhatIsWantedForNoOperandsDtype) {
  const Contract indices{.source = "a test", .takes = {{"input", kIntegral, "a test"}}};
  Sheet sheet(indices);
  ASSERT_EQ(sheet.promise().kind, Promise::kRefusesCategory);
  EXPECT_EQ(grade(sheet, "expected scalar type Long but found Float"), Grade{Grade::kExact});
  EXPECT_EQ(grade(sheet, "expected scalar type Long but found Half").kind, Grade::kFault);
  EXPECT_EQ(grade(sheet, "\"embedding\" not implemented for 'Float'"), Grade{Grade::kExact});
  EXPECT_EQ(grade(sheet, "mixed dtype (CPU): all inputs must share same datatype").why, "names no dtype");
}

}  // namespace
}  // namespace dtypefuzz
