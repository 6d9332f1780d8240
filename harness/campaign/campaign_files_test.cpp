// run.json and state.json as somebody may have bent them: an Error with the value, its place and what was
// expected there, or what a campaign can go on from.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <functional>

#include "dtypefuzz/error.h"
#include "harness/campaign/folder.h"
#include "harness/campaign/record.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

constexpr const char* kState =
    R"({"schema":1,"type":"state","next":647,"finished":139,"seconds":27.5,"starts":1,
"told":{"loading_preserves_values:load:archive:bool:load:accepted:cpu:off":{"novelty":0,"severity":1}},
"met":{"refusal_is_early:Linear:input:float:backward:cast:cpu:off":[456,1]},
"waiting":[{"index":456,"order":1,"signature":"refusal_is_early:Linear:input:float:backward:cast:cpu:off",
"severity":2,"promised":"p","seen":"s","stack":"","case":"# dtypefuzz case 1\nlayers[0].module = Linear\n"}]})";

constexpr const char* kRecord =
    R"({"schema":1,"type":"run","begun":["2026-01-01T00:00:00Z"],
"versions":{"dtypefuzz":"0.1.0","libtorch":"2.13.0","compiler":"c","cpu_capability":"AVX2"},
"settings":{"engine":"sweep","seed":"1","time":"","runs":"5","jobs":"1","case_time":"10s","memory":"2G",
"strict":false,"modules":[],"dtypes":[],"devices":[],"baseline":"none","corpus":"",
"space":{"modules":[],"losses":[],"dtypes":[],"devices":[]}}})";

template <class Parse>
std::string refusal(const Parse& parse, const std::string& text) {
  try {
    parse(text);
  } catch (const Error& e) {
    EXPECT_EQ(e.exit_code(), Error::kUsage);
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  return "accepted";
}

struct Bent {
  std::string replace, with, says;
};

template <class Parse>
void expect_refused(const Parse& parse, const std::string& good, const std::vector<Bent>& cases) {
  ASSERT_EQ(refusal(parse, good), "accepted");
  for (const auto& [replace, with, says] : cases) {
    std::string text = good;
    ASSERT_NE(text.find(replace), std::string::npos) << replace;
    text.replace(text.find(replace), replace.size(), with);
    EXPECT_THAT(refusal(parse, text), HasSubstr(says)) << with;
  }
  for (size_t length = 0; length < good.size(); ++length)
    EXPECT_NE(refusal(parse, good.substr(0, length)), "accepted") << length;
}

TEST(State, IsReadAsItWasWritten) {
  const Snapshot state = parse_snapshot(kState);
  EXPECT_EQ(state.next, 647u);
  EXPECT_EQ(state.waiting.begin()->second.finding.body.choices.size(), 1u);
  EXPECT_EQ(print_snapshot(parse_snapshot(print_snapshot(state))), print_snapshot(state));
}

TEST(State, IsRefusedWithTheValueAndItsPlace) {
  std::string deep = "1";
  for (int i = 0; i < 100'000; ++i) deep = "[" + deep.append("]");
  expect_refused(
      parse_snapshot, kState,
      {{"\"state\"", "\"run\"", "expected \"type\": \"state\""},
       {"\"schema\":1", "\"schema\":2", "schema: expected 1, which this version reads, got 2"},
       {"\"schema\":1", "\"schema\":" + deep, "line 1: lists within lists, expected at most 64 levels"},
       {"647", "-1", "next: expected a whole number from 0 to 4611686018427387904, got -1"},
       {"647", "18446744073709551615", "next: expected a whole number"},
       {"647", "1e999", "line 1: number overflow parsing '1e999'"},
       {"27.5", "-1e999", "line 1: number overflow parsing '-1e999'"},
       {"\"severity\":2", "\"severity\":1e999", "line 5: number overflow parsing '1e999'"},
       {"139", "648", "finished: expected a whole number from 0 to 647, got 648"},
       {"27.5", "-1", "seconds: expected a number that is not negative, got -1"},
       {"\"starts\"", "\"stars\"", "has no 'starts'"},
       {"\"novelty\":0", "\"novelty\":3", "novelty: expected a whole number from 0 to 2, got 3"},
       {"\"severity\":1", "\"severity\":77", "severity: expected a whole number from 0 to 5, got 77"},
       {"loading_preserves_values", "../../etc/pass wd",
        "told: '../../etc/pass wd:load:archive:bool:load:accepted:cpu:off' is no signature"},
       {"[456,1]", "[456]", "expected a case and the violation's place in it, got [456]"},
       {"[456,1]", "{\"a\":1}", "expected a list, got {\"a\":1}"},
       {"\"index\":456", "\"index\":1e3", "waiting[0].index: expected a whole number"},
       {"\"signature\":\"refusal", "\"signature\":\"\\u001b[2J",
        "waiting[0].signature: expected a text without"},
       {"# dtypefuzz case 1\\n", "", "waiting[0].case: 1: not a case file"},
       {"\"stack\":\"\"", "\"stack\":\"a\\n[seen]\\nb\"",
        "waiting[0].stack: expected a text without control"},
       {"\"waiting\":[", "\"waiting\":[7,", "waiting[0]: expected an object with 'index', got 7"}});
}

TEST(State, WhatIsShownToAPersonIsText) {
  std::string text = kState;
  text.replace(text.find("\"s\""), 3, "\"a\\nb\\u001b[2J\"");
  EXPECT_EQ(parse_snapshot(text).waiting.begin()->second.finding.violation.seen, "a\nb\uFFFD[2J");
}

TEST(Record, IsRefusedWithTheValueAndItsPlace) {
  expect_refused(
      parse_record, kRecord,
      {{"\"run\"", "\"state\"", "expected \"type\": \"run\""},
       {"\"libtorch\":\"2.13.0\"", "\"libtorch\":2", "versions.libtorch: expected a text, got 2"},
       {"\"sweep\"", "[]", "settings.engine: expected a text, got []"},
       {"false", "\"no\"", "settings.strict: expected true or false, got \"no\""},
       {"\"modules\":[]", "\"modules\":[1]", "settings.modules[0]: expected a text, got 1"},
       {"\"seed\":\"1\"", "\"seed\":\"\\u0007\"", "settings.seed: expected a text without control"},
       {"\"losses\"", "\"loses\"", "settings.space: has no 'losses'"}});
}

TEST(State, OfBeforeIsReadAsTheWordsOfNow) {
  const Snapshot state = parse_snapshot(kState);
  EXPECT_EQ(state.told.begin()->second, (Snapshot::Told{Standing::fresh, Severity::wrong_bits}));
  EXPECT_EQ(state.waiting.begin()->second.finding.violation.severity, Severity::late);
  EXPECT_NE(print_snapshot(state).find("\"novelty\":\"new\",\"severity\":\"wrong_bits\""), std::string::npos);
}

class Resumed : public testing::Test {
 protected:
  void SetUp() override {
    usual.engine = "rapidcheck", usual.baseline = "known";
    orders = usual;
    orders.jobs = "2", orders.case_time = "5s", orders.modules = {"Linear", "ReLU"}, orders.strict = true;
    record = new_record();
    record["settings"] = settings_of(orders, space_of(orders));
    record = parse_record(record.dump());  // as from one run to the next
    given = usual;
    given.resume = "found";
  }
  static Space space_of(const Orders&) { return whole_space(); }
  Orders go_on() { return go_on_with(record, given, usual, space_of); }

  Orders usual, orders, given;
  nlohmann::json record;
};

TEST_F(Resumed, KeepsWhatItWasToldAndTakesItsLengthAndJobsAnew) {
  given.json = true;
  Orders now = go_on();
  EXPECT_EQ(now.case_time, "5s");
  EXPECT_EQ(now.modules, orders.modules);
  EXPECT_TRUE(now.strict && now.json);
  EXPECT_EQ(now.out, "found");
  EXPECT_EQ(now.jobs, "2");
  given.time = "10m", given.jobs = "1";
  now = go_on();
  EXPECT_EQ(now.time, "10m");
  EXPECT_EQ(now.jobs, "1");
}

TEST_F(Resumed, TakesOneLengthForAnother) {
  record["settings"]["runs"] = "500";
  EXPECT_EQ(go_on().runs, "500");
  given.time = "1m";
  EXPECT_EQ(go_on().runs, "");
}

TEST_F(Resumed, OpensADirectoryOnlyWhereItIsSaidAgain) {
  record["settings"]["corpus"] = "/elsewhere";
  const auto refused = [&] { return refusal([&](const std::string&) { go_on(); }, ""); };
  EXPECT_THAT(refused(),
              HasSubstr("found/run.json: began with --corpus /elsewhere; to go on with it, say so: "
                        "--resume found --corpus /elsewhere"));
  given.corpus = "/elsewhere";
  EXPECT_EQ(go_on().corpus, "/elsewhere");
  record["settings"]["corpus"] = "";
  EXPECT_THAT(refused(), HasSubstr("--corpus '/elsewhere': found/run.json began with none"));
}

TEST_F(Resumed, DrawsTheSameCasesOrIsRefused) {
  record["settings"]["space"]["modules"] = {"Linear"};
  const auto refused = [&] { return refusal([&](const std::string&) { go_on(); }, ""); };
  EXPECT_THAT(refused(), HasSubstr("found/run.json: began with other modules, dtypes or devices"));
  record["versions"]["libtorch"] = "1.0";
  EXPECT_THAT(refused(), HasSubstr("began with libtorch 1.0, this is "));
}

TEST_F(Resumed, IsRepeatedByOneCommand) {
  EXPECT_EQ(command_again(orders, usual, 500),
            "dtypefuzz fuzz --engine rapidcheck --seed 1 --runs 500 --modules 'Linear,ReLU' --case-time 5s "
            "--strict");
}

/// No file of this process grows beyond this many bytes: a full disk for those without a disk to fill.
class Ration {
 public:
  explicit Ration(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit now{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~Ration() {
    setrlimit(RLIMIT_FSIZE, &before_);
    signal(SIGXFSZ, SIG_DFL);
  }
  Ration(const Ration&) = delete;
  Ration& operator=(const Ration&) = delete;

 private:
  rlimit before_{};
};

TEST(CampaignFolder, WhatCannotBeWrittenLeavesWhatWasThereWhole) {
  const TemporaryFolder temporary;
  const std::string name = temporary.path;
  const Folder folder(name);
  const Snapshot state = parse_snapshot(kState);
  const auto record = nlohmann::json::parse(kRecord);
  folder.save(state);
  folder.save_record(record);
  const Candidate& candidate = state.waiting.begin()->second;
  const Finding finding{candidate.finding.violation, candidate.finding.body};
  {
    const Ration ration(100);
    Snapshot later = state;
    later.next = 1000;
    for (const auto& save : std::vector<std::function<void()>>{
             [&] { folder.save(later); }, [&] { folder.save_record({{"type", "another"}, {"of", kState}}); },
             [&] { folder.save(finding, whole_space(), Standing::fresh, {}); }}) {
      try {
        save();
        ADD_FAILURE() << "written";
      } catch (const Error& e) {
        EXPECT_EQ(e.exit_code(), Error::kEnvironment);
        EXPECT_THAT(e.what(), HasSubstr(name));
        EXPECT_THAT(e.what(), HasSubstr(": cannot write: File too large"));
      }
    }
  }
  EXPECT_EQ(print_snapshot(folder.snapshot()), print_snapshot(state));
  EXPECT_EQ(folder.record(), record);
  for (const auto& entry : fs::directory_iterator(name))
    EXPECT_TRUE(entry.path().filename() == "lock" || entry.path().extension() == ".json" ||
                (entry.is_directory() && fs::is_empty(entry)))
        << entry.path();
  EXPECT_EQ(load_case(folder.save(finding, whole_space(), Standing::fresh, {}), whole_space())
                .body.choices.front()
                .name,
            "device");
}

TEST(CampaignFolder, WhatCannotBeReadNamesTheFileAndTheWayOut) {
  const TemporaryFolder temporary;
  const std::string name = temporary.path;
  const Folder folder(name);
  const auto snapshot = [&](const std::string&) { folder.snapshot(); };
  const std::string way_out = "; to begin anew, leave out --resume and give --out " + name;
  EXPECT_EQ(folder.snapshot().next, 0u);
  std::ofstream(fs::path(name) / "state.json") << "nonsense";
  EXPECT_THAT(refusal(snapshot, ""),
              testing::AllOf(HasSubstr("/state.json: line 1, column 2: "), HasSubstr(way_out)));
  fs::remove(fs::path(name) / "state.json");
  fs::create_directory(fs::path(name) / "state.json");
  EXPECT_THAT(refusal(snapshot, ""),
              testing::AllOf(HasSubstr("/state.json: not a regular file"), HasSubstr(way_out)));
  fs::remove(fs::path(name) / "state.json");
  fs::create_symlink("nowhere", fs::path(name) / "state.json");
  EXPECT_THAT(refusal(snapshot, ""), HasSubstr("/state.json: No such file"));
}

}  // namespace
}  // namespace dtypefuzz
