#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "dtypefuzz/error.h"
#include "generators/stack.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {
namespace {

Case random_case(uint64_t seed) {
  Draw draw(rng_for(seed, 0), Bias{});
  plan_of(draw, whole_space());
  return draw.take_result();
}

RC_GTEST_PROP(CaseLaws, ReplayIsAFixedPoint, (uint64_t seed)) {
  const Case c = random_case(seed);
  RC_ASSERT(canonical(c, whole_space()) == c);
}

RC_GTEST_PROP(CaseLaws, TextRoundTrips, (uint64_t seed)) {
  const Case c = random_case(seed);
  RC_ASSERT(parse_case(print_case({c, {}, {}, {}})).body == c);
}

RC_GTEST_PROP(CaseLaws, TheSameSeedDrawsTheSameCase, (uint64_t seed)) {
  RC_ASSERT(random_case(seed) == random_case(seed));
}

RC_GTEST_PROP(CaseLaws, RemovingWhatWasInsertedGivesTheCaseBack, (uint64_t seed)) {
  const Case c = random_case(seed);
  const auto added = with_element(c, "layers", 0, element_of(c, "layers", 0));
  RC_ASSERT(list_size(added, "layers") == list_size(c, "layers") + 1);
  const Case back = without_element(added, "layers", 0);
  for (const Choice& choice : c.choices) RC_ASSERT(back[choice.name] == choice.value);
}

TEST(CaseText, AnEmptyCaseAnswersEverythingWithTheSimplest) {
  const Plan plan = plan_of(Case{}, whole_space());
  ASSERT_EQ(plan.layers.size(), 1u);
  EXPECT_EQ(plan.layers[0].module, "Linear");
  EXPECT_EQ(plan.params_dtype, Dtype::Float);
}

TEST(CaseText, MalformedTextIsALocatedError) {
  const auto message = [](std::string_view text) {
    try {
      parse_case(text);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message("").find("not a case file"), std::string::npos);
  EXPECT_NE(message("# dtypefuzz case 9\n").find("this version reads 1"), std::string::npos);
  EXPECT_NE(message("# dtypefuzz case 1\nmode train\n").find("2: expected 'name = value'"),
            std::string::npos);
  EXPECT_NE(message("# dtypefuzz case 1\nmode = train\nmode = eval\n").find("answered twice"),
            std::string::npos);
  EXPECT_NE(message("# dtypefuzz case 1\n" + std::string(70000, 'x')).find("at most"), std::string::npos);
}

}  // namespace
}  // namespace dtypefuzz
