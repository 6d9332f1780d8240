#include "harness/report/report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <pugixml.hpp>

#include "dtypefuzz/error.h"
#include "dtypefuzz/space.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"
#include "harness/report/lines.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::string kA = "refusal_is_early:Linear:input:float:backward:cast:cpu:off";
const std::string kB = "loading_preserves_values:load:archive:float:load:accepted:cpu:off";

std::string line_of(const std::string& signature, const std::string& novelty,
                    const std::string& severity = "late") {
  return fmt::format(
      R"({{"schema":1,"type":"finding","signature":"{}","severity":"{}","novelty":"{}","title":"t",)"
      R"("case":"{}.case","layers":1,"promised":"p","seen":"s"}})"
      "\n",
      signature, severity, novelty, novelty);
}

std::string refusal(const auto& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

class Reports : public testing::Test {
 protected:
  Report report(const std::string& results) {
    return report_of(folder.string(), whole_space(), parse_results(results, "r"), baseline, fixed);
  }
  Standing standing(const std::string& results, const std::string& signature = kA) {
    const Report told = report(results);
    for (const Entry& entry : told.entries)
      if (entry.signature() == signature) return entry.standing;
    throw std::runtime_error("not told");
  }

  const TemporaryFolder temporary;
  const fs::path folder = temporary.path;
  std::map<std::string, Known> baseline;
  std::map<std::string, bool> fixed;
};

TEST_F(Reports, AFindingIsNewOnceThenKnownThenFixedThenReturned) {
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::fresh);
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::known);
  EXPECT_EQ(standing(line_of(kA, "fixed")), Standing::fixed);
  EXPECT_EQ(standing(line_of(kA, "fixed")), Standing::fixed);
  fixed = parse_kept(print_kept(fixed), "kept");  // as from one night to the next
  EXPECT_EQ(standing(line_of(kA, "known")), Standing::returned);
  EXPECT_EQ(standing(line_of(kA, "known")), Standing::known);
}

TEST_F(Reports, WhatTheBaselineHasIsKnown) {
  baseline[kA] = {"a.case", "of the baseline", true};
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::known);
}

TEST_F(Reports, WhatTheResultsDoNotTellIsReplayed) {
  std::ofstream(folder / "a.case")
      << "# dtypefuzz case 1\nlayers[0].module = Linear\n[about]\ntitle = hello\n[seen]\n"
      << seen_key() << " = " << kA << "\n";
  const Report told = report("");
  ASSERT_EQ(told.entries.size(), 1u);
  EXPECT_EQ(told.entries[0].standing, Standing::fixed);  // a Linear of one dtype keeps every promise
  EXPECT_EQ(told.entries[0].title, "hello");
  EXPECT_EQ(told.entries[0].path, (folder / "a.case").string());
}

TEST_F(Reports, AReplayTellsWhatACaseShowsAndWhatItNoLongerShows) {
  const auto replay = [](const std::string& state, const std::string& shown) {
    return fmt::format(
        R"({{"schema":1,"type":"replay","case":"a.case","state":"{}","recorded":["{}"],"violations":[{}]}})"
        "\n",
        state, kA,
        shown.empty()
            ? ""
            : fmt::format(R"({{"signature":"{}","severity":"late","promised":"p","seen":"s"}})", shown));
  };
  EXPECT_EQ(standing(replay("as seen", kA)),
            Standing::known);  // a corpus records it, beside what it is there for
  fixed.clear();
  baseline[kA] = {"a.case", "t", true};
  EXPECT_EQ(standing(replay("differs", kB), kB), Standing::fresh);
  EXPECT_EQ(standing(replay("differs", "")), Standing::fixed);
  // Shown by another case is shown, in whatever order.
  fixed.clear();
  EXPECT_EQ(standing(replay("differs", "") + line_of(kA, "known")), Standing::known);
  EXPECT_EQ(standing(line_of(kA, "known") + replay("differs", "")), Standing::known);
}

TEST_F(Reports, FlakyFindingsAndOtherLinesAreLeftAside) {
  EXPECT_TRUE(report(line_of(kA, "flaky") + "{\"schema\":1,\"type\":\"summary\"}\n\n").entries.empty());
}

TEST(Results, AreRefusedWithTheirLine) {
  const auto says = [](const std::string& text) {
    return refusal([&] { parse_results("\n" + text, "r.json"); });
  };
  EXPECT_THAT(says("{"), HasSubstr("r.json:2: "));
  EXPECT_THAT(says("[]"), HasSubstr("r.json:2: "));
  EXPECT_THAT(says("{}"), HasSubstr("has no 'schema'"));
  EXPECT_THAT(says(R"({"schema":2,"type":"finding"})"), HasSubstr("schema 2, this version reads 1"));
  EXPECT_THAT(says(line_of("../../x", "new")), HasSubstr("r.json:2: signature: '../../x' is no signature"));
  EXPECT_THAT(says(line_of(kA, "old")), HasSubstr("novelty: expected one of new, returned, known, fixed"));
  EXPECT_THAT(says(line_of(kA, "new", "awful")), HasSubstr("severity: expected one of crash, wrong_bits"));
  EXPECT_THAT(says(R"({"schema":1,"type":"finding","novelty":[1]})"), HasSubstr("r.json:2: "));
  EXPECT_THAT(says(std::string(100'000, '[')), HasSubstr("r.json:2: "));
  EXPECT_THAT(says("{\"schema\":1,\"type\":\"\xff\"}"), HasSubstr("r.json:2: "));
  EXPECT_THAT(
      refusal([] { parse_kept(R"({"schema":1,"type":"kept","signature":"x","standing":"open"})", "k"); }),
      HasSubstr("k:1: signature: 'x' is no signature"));
}

Report hostile() {
  const std::string text = "a | b </failure> & \" ' ]]> \x1b[2J \n \xff `x` <b>";
  return {{{.finding = {.violation = {parse_signature(kA), Severity::late, text, text}, .body = {}},
            .standing = Standing::fresh,
            .title = text,
            .path = "dir/it's `|.case"},
           {.finding = {.violation = {parse_signature(kB), Severity::wrong_bits, "p", "s"}, .body = {}},
            .standing = Standing::fixed}}};
}

TEST(JUnit, HasOneTestACaseAndNewOnesFailWhateverTheirText) {
  pugi::xml_document document;
  const std::string text = to_junit(hostile());
  ASSERT_TRUE(document.load_string(text.c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("tests").as_int(), 2);
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  const auto first = suite.find_child_by_attribute("name", kA.c_str());
  EXPECT_STREQ(first.attribute("classname").value(), "dtypefuzz.refusal_is_early");
  EXPECT_THAT(first.child("failure").text().get(),
              HasSubstr("a | b </failure> & \" ' ]]> \uFFFD[2J   \uFFFD"));
  const auto second = suite.find_child_by_attribute("name", kB.c_str());
  EXPECT_FALSE(second.child("failure"));
  EXPECT_THAT(second.child("system-out").text().get(), HasSubstr("fixed\n"));
  for (const char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << int(c);
}

TEST(Reported, WhatHasReturnedIsRed) {
  Report report = hostile();
  report.entries[0].standing = Standing::returned;
  EXPECT_EQ(report.count_red(), 1u);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(to_junit(report).c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  EXPECT_THAT(suite.find_child_by_attribute("name", kA.c_str()).child("failure").text().get(),
              testing::StartsWith("returned\n"));
  EXPECT_THAT(to_markdown(report, "x"), HasSubstr("# dtypefuzz: no new findings, 1 returned\n"));
}

TEST(Markdown, CountsAndShowsWhatIsNewWithItsCommandAndAsTextAlone) {
  const std::string text = to_markdown(hostile(), "build/dtypefuzz");
  EXPECT_THAT(text, HasSubstr("# dtypefuzz: 1 new finding\n"));
  EXPECT_THAT(text, HasSubstr("| late | 1 | 0 | 0 | 0 |\n"));
  EXPECT_THAT(text, HasSubstr("| wrong\\_bits | 0 | 0 | 0 | 1 |\n"));
  EXPECT_THAT(text, HasSubstr("a \\| b \\</failure\\> \\& \" ' \\]\\]\\>"));
  EXPECT_THAT(text, HasSubstr(R"(`` build/dtypefuzz replay 'dir/it'\''s `\|.case' ``)"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_markdown({}, "x"), HasSubstr("# dtypefuzz: no new findings\n"));
}

}  // namespace
}  // namespace dtypefuzz
