#include "harness/core/names.h"

#include <gtest/gtest.h>

#include <functional>

#include <set>

#include "dtypefuzz/rng.h"
#include "harness/core/text.h"

namespace dtypefuzz {
namespace {

template <class Enum>
class Words : public testing::Test {};
using Enums = testing::Types<Mode, Phase, Severity, Standing>;
TYPED_TEST_SUITE(Words, Enums);

TYPED_TEST(Words, NameOneValueEachAndNothingElseDoes) {
  std::set<std::string_view> all;
  for (size_t i = 0; i < words_of<TypeParam>().size(); ++i) {
    const auto value = static_cast<TypeParam>(i);
    EXPECT_EQ(value_of<TypeParam>(word_of(value)), value);
    EXPECT_EQ(to_string(value), word_of(value));
    EXPECT_TRUE(all.insert(word_of(value)).second) << word_of(value);
  }
  EXPECT_FALSE(value_of<TypeParam>(""));
  EXPECT_FALSE(value_of<TypeParam>("Crash"));
}

/// What files and other programs hold, so that a word cannot change unseen.
TEST(WordsOf, FilesAreTheseForGood) {
  EXPECT_EQ(to_string(Phase::construct), "construct");
  EXPECT_EQ(to_string(Phase::step), "step");
  EXPECT_EQ(to_string(Mode::inference), "inference");
  EXPECT_EQ(to_string(Severity::crash), "crash");
  EXPECT_EQ(to_string(Severity::wrong_bits), "wrong_bits");
  EXPECT_EQ(to_string(Severity::vague), "vague");
  EXPECT_EQ(to_string(Standing::fresh), "new");
  EXPECT_EQ(to_string(Standing::open), "open");
  EXPECT_EQ(to_string(Standing::fixed), "fixed");
  EXPECT_EQ(to_string(Standing::minimized), "minimized");
}

TEST(Signatures, PrintToTheTextTheyWereReadFrom) {
  const std::string text = "refusal_is_early:Linear:input/weight:float:backward:cast:cpu:off";
  EXPECT_EQ(to_string(parse_signature(text)), text);
  EXPECT_EQ(parse_signature(text).operands, "input/weight");
}

TEST(Glob, MatchesWhatItsStarsStandFor) {
  // What it means, letter by letter.
  const std::function<bool(std::string_view, std::string_view)> means = [&](std::string_view pattern,
                                                                            std::string_view text) {
    if (pattern.empty()) return text.empty();
    if (pattern[0] == '*')
      return means(pattern.substr(1), text) || (!text.empty() && means(pattern, text.substr(1)));
    return !text.empty() && pattern[0] == text[0] && means(pattern.substr(1), text.substr(1));
  };
  Rng rng(5);
  const auto drawn = [&](std::string_view letters) {
    std::string text;
    for (uint64_t n = rng.below(7); n > 0; --n) text += letters[rng.below(letters.size())];
    return text;
  };
  int matched = 0;
  for (int i = 0; i < 20000; ++i) {
    const std::string pattern = drawn("ab**"), text = drawn("ab");
    EXPECT_EQ(glob(pattern, text), means(pattern, text)) << pattern << " " << text;
    matched += means(pattern, text);
  }
  EXPECT_GT(matched, 1000);
}

}  // namespace
}  // namespace dtypefuzz
