#include "dtypefuzz/cause.h"

#include <gtest/gtest.h>

#include "dtypefuzz/error.h"

namespace dtypefuzz {

void PrintTo(const Cause& cause, std::ostream* out) {
  *out << to_string(cause);
}

namespace {

const Cause kBias{.property = "mismatch_is_refused_by_name",
                  .deed = "takes",
                  .operation = "add_",
                  .caller = "linear",
                  .operand = "bias"};

TEST(Causes, PrintToTheTextTheyWereReadFrom) {
  for (const std::string text : {"mismatch_is_refused_by_name:takes:add_:linear:bias:-",
                                 "refusal_is_early:throws:MmBackward0:-:-:validate_outputs_impl",
                                 "a:b:c:-:-:-", "a:b:Module.to:c:d/e:operator..", "a:b:f<g>:-:-:~T+x"}) {
    EXPECT_EQ(to_string(parse_cause(text)), text);
    EXPECT_EQ(parse_cause(to_string(parse_cause(text))), parse_cause(text));
  }
}

TEST(Causes, ComeBackFromTheirText) {
  Cause threw = kBias;
  threw.function = "compute_types";
  for (const Cause& cause : {kBias, threw, Cause{.property = "a", .deed = "b", .operation = "c"}})
    EXPECT_EQ(parse_cause(to_string(cause)), cause);
  EXPECT_EQ(to_string(kBias), "mismatch_is_refused_by_name:takes:add_:linear:bias:-");
}

TEST(Causes, OfATextThatIsNoneAreRefusedInOneLineThatShowsIt) {
  const std::string sound = to_string(kBias);
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("a:b:c:d:e"), sound + ":more", sound + ":",
        std::string("a:b:c::e:f"), std::string(":b:c:d:e:f"), std::string("a:b:c:d:e:"), std::string(":::::"),
        std::string("a:b:c d:-:-:-"), std::string("a:b:c\n:-:-:-"), std::string("a:b:c\0:-:-:-", 12),
        std::string("a:b:\xff\xfe:-:-:-"), std::string("a:b:{}:-:-:-"), std::string("a:b:\x1b[31m:-:-:-"),
        "a:b:" + std::string(1100, 'c') + ":-:-:-", std::string(1 << 20, ':')}) {
    try {
      const Cause cause = parse_cause(text);
      ADD_FAILURE() << "took " << testing::PrintToString(text) << " for " << to_string(cause);
    } catch (const Error& e) {
      const std::string said = e.what();
      EXPECT_NE(said.find("expected property:deed:operation:caller:operand:function"), std::string::npos);
      EXPECT_EQ(said.find_first_of(std::string_view("\n\r\0\x1b\xff", 5)), std::string::npos) << said;
      EXPECT_LT(said.size(), 200u) << said;
    }
  }
}

TEST(Causes, MayBeAsLongAsTheLongestName) {
  const std::string text = "a:b:" + std::string(1014, 'c') + ":-:-:-";
  EXPECT_EQ(text.size(), 1024u);
  EXPECT_EQ(to_string(parse_cause(text)), text);
}

TEST(Causes, AreToldInASentenceOfTheirDeed) {
  const auto told = [](std::string_view text) { return sentence_of(parse_cause(text)); };
  EXPECT_EQ(told("p:takes:add_:-:bias:-"), "add_ takes bias of another dtype");
  EXPECT_EQ(told("p:takes:mul:lstm:state:-"), "mul in lstm takes state of another dtype");
  EXPECT_EQ(told("p:takes:mm:-:-:-"), "mm takes an operand of another dtype");
  EXPECT_EQ(told("p:throws:mm:-:-:addmm_impl_cpu_"), "mm throws in addmm_impl_cpu_()");
  EXPECT_EQ(told("p:throws:torch.load:-:-:-"), "torch.load throws");
  EXPECT_EQ(told("p:gives:huber_loss:-:-:-"), "huber_loss gives another dtype than promised");
  EXPECT_EQ(told("p:writes:AccumulateGrad:-:gradient:-"),
            "AccumulateGrad writes gradient and what comes after it throws");
  EXPECT_EQ(told("p:decides:equal:-:-:-"),
            "equal looks at numbers that need a gradient, and by its answer they get none");
  EXPECT_EQ(told("p:returns:addmm:-:-:-"), "addmm returns a gradient of another dtype than its operand's");
  EXPECT_EQ(told("p:loads:torch.load:-:archive:-"), "torch.load changes the numbers of archive");
  EXPECT_EQ(told("p:converts:Module.to:-:buffer:-"), "Module.to changes the dtype of buffer");
  EXPECT_EQ(told("p:drops:mul:-:input:-"), "mul drops the gradient of input");
  EXPECT_EQ(told("p:spoils:addcdiv_:optim.Adam:-:-"),
            "addcdiv_ in optim.Adam makes infinity or NaN of finite numbers");
  EXPECT_EQ(told("p:departs:div:-:-:-"), "div gives other numbers than in float64");
  EXPECT_EQ(told("p:leaves:cached_cast:-:-:-"), "cached_cast leaves autocast changed");
  EXPECT_EQ(told("p:ends:elu:-:-:abort"), "the process ends in elu in abort()");
  EXPECT_EQ(told("p:unknown:Linear:-:-:-"), "Linear: no operator to blame was found");
  EXPECT_EQ(told("p:hides:mul:-:-:-"), "mul hides") << "a deed of a later release";
}

}  // namespace
}  // namespace dtypefuzz
