#include "harness/report/report.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <pugixml.hpp>

#include "dtypefuzz/error.h"
#include "dtypefuzz/space.h"
#include "harness/files/cause_file.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"
#include "harness/report/lines.h"
#include "harness/report/text.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

const std::string kA = "refusal_is_early:Linear:input:float:backward:cast:cpu:off";
const std::string kB = "loading_preserves_values:load:archive:float:load:accepted:cpu:off";

const std::string kC = "refusal_is_early:Bilinear:bias:float:backward:cast:cpu:off";
const std::string kEngine = "refusal_is_early:throws:AddmmBackward0:-:-:validate_outputs_impl";
const std::string kOther = "refusal_is_early:throws:MulBackward0:-:-:validate_outputs_impl";

std::string line_of(const std::string& signature, const std::string& novelty,
                    const std::string& severity = "late", const std::string& cause = "",
                    const std::string& title = "t") {
  return fmt::format(
      R"({{"schema":1,"type":"finding","signature":"{}","severity":"{}","novelty":"{}","title":"{}",)"
      R"("case":"{}.case","layers":1,"promised":"p","seen":"s"{}}})"
      "\n",
      signature, severity, novelty, title, novelty,
      cause.empty() ? "" : fmt::format(R"(,"cause":"{}")", cause));
}
/// As this version prints it.
std::string blamed(const std::string& signature, const std::string& novelty,
                   const std::string& cause = kEngine) {
  return line_of(signature, novelty, "late", cause);
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
    return report_of(folder.string(), whole_space(), parse_results(results, "r"), baseline, kept, today);
  }
  Standing standing(const std::string& results, const std::string& signature = kA) {
    for (const CauseEntry& cause : report(results).causes)
      for (const Entry& place : cause.places)
        if (place.signature() == signature) return place.standing;
    throw std::runtime_error("not told");
  }
  /// Of its cause.
  Standing standing_of_cause(const std::string& results, const std::string& cause = kEngine) {
    for (const CauseEntry& entry : report(results).causes)
      if (to_string(entry.cause) == cause) return entry.standing;
    throw std::runtime_error("not told");
  }
  void add_known(const std::string& signature, const std::string& cause = kEngine, bool here = true) {
    const CauseFile file{
        .cause = parse_cause(cause),
        .title = "of the baseline",
        .upstream = "none found",
        .where = {.thrown = {"validate_outputs_impl", "torch/csrc/autograd/engine.cpp", 948}}};
    baseline.causes.try_emplace(cause, KnownCause{{}, file});
    baseline.places[signature] = {"a.case", cause, here};
  }
  /// A Linear of one dtype, which keeps every promise, saved as if it had not.
  void save(const fs::path& name, const std::string& signature, const std::string& answers = "") {
    fs::create_directories((folder / name).parent_path());
    std::ofstream(folder / name) << "# dtypefuzz case 1\n"
                                 << answers << "layers[0].module = Linear\n"
                                 << "[about]\ntitle = hello\n[seen]\n"
                                 << seen_key() << " = " << signature << "\n";
  }

  const TemporaryFolder temporary;
  const fs::path folder = temporary.path;
  Baseline baseline;
  std::map<std::string, Kept> kept;
  std::string today = "2026-11-20";
};

TEST_F(Reports, AFindingIsNewOnceThenOpenThenFixedThenReturned) {
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::fresh);
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::open);
  EXPECT_EQ(standing(line_of(kA, "fixed")), Standing::fixed);
  EXPECT_EQ(standing(line_of(kA, "fixed")), Standing::fixed);
  kept = parse_kept(print_kept(kept), "kept");  // as from one night to the next
  EXPECT_EQ(standing(line_of(kA, "known")), Standing::returned);
  EXPECT_EQ(standing(line_of(kA, "known")), Standing::open);
}

TEST_F(Reports, WhatWasToldStaysOpenWithItsDateUntilSomebodyAcceptsIt) {
  report(blamed(kA, "new"));
  kept = parse_kept(print_kept(kept), "kept");
  today = "2026-11-21";
  const Report unmet = report("");  // a night that does not meet it tells it all the same
  ASSERT_EQ(unmet.causes.size(), 1u);
  EXPECT_EQ(unmet.causes[0].standing, Standing::open);
  EXPECT_EQ(unmet.causes[0].since, "2026-11-20");
  EXPECT_EQ(unmet.causes[0].severity, Severity::late);
  EXPECT_EQ(unmet.count_red(FailOn::fresh), 0u);
  EXPECT_EQ(unmet.count_red(FailOn::open), 1u);
  EXPECT_EQ(report(blamed(kA, "known")).causes[0].since, "2026-11-20");  // so does one whose baseline has it
  EXPECT_THAT(to_markdown(unmet, "x"), HasSubstr("told first on 2026"));
  EXPECT_THAT(to_annotations(unmet, FailOn::open), testing::StartsWith("::error title=open (late)::"));
  EXPECT_THAT(to_annotations(unmet, FailOn::fresh), testing::StartsWith("::warning title=open (late)::"));
  add_known(kB);  // the same cause, with a title: accepted
  EXPECT_EQ(standing(blamed(kA, "known")), Standing::known);
  EXPECT_EQ(report("").count_causes(Standing::open), 0u);
}

TEST_F(Reports, NothingIsRedWhereNothingIsToFail) {
  EXPECT_EQ(report(blamed(kA, "new")).count_red(FailOn::none), 0u);
}

TEST_F(Reports, OfSeveralFilesTheOneThatIsNamedForItIsTold) {
  const std::string named = "x/" + file_name_of(kA);
  const auto line = [&](const std::string& path) {
    Entry entry{.finding = {.violation = {.signature = parse_signature(kA)}, .body = {}}, .path = path};
    return json_line("finding", to_json(entry));
  };
  for (const std::string& results : {line(named) + line("other.case"), line("other.case") + line(named)})
    EXPECT_EQ(parse_results(results, "r").at(kA).path, named);
}

TEST_F(Reports, WhatTheBaselineHasIsKnown) {
  add_known(kA);
  EXPECT_EQ(standing(line_of(kA, "new")), Standing::known);
}

TEST_F(Reports, ACauseThatTheBaselineHasHasSpreadWhereThePlaceIsNew) {
  add_known(kA);
  const std::string results = blamed(kA, "known") + blamed(kC, "new") + blamed(kB, "new", kOther);
  const Report told = report(results);
  ASSERT_EQ(told.causes.size(), 2u);
  EXPECT_EQ(told.causes[0].standing, Standing::fresh);
  EXPECT_EQ(told.causes[1].standing, Standing::spread);
  EXPECT_EQ(told.causes[1].places[0].signature(), kC);  // what has spread stands before what is known
  EXPECT_EQ(told.count(Standing::spread), 1u);
  EXPECT_EQ(told.count(Standing::known), 1u);
  EXPECT_EQ(told.count_causes(Standing::spread, Severity::late), 1u);
  EXPECT_EQ(told.count_red(FailOn::fresh), 1u);
  EXPECT_EQ(told.count_red(FailOn::place), 2u);
  EXPECT_EQ(standing(results, kC), Standing::known);  // told once
}

TEST_F(Reports, ANewCauseIsNewThoughItSpreadWithinTheRun) {
  const Report told = report(blamed(kA, "new") + blamed(kC, "spread"));
  EXPECT_EQ(told.count_red(FailOn::fresh), 1u);
  EXPECT_EQ(told.count(Standing::fresh), 2u);
}

TEST_F(Reports, ANewCauseAtAKnownPlaceIsNew) {
  add_known(kA);
  EXPECT_EQ(standing(blamed(kA, "new", kOther)), Standing::fresh);
  kept = parse_kept(print_kept(kept), "kept");
  EXPECT_EQ(standing(blamed(kA, "new", kOther)), Standing::open);
}

TEST_F(Reports, APlaceThatNobodyHasLookedAtIsKnownWhateverItIsBlamedOn) {
  add_known(kA, to_string(unlooked_cause(parse_signature(kA))));
  EXPECT_EQ(standing(blamed(kA, "new")), Standing::known);
}

TEST_F(Reports, WhatEarlierReportsToldMakesACauseKnown) {
  report(blamed(kA, "new"));
  kept = parse_kept(print_kept(kept), "kept");
  EXPECT_EQ(standing(blamed(kC, "new"), kC), Standing::spread);
}

TEST_F(Reports, ACauseIsFixedWhereAllOfItsPlacesAreAndElsePartly) {
  add_known(kA);
  add_known(kC);
  add_known(kB, kEngine, /*here=*/false);  // what another CPU showed is not asked for
  EXPECT_EQ(standing_of_cause(blamed(kA, "fixed") + blamed(kC, "fixed")), Standing::fixed);
  kept.clear();
  const Report told = report(blamed(kA, "fixed") + blamed(kC, "fixed"));
  EXPECT_EQ(told.not_reachable, 1u);
  EXPECT_THAT(to_markdown(told, "x"), HasSubstr("\n1 known places are of other CPUs"));
  kept.clear();
  EXPECT_EQ(standing_of_cause(blamed(kA, "fixed") + blamed(kC, "known")), Standing::partly_fixed);
  kept.clear();
  EXPECT_EQ(standing_of_cause(blamed(kA, "fixed")), Standing::partly_fixed);  // of kC nothing was told
  baseline.places[kC].path.clear();                                           // and nothing can be
  EXPECT_EQ(standing_of_cause(blamed(kA, "fixed")), Standing::fixed);
}

TEST_F(Reports, ACauseThatWasFixedHasReturnedWhereverItIsMet) {
  add_known(kA);
  report(blamed(kA, "fixed"));
  kept = parse_kept(print_kept(kept), "kept");
  EXPECT_EQ(standing(blamed(kC, "spread"), kC), Standing::returned);  // though only its cause was fixed
  EXPECT_EQ(standing_of_cause(blamed(kC, "spread")), Standing::known);
  kept.clear();
  add_known(kC);
  report(blamed(kA, "fixed"));  // partly
  const Report told = report(blamed(kA, "known") + blamed(kC, "known"));
  EXPECT_EQ(told.causes[0].standing, Standing::returned);
  EXPECT_EQ(told.count_red(FailOn::fresh), 1u);
  EXPECT_EQ(told.count(Standing::known), 1u);
}

TEST_F(Reports, AnOldResultHasTheCauseThatTheBaselineKnows) {
  add_known(kA);
  const Report told = report(line_of(kA, "known", "late", "", ""));
  ASSERT_EQ(told.causes.size(), 1u);
  EXPECT_EQ(to_string(told.causes[0].cause), kEngine);
  EXPECT_EQ(told.causes[0].title, "of the baseline");
  EXPECT_EQ(told.causes[0].upstream, "none found");
  EXPECT_EQ(to_line(told.causes[0].where), "torch/csrc/autograd/engine.cpp:948 validate_outputs_impl");
  EXPECT_EQ(report(line_of(kC, "new")).causes[0].cause, unlooked_cause(parse_signature(kC)));
}

TEST_F(Reports, WhatTheResultsDoNotTellIsReplayed) {
  save("a.case", kA);
  const Report told = report("");
  ASSERT_EQ(told.causes.size(), 1u);
  EXPECT_EQ(told.causes[0].standing, Standing::fixed);
  EXPECT_EQ(told.causes[0].title, "hello");
  EXPECT_EQ(told.causes[0].places[0].path, (folder / "a.case").string());
}

TEST_F(Reports, AFolderOfACauseNamesItAndItsPlacesWithoutACase) {
  save("a/a.case", kA);
  save("flaky/b.case", kB);
  std::ofstream(folder / "a" / kCauseFile)
      << print_cause_file({.cause = parse_cause(kEngine), .places = {{kA, seen_key()}, {kC, seen_key()}}});
  const Report told = report("");
  ASSERT_EQ(told.causes.size(), 1u);
  EXPECT_EQ(to_string(told.causes[0].cause), kEngine);
  ASSERT_EQ(told.causes[0].places.size(), 2u);
  EXPECT_EQ(told.causes[0].places[0].signature(), kC);  // of a cause that has another place, so no new one
  EXPECT_EQ(told.causes[0].places[0].standing, Standing::spread);
  EXPECT_EQ(told.causes[0].places[1].standing, Standing::fixed);
}

TEST_F(Reports, AReplayedCaseIsBlamedOnWhatItShows) {
  save("a.case", kB, "load = archive\nload.dtype = float64\n");
  const Report told = report("");
  ASSERT_EQ(told.causes.size(), 1u);
  EXPECT_EQ(told.causes[0].standing, Standing::fresh);
  EXPECT_EQ(told.causes[0].cause.property, "loading_preserves_values");
  EXPECT_NE(told.causes[0].cause, unlooked_cause(parse_signature(kB)));
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
  kept.clear();
  add_known(kA);
  EXPECT_EQ(standing(replay("differs", kB), kB), Standing::fresh);
  EXPECT_EQ(standing(replay("differs", "")), Standing::fixed);
  // Shown by another case is shown, in whatever order.
  kept.clear();
  EXPECT_EQ(standing(replay("differs", "") + line_of(kA, "known")), Standing::known);
  EXPECT_EQ(standing(line_of(kA, "known") + replay("differs", "")), Standing::known);
}

TEST_F(Reports, FlakyFindingsAndOtherLinesAreLeftAside) {
  EXPECT_TRUE(report(line_of(kA, "flaky") + "{\"schema\":1,\"type\":\"summary\"}\n\n").causes.empty());
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
  EXPECT_THAT(says(line_of(kA, "old")),
              HasSubstr("novelty: expected one of new, returned, open, spread, known, fixed"));
  EXPECT_THAT(says(line_of(kA, "new", "awful")), HasSubstr("severity: expected one of crash, wrong_bits"));
  EXPECT_THAT(says(line_of(kA, "partly fixed")), HasSubstr("expected new, returned, spread, known or fixed"));
  EXPECT_THAT(says(line_of(kA, "new", "late", "a:b")), HasSubstr("r.json:2: cause: 'a:b' is no cause"));
  std::string line = line_of(kA, "new", "late", kEngine);
  line.insert(line.size() - 2, R"(,"where":{"function":"f","file":"x","line":-1,"exception":"","stack":""})");
  EXPECT_THAT(says(line), HasSubstr("r.json:2: where.line: expected a whole number"));
  EXPECT_THAT(says(R"({"schema":1,"type":"finding","novelty":[1]})"), HasSubstr("r.json:2: "));
  EXPECT_THAT(says(std::string(100'000, '[')), HasSubstr("r.json:2: "));
  EXPECT_THAT(says("{\"schema\":1,\"type\":\"\xff\"}"), HasSubstr("r.json:2: "));
  const auto refuses = [](const std::string& fields) {
    return refusal(
        [&] { parse_kept(R"({"schema":1,"type":"kept","standing":"open",)" + fields + "}", "k"); });
  };
  EXPECT_THAT(refuses(R"("signature":"x")"), HasSubstr("k:1: signature: 'x' is no signature"));
  EXPECT_THAT(refuses(fmt::format(R"("signature":"{}","cause":"x")", kA)),
              HasSubstr("k:1: cause: 'x' is no cause"));
}

TEST(Results, KeepTheirCauseAndWhereItIs) {
  const Entry entry{
      .finding = {.violation = {parse_signature(kA), Severity::late, "p", "s"},
                  .body = {},
                  .cause = parse_cause(kEngine),
                  .where = {.thrown = {"f", "a/b.cpp", 7}, .exception = "c10::Error", .stack = "g < h"}},
      .standing = Standing::spread,
      .title = "t",
      .upstream = "https://x",
      .path = "x.case",
      .layers = 2};
  EXPECT_EQ(parse_results(json_line("finding", to_json(entry)), "r").at(kA), entry);
}

TEST(Kept, IsReadBackWithItsCausesAndFromBeforeThereWereAny) {
  const std::map<std::string, Kept> kept = {{kA, {parse_cause(kEngine), true}},
                                            {kB, {parse_cause(kOther), false}}};
  EXPECT_EQ(parse_kept(print_kept(kept), "k"), kept);
  const std::string old =
      fmt::format(R"({{"schema":1,"type":"kept","signature":"{}","standing":"fixed"}})", kA);
  EXPECT_EQ(parse_kept(old, "k").at(kA), (Kept{unlooked_cause(parse_signature(kA)), true}));
}

const std::string kHostile = "a | b </failure> & \" ' ]]> \x1b[2J \n \xff `x` <b>";

std::vector<Entry> hostile(Standing first = Standing::fresh) {
  return {
      {.finding = {.violation = {parse_signature(kA), Severity::late, kHostile, kHostile},
                   .body = {},
                   .cause = parse_cause(kEngine),
                   .where = {.thrown = {kHostile, kHostile, 7}, .exception = kHostile, .stack = kHostile}},
       .standing = first,
       .title = kHostile,
       .upstream = kHostile,
       .path = "dir/it's `|.case"},
      {.finding = {.violation = {parse_signature(kB), Severity::wrong_bits, "p", "s"}, .body = {}},
       .standing = Standing::fixed}};
}

/// More of one cause than a table names.
std::vector<Entry> widely(Standing standing) {
  std::vector<Entry> entries;
  for (const char* module : {"Bilinear", "GRU", "LSTM", "Linear", "RNN"}) {
    const std::string signature =
        fmt::format("refusal_is_early:{}:input:float:backward:cast:cpu:off", module);
    entries.push_back({.finding = {.violation = {parse_signature(signature), Severity::late, "p", "s"},
                                   .body = {},
                                   .cause = parse_cause(kEngine)},
                       .standing = module == std::string("RNN") ? Standing::known : standing,
                       .path = fmt::format("{}.case", module)});
  }
  return entries;
}

TEST(ByCause, PutsPlacesTogetherTheWorstFirst) {
  std::vector<Entry> entries = hostile();
  for (const Entry& entry : widely(Standing::known)) entries.push_back(entry);
  const Report report = by_cause(entries);
  ASSERT_EQ(report.causes.size(), 2u);
  // The hostile one is no new cause: others are known.  Its title stands for all, since they have none.
  const CauseEntry& cause = report.causes[0];
  EXPECT_EQ(to_string(cause.cause), kEngine);
  EXPECT_EQ(cause.standing, Standing::spread);
  EXPECT_EQ(cause.title, kHostile);
  EXPECT_EQ(cause.where.thrown.line, 7);
  EXPECT_EQ(cause.count(Standing::known), 5u);
  EXPECT_EQ(report.causes[1].severity, Severity::wrong_bits);
  entries.back().title = "another";
  EXPECT_EQ(by_cause(entries).causes[0].title, sentence_of(parse_cause(kEngine)));
}

TEST(JUnit, HasOneTestACauseAndNewOnesFailWhateverTheirText) {
  pugi::xml_document document;
  const std::string text = to_junit(by_cause(hostile()), FailOn::fresh, {});
  ASSERT_TRUE(document.load_string(text.c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("tests").as_int(), 2);
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  const auto first = suite.find_child_by_attribute("name", kEngine.c_str());
  EXPECT_STREQ(first.attribute("classname").value(), "dtypefuzz.refusal_is_early");
  EXPECT_STREQ(first.attribute("file").value(), "dir/it's `|.case");
  const std::string failure = first.child("failure").text().get();
  EXPECT_THAT(failure, testing::StartsWith("new\na | b </failure> & \" ' ]]> \uFFFD[2J   \uFFFD"));
  EXPECT_THAT(failure, HasSubstr("\nnew: " + kA + "\n  severity: late\n  promised: a | b </failure>"));
  EXPECT_THAT(failure, HasSubstr("\n  case: dir/it's `|.case\n"));
  const auto second =
      suite.find_child_by_attribute("name", to_string(unlooked_cause(parse_signature(kB))).c_str());
  EXPECT_FALSE(second.child("failure"));
  EXPECT_THAT(second.child("system-out").text().get(), testing::StartsWith("fixed\n"));
  for (const char c : text) EXPECT_TRUE(static_cast<unsigned char>(c) >= 0x20 || c == '\n') << int(c);
}

TEST(JUnit, SkipsWhatIsKnownAndTellsTheRun) {
  pugi::xml_document document;
  const About about{.properties = {{"libtorch", "2.13.0"}}, .seconds = 1.5, .time = "2026-11-20T00:00:00Z"};
  ASSERT_TRUE(
      document.load_string(to_junit(by_cause(widely(Standing::known)), FailOn::fresh, about).c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("skipped").as_int(), 1);
  EXPECT_STREQ(suite.attribute("time").value(), "1.500");
  EXPECT_STREQ(suite.attribute("timestamp").value(), "2026-11-20T00:00:00Z");
  EXPECT_STREQ(suite.child("properties").child("property").attribute("name").value(), "libtorch");
  EXPECT_THAT(suite.child("testcase").child("skipped").attribute("message").value(),
              testing::StartsWith("known: "));
}

TEST(JUnit, ACaseThatFailsIsAFailureWithAllThatIsTold) {
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(to_junit({{"d/a.case", 0.25, TestCase::passed, "as seen", ""},
                                             {"d/b.case", 0.5, TestCase::failed, "differs", "one\n\x1btwo\n"},
                                             {"c.case", 0, TestCase::skipped, "not applicable", ""}})
                                       .c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("tests").as_int(), 3);
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  EXPECT_EQ(suite.attribute("skipped").as_int(), 1);
  const auto failed = suite.find_child_by_attribute("name", "b.case");
  EXPECT_STREQ(failed.attribute("file").value(), "d/b.case");
  EXPECT_STREQ(failed.child("failure").attribute("type").value(), "differs");
  EXPECT_STREQ(failed.child("failure").text().get(), "one\n\uFFFDtwo\n");
}

TEST(Annotations, AreALineACauseWhateverItsText) {
  const std::string text = to_annotations(by_cause(hostile()), FailOn::fresh);
  EXPECT_THAT(text, testing::StartsWith("::error file=dir/it's `|.case,line=1,title=new (late)::a | b"));
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  EXPECT_THAT(text, HasSubstr("\n::notice "));
}

TEST(JUnit, FailsForWhatHasSpreadWherePlacesAreAskedFor) {
  const Report report = by_cause(widely(Standing::spread));
  for (const auto& [fail_on, failures] : {std::pair(FailOn::fresh, 0), std::pair(FailOn::place, 1)}) {
    pugi::xml_document document;
    ASSERT_TRUE(document.load_string(to_junit(report, fail_on, {}).c_str()));
    const auto suite = document.child("testsuites").child("testsuite");
    EXPECT_EQ(suite.attribute("failures").as_int(), failures);
    const std::string told = suite.child("testcase").child(failures ? "failure" : "system-out").text().get();
    EXPECT_THAT(told, testing::StartsWith("spread\n"));
    EXPECT_THAT(told, HasSubstr("\nspread: refusal_is_early:GRU:"));
    EXPECT_THAT(told, HasSubstr("\nknown: refusal_is_early:RNN:"));
  }
}

TEST(Reported, WhatHasReturnedIsRed) {
  const Report report = by_cause(hostile(Standing::returned));
  EXPECT_EQ(report.count_red(FailOn::fresh), 1u);
  pugi::xml_document document;
  ASSERT_TRUE(document.load_string(to_junit(report, FailOn::fresh, {}).c_str()));
  const auto suite = document.child("testsuites").child("testsuite");
  EXPECT_EQ(suite.attribute("failures").as_int(), 1);
  EXPECT_THAT(suite.find_child_by_attribute("name", kEngine.c_str()).child("failure").text().get(),
              testing::StartsWith("returned\n"));
  EXPECT_THAT(to_markdown(report, "x"), HasSubstr("# dtypefuzz: no new causes, 1 returned\n"));
}

TEST(Markdown, CountsAndShowsWhatIsNewWithItsCommandAndAsTextAlone) {
  const std::string text = to_markdown(by_cause(hostile()), "build/dtypefuzz");
  EXPECT_THAT(text, HasSubstr("# dtypefuzz: 1 new cause\n"));
  EXPECT_THAT(text,
              HasSubstr("| severity | new | returned | open | spread | known | fixed | partly fixed |\n"));
  EXPECT_THAT(text, HasSubstr("| late | 1 | 0 | 0 | 0 | 0 | 0 | 0 |\n"));
  EXPECT_THAT(text, HasSubstr("| wrong\\_bits | 0 | 0 | 0 | 0 | 0 | 1 | 0 |\n"));
  EXPECT_THAT(text, HasSubstr("a \\| b \\</failure\\> \\& \" ' \\]\\]\\>"));
  EXPECT_THAT(text, HasSubstr(R"(`` build/dtypefuzz replay 'dir/it'\''s `\|.case' ``)"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
  EXPECT_THAT(to_markdown({}, "x"), HasSubstr("# dtypefuzz: no new causes\n"));
}

TEST(Markdown, NamesThreePlacesOfACauseAndCountsTheRest) {
  const std::string text = to_markdown(by_cause(widely(Standing::spread)), "dtypefuzz");
  EXPECT_THAT(text, HasSubstr("# dtypefuzz: no new causes, 1 spread\n"));
  EXPECT_THAT(text, HasSubstr("\n## Spread: "));
  EXPECT_THAT(text, HasSubstr("| 4 of 5<br>`refusal_is_early:Bilinear:"));
  EXPECT_THAT(text, HasSubstr("<br>and 1 more | `dtypefuzz replay Bilinear.case` |\n"));
  EXPECT_THAT(text, Not(HasSubstr("Linear:input:float:backward:cast:cpu:off`<br>`refusal_is_early:RNN")));
  EXPECT_THAT(text, HasSubstr("| places | 0 | 0 | 0 | 4 | 1 | 0 | 0 |\n"));
  EXPECT_THAT(to_markdown(by_cause(widely(Standing::fixed)), "x"), HasSubstr("\n## Partly fixed: "));
}

TEST(Text, LeadsWithWhatIsWrongAndWhere) {
  Entry entry = hostile()[0];
  entry.title.clear();
  entry.finding.where = {.thrown = {"validate_outputs_impl", "engine.cpp", 948}, .exception = "c10::Error"};
  entry.path = "x.case";
  EXPECT_THAT(text_of(entry, whole_space(), "dtypefuzz"),
              testing::StartsWith("\nnew finding (late): AddmmBackward0 throws in validate_outputs_impl()\n"
                                  "  cause:    " +
                                  kEngine + "\n"));
  EXPECT_THAT(text_of(entry, whole_space(), "dtypefuzz"),
              HasSubstr("\n  where:    engine.cpp:948 validate_outputs_impl\n  throws:   c10::Error\n"
                        "  place:    " +
                        kA + "\n  promised: "));
  EXPECT_THAT(text_of(entry, whole_space(), "dtypefuzz"),
              testing::EndsWith("  saved:    x.case\n  again:    dtypefuzz replay x.case\n"));
}

TEST(Text, ASignatureReadsAsASentence) {
  EXPECT_EQ(
      in_words(
          parse_signature("mismatch_is_refused_by_name:Linear:input/weight:-:forward:accepted:meta:off")),
      "Linear: input against weight, in forward, accepted without a word, on meta, outside of autocast");
  EXPECT_EQ(in_words(parse_signature("agreeing_dtypes_succeed:GRU:-:low_float:backward:cast:cpu:bfloat16")),
            "GRU (low_float), in backward, cast, on cpu, in a bfloat16 region");
}

TEST(Text, OfWhatHasSpreadIsOneLine) {
  Entry entry = widely(Standing::spread)[1];
  entry.title = "the engine checks late";
  EXPECT_EQ(text_of(entry, whole_space(), "dtypefuzz"),
            "spread: the engine checks late at refusal_is_early:GRU:input:float:backward:cast:cpu:off "
            "(GRU.case)\n");
}

}  // namespace
}  // namespace dtypefuzz
