#include "harness/engines/engines.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <torch/library.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "dtypefuzz/error.h"
#include "dtypefuzz/rapidcheck.h"
#include "harness/files/files.h"
#include "harness/search/minimize.h"
#include "harness/search/mutate.h"
#include "harness/search/neighbors.h"
#include "harness/search/simpler.h"
#include "harness/search/size.h"
#include "harness/search/sweep.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

Space only(std::initializer_list<std::string_view> modules) {
  Space space = whole_space();
  space.modules.clear();
  for (const auto name : modules) space.modules.push_back(whole_space().row(name));
  space.losses.clear();
  space.devices = {kCpu};
  return space;
}

RC_GTEST_PROP(RapidCheck, ACaseReplaysToItselfAndItsTextToo, (const Case& c)) {
  RC_ASSERT(canonical(c, whole_space()) == c);
  RC_ASSERT(parse_case(print_case({c, {}, {}, {}})).body == c);
}

RC_GTEST_PROP(RapidCheck, MutantsAndChildrenAreCanonical, (const Case& a, const Case& b, uint32_t seed)) {
  const Case mutant = mutated(a, Rng(seed), whole_space(), {}).body;
  RC_ASSERT(canonical(mutant, whole_space()) == mutant);
  const Case child = crossed(a, b, Rng(seed), whole_space(), {}).body;
  RC_ASSERT(canonical(child, whole_space()) == child);
  RC_ASSERT(list_size(child, "layers") <= 8);
}

RC_GTEST_PROP(RapidCheck, ShrinkingNeverGrows, (const Case& c)) {
  const auto shrinks = rc::shrinkable::shrinkRecur(
      Case(c), [](const Case& x) { return rc::seq::fromContainer(simpler(x, whole_space())); });
  RC_ASSERT(shrinks.value() == c);
  const auto generated = cases(whole_space())(rc::Random(list_size(c, "layers")), 0);
  const Size size = size_of(generated.value(), whole_space());
  auto smaller = generated.shrinks();
  for (int i = 0; i < 5; ++i)
    if (const auto next = smaller.next()) RC_ASSERT(size_of(next->value(), whole_space()) < size);
}

/// Descends as RapidCheck does: to the first shrink that still fails, until none does.
template <class Fails>
Case shrunk(rc::Shrinkable<Case> at, Fails&& fails) {
  for (bool smaller = true; smaller;) {
    smaller = false;
    auto shrinks = at.shrinks();
    while (const auto next = shrinks.next())
      if (fails(next->value())) {
        at = *next;
        smaller = true;
        break;
      }
  }
  return at.value();
}

TEST(RapidCheck, ShrinksToTheExactMinimum) {
  const auto has_softmax_after_another = [](const Case& c) {
    for (size_t i = 1; i < list_size(c, "layers"); ++i)
      if (c["layers[" + std::to_string(i) + "].module"] == "Softmax" && c["mode"] == "eval") return true;
    return false;
  };
  const auto generator = cases(whole_space());
  int tried = 0;
  for (uint64_t seed = 0; tried < 3; ++seed) {
    ASSERT_LT(seed, 10'000u);
    auto found = generator(rc::Random(seed), 0);
    if (!has_softmax_after_another(found.value())) continue;
    ++tried;
    const Case small = shrunk(std::move(found), has_softmax_after_another);
    EXPECT_EQ(small["layers"], "2");
    EXPECT_EQ(small["layers[0].module"], "Linear") << print_case({small, {}, {}, {}});
    EXPECT_EQ(small["params.dtype"], "float32");
    EXPECT_EQ(small["autocast"], "off");
  }
}

TEST(Sweep, IsTheSameTwiceAndCoversEveryModuleAndLoss) {
  std::set<std::string> seen;
  uint64_t cells = 0, again = 0;
  sweep(
      whole_space(), whole_space(), [&](uint64_t index) { return index % 97 == 0; },
      [&](const Case& c) {
        ++cells;
        seen.insert(std::string(c["layers[0].module"]));
        seen.insert(std::string(c["loss"]));
      });
  sweep(
      whole_space(), whole_space(), [&](uint64_t index) { return index % 97 == 0; },
      [&](const Case&) { ++again; });
  EXPECT_EQ(cells, again);
  for (const auto rows : {module_rows(), losses()})
    for (const Row* row : rows) EXPECT_TRUE(seen.contains(std::string(row->name))) << row->name;
}

TEST(Neighbors, AreTheStartsWithOneAnswerChangedEachOnceThenWithMore) {
  const Case start = canonical(Case{{{"layers[0].module", "Linear"}, {"mode", "eval"}}}, whole_space());
  Draw draw(start);
  plan_of(draw, whole_space());
  uint64_t options = 0;
  for (const Answered& answer : draw.answered()) options += answer.options - 1;
  const Neighbors neighbors({start, start}, whole_space());
  ASSERT_EQ(neighbors.singles(), 2 * options);
  std::set<std::string> texts;
  for (uint64_t i = 0; i < options; ++i) {
    const Case one = neighbors.at(1, i).body;
    EXPECT_EQ(one, canonical(one, whole_space()));
    EXPECT_EQ(neighbors.at(2, i).body, one);  // no seed changes these
    EXPECT_EQ(neighbors.at(1, options + i).body, one);
    texts.insert(print_case({one, {}, {}, {}}));
  }
  EXPECT_EQ(texts.size(), options);
  EXPECT_FALSE(texts.contains(print_case({start, {}, {}, {}})));
  const uint64_t beyond = 2 * options + 5;
  EXPECT_EQ(neighbors.at(1, beyond).body, neighbors.at(1, beyond).body);
  EXPECT_NE(neighbors.at(1, beyond).body, neighbors.at(2, beyond).body);
}

// Campaigns

struct Told {
  Progress progress;
  std::vector<Finding> fresh, spread, flaky;
  std::set<std::string> known;
  Snapshot last;
  std::set<std::string> signatures() const {
    std::set<std::string> names;
    for (const Finding& finding : fresh) names.insert(to_string(finding.violation.signature));
    return names;
  }
  /// What would be saved, all of it.
  std::map<std::string, std::string> texts() const {
    std::map<std::string, std::string> texts;
    for (const auto* findings : {&fresh, &spread})
      for (const Finding& f : *findings)
        texts[to_string(f.violation.signature)] =
            fmt::format("{} {}{} | {} | {} | {} | {}", findings == &fresh ? "new" : "spread",
                        print_case({f.body, {}, {}, {}}), f.violation.promised, f.violation.seen, f.stack,
                        size_of(f.body, whole_space()).layers, to_string(cause_of(f)));
    return texts;
  }
};
Told told_by(Settings settings, std::string_view engine, const EngineOptions& options = {},
             Snapshot from = {}, std::function<void(const Progress&)> tick = {}) {
  settings.engine = engine_named(engine).make(options, whole_space());
  Told told;
  const std::atomic<int> nobody{0};
  Listener listener;
  listener.report = [&](const Finding& finding, Standing standing) {
    if (standing == Standing::fresh) told.fresh.push_back(finding);
    if (standing == Standing::spread) told.spread.push_back(finding);
    if (standing == Standing::flaky) told.flaky.push_back(finding);
    if (standing == Standing::known) told.known.insert(to_string(finding.violation.signature));
  };
  listener.tick = std::move(tick);
  listener.save = [&](const Snapshot& snapshot) { told.last = snapshot; };
  told.progress = run_campaign(settings, listener, nobody, std::move(from));
  return told;
}

Settings campaign(Space space, uint64_t runs) {
  return {.engine = {},
          .seconds = 0,
          .runs = runs,
          .space = std::move(space),
          .whole = whole_space(),
          .bias = {},
          .strictness = {},
          .known = {}};
}

TEST(Campaign, RunsAsManyCasesAsItIsToldOnAnyNumberOfJobs) {
  for (const int jobs : {1, 3}) {
    Settings settings = campaign(only({"Linear", "ReLU"}), 500);
    settings.jobs = jobs;
    for (const auto* engine : {"rapidcheck", "sweep"})
      EXPECT_EQ(told_by(settings, engine).progress.cases, 500u);
  }
}

/// A kernel of LibTorch's replaced while this lives, here and in the workers that are forked meanwhile.
struct PlantedFault {
  torch::Library library{torch::Library::IMPL, "aten", c10::DispatchKey::CPU, __FILE__, __LINE__};
  template <class Kernel>
  PlantedFault(const char* op, Kernel&& kernel) {
    library.impl(op, std::forward<Kernel>(kernel));
  }
};

[[gnu::noinline]] void planted_abort() {
  std::abort();
}
[[gnu::noinline]] void planted_segfault() {
  *reinterpret_cast<volatile int*>(16) = 1;
}
[[gnu::noinline]] void planted_hang() {
  for (volatile bool on = true; on;) usleep(1000);
}
/// Takes and keeps; what the compiler sees nobody use it would leave out.
void take_a_megabyte() {
  static char* volatile kept;
  kept = new char[1 << 20];
  std::memset(kept, 1, 1 << 20);
}
[[gnu::noinline]] void planted_hunger() {
  for (volatile bool on = true; on;) take_a_megabyte();
}
[[gnu::noinline]] void planted_overflow(volatile char* above) {
  volatile char here[4096];
  here[0] = above ? *above : 0;
  if (here[0] == 0) planted_overflow(here);
  here[1] = here[0];
}

TEST(Campaign, ACrashIsOneFindingWithItsOwnerItsStackMinimizedAndTheRestGoesOn) {
  const PlantedFault fault("relu", [](const at::Tensor& self) -> at::Tensor {
    if (self.scalar_type() == at::kDouble) planted_abort();
    return self.clamp_min(0);
  });
  const Told told = told_by(campaign(only({"Tanh", "GELU", "ReLU"}), 600), "rapidcheck");
  EXPECT_EQ(told.progress.cases, 600u);
  std::vector<std::string> crashes;
  for (const Finding& finding : told.fresh)
    if (finding.violation.severity == Severity::crash) {
      crashes.push_back(to_string(finding.violation.signature));
      EXPECT_EQ(size_of(finding.body, whole_space()).layers, 1u);
      EXPECT_EQ(finding.body["layers[0].module"], "ReLU");
      EXPECT_TRUE(finding.stack.starts_with("dtypefuzz::planted_abort < ")) << finding.stack;
      EXPECT_NE(finding.stack.find(" < at::_ops::relu::call < "), std::string::npos) << finding.stack;
      EXPECT_EQ(finding.stack.find("dtypefuzz::Run"), std::string::npos) << finding.stack;
    }
  EXPECT_EQ(crashes, std::vector<std::string>{"process_survives:ReLU:-:float:forward:SIGABRT:cpu:off"});
}

TEST(Campaign, EveryWayToEndIsAFindingThatNamesIt) {
  const PlantedFault fault("relu", [](const at::Tensor& self) -> at::Tensor {
    switch (self.scalar_type()) {
      case at::kDouble:
        planted_segfault();
        break;
      case at::kHalf:
        raise(SIGFPE);
        break;
      case at::kBFloat16:
        raise(SIGBUS);
        break;
      case at::kLong:
        std::exit(7);
      case at::kInt:
        throw 42;
      case at::kShort:
        planted_overflow(nullptr);
        break;
      case at::kComplexFloat:
        planted_hunger();
        break;
      case at::kByte:
        throw std::bad_alloc();
      default:
        break;
    }
    return self.clone();
  });
  Settings settings = campaign(only({"ReLU"}), 100);
  settings.bias = {.setting = 0.97, .count = 0.97, .size = 0.9, .dtype = 0.2};
  settings.limits.bytes = uint64_t{400} << 20;
  settings.space.dtypes = {at::kFloat, at::kDouble, at::kHalf,         at::kBFloat16, at::kLong,
                           at::kInt,   at::kShort,  at::kComplexFloat, at::kByte};
  const Told told = told_by(settings, "rapidcheck");
  EXPECT_EQ(told.progress.cases, 100u);
  std::map<std::string, std::string> stacks;
  for (const auto* findings : {&told.fresh, &told.spread})
    for (const Finding& finding : *findings) stacks[to_string(finding.violation.signature)] = finding.stack;
  const struct {
    std::string category, family, frame;
  } expected[] = {
      {"float", "SIGSEGV", "dtypefuzz::planted_segfault"},
      {"low_float", "SIGFPE", "at::_ops::relu::call"},
      {"low_float", "SIGBUS", "at::_ops::relu::call"},
      {"integral", "exit_7", ""},
      {"integral", "foreign_exception", "at::_ops::relu::call"},
      {"integral", "SIGSEGV", "dtypefuzz::planted_overflow"},
      {"integral", "memory", ""},
      {"complex", "memory", "dtypefuzz::planted_hunger"},
  };
  for (const auto& [category, family, frame] : expected) {
    const auto it =
        stacks.find(fmt::format("process_survives:ReLU:-:{}:forward:{}:cpu:off", category, family));
    ASSERT_NE(it, stacks.end()) << category << " " << family;
    EXPECT_NE(it->second.find(frame), std::string::npos) << category << " " << family << ": " << it->second;
  }
}

TEST(Campaign, AHangIsAFindingWithItsStack) {
  const PlantedFault fault("tanh", [](const at::Tensor& self) -> at::Tensor {
    if (self.scalar_type() == at::kHalf) planted_hang();  // for float16 alone
    return self.clone();
  });
  Settings settings = campaign(only({"Tanh"}), 40);
  settings.bias = {.setting = 0.97, .count = 0.97, .dtype = 0.3};
  settings.space.dtypes = {at::kFloat, at::kHalf};
  settings.limits.seconds = 1;
  const Told told = told_by(settings, "rapidcheck");
  ASSERT_FALSE(told.fresh.empty());
  EXPECT_EQ(to_string(told.fresh.front().violation.signature),
            "process_survives:Tanh:-:low_float:forward:hang:cpu:off");
  EXPECT_NE(told.fresh.front().stack.find("dtypefuzz::planted_hang"), std::string::npos)
      << told.fresh.front().stack;
}

TEST(Campaign, NoCaseIsBlamedForWhatThoseBeforeItHaveLeft) {
  const PlantedFault fault("tanh", [](const at::Tensor& self) -> at::Tensor {
    take_a_megabyte();
    return self.clone();
  });
  Settings settings = campaign(only({"Tanh"}), 1000);
  settings.limits.bytes = uint64_t{600} << 20;
  const Told told = told_by(settings, "rapidcheck");
  EXPECT_EQ(told.progress.cases, 1000u);
  for (const auto* findings : {&told.fresh, &told.flaky})
    for (const Finding& finding : *findings) EXPECT_NE(finding.violation.severity, Severity::crash);
}

TEST(Campaign, WhatDoesNotRepeatIsFlakyWithWhatEachRunShowed) {
  auto* calls = static_cast<std::atomic<int>*>(
      mmap(nullptr, sizeof(std::atomic<int>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  const PlantedFault fault("tanh", [calls](const at::Tensor& self) -> at::Tensor {
    if (++*calls == 20) planted_segfault();  // once in all processes together
    return self.clone();
  });
  const Told told = told_by(campaign(only({"Tanh"}), 200), "rapidcheck");
  EXPECT_EQ(told.progress.cases, 200u);
  ASSERT_EQ(told.flaky.size(), 1u);
  const Finding& finding = told.flaky.front();
  EXPECT_EQ(finding.violation.signature.family, "SIGSEGV");
  EXPECT_EQ(finding.observed.size(), 3u);
  for (const auto& observed : finding.observed) EXPECT_TRUE(observed.starts_with("holds; ")) << observed;
  EXPECT_NE(finding.stack.find("dtypefuzz::planted_segfault"), std::string::npos) << finding.stack;
  munmap(calls, sizeof(std::atomic<int>));
}

TEST(Campaign, TheSameSeedGivesTheSameFindingsOnAnyNumberOfJobs) {
  const PlantedFault fault("relu", [](const at::Tensor& self) -> at::Tensor {
    if (self.scalar_type() == at::kDouble) planted_segfault();
    return self.clamp_min(0);
  });
  for (const auto* engine : {"rapidcheck", "sweep"}) {
    Settings settings = campaign(only({"BatchNorm1d", "ReLU"}), 1200);
    const Told one = told_by(settings, engine);
    EXPECT_GE(one.fresh.size(), 1u);
    settings.jobs = 3;
    const Told three = told_by(settings, engine);
    EXPECT_EQ(one.texts(), three.texts()) << engine;
    EXPECT_EQ(one.progress.cases, three.progress.cases);
    EXPECT_EQ(one.progress.finished, three.progress.finished);
  }
}

TEST(Campaign, GoesOnFromAnySnapshotAsIfItHadNotEnded) {
  Settings settings = campaign(only({"BatchNorm1d", "Linear"}), 1500);
  const Told whole = told_by(settings, "rapidcheck");
  settings.jobs = 2;
  settings.runs = 400;
  const Told begun = told_by(settings, "rapidcheck");
  EXPECT_EQ(begun.last.next, 400u);
  settings.runs = 1500;
  const Told rest = told_by(settings, "rapidcheck", {}, parse_snapshot(print_snapshot(begun.last)));
  auto texts = begun.texts();
  texts.merge(rest.texts());
  EXPECT_EQ(texts, whole.texts());
  EXPECT_EQ(begun.fresh.size() + rest.fresh.size(), whole.fresh.size());
  EXPECT_EQ(rest.progress.cases, 1500u);
  EXPECT_EQ(rest.progress.finished, whole.progress.finished);
  EXPECT_EQ(rest.last.told, whole.last.told);
  EXPECT_EQ(rest.last.met, whole.last.met);
  EXPECT_THROW(parse_snapshot("{\"next\": 7"), Error);
}

/// What a campaign told, as a baseline of later ones.
KnownFaults known_from(const Told& told) {
  KnownFaults known;
  for (const auto* findings : {&told.fresh, &told.spread})
    for (const Finding& finding : *findings) known.add(finding.violation.signature, cause_of(finding));
  return known;
}

TEST(Campaign, AKnownPlaceIsToldAsKnown) {
  Settings settings = campaign(only({"BatchNorm1d"}), 2000);
  const Told first = told_by(settings, "rapidcheck");
  ASSERT_FALSE(first.fresh.empty());
  settings.known = known_from(first);
  const Told second = told_by(settings, "rapidcheck");
  EXPECT_TRUE(second.fresh.empty());
  EXPECT_TRUE(second.spread.empty());
  EXPECT_GE(second.known.size(), first.fresh.size());
}

TEST(Campaign, ACauseIsNewOnceAndHasSpreadToItsOtherPlaces) {
  const Told told = told_by(campaign(only({"BatchNorm1d", "BatchNorm2d"}), 3000), "rapidcheck");
  std::set<std::string> causes;
  for (const Finding& finding : told.fresh)
    EXPECT_TRUE(causes.insert(to_string(*finding.cause)).second) << to_string(*finding.cause);
  ASSERT_FALSE(told.spread.empty());
  size_t small = 0;
  std::map<std::string, size_t> places;
  for (const Finding& finding : told.spread) {
    EXPECT_TRUE(causes.contains(to_string(*finding.cause))) << to_string(*finding.cause);
    const size_t nth = ++places[to_string(*finding.cause)];
    // What stays changed halfway takes a layer that is changed and one that is refused, in a container.
    const size_t least = finding.cause->deed == "abandons" ? 3 : 1;
    if (nth <= 2) EXPECT_LE(size_of(finding.body, whole_space()).layers, least);
    small += size_of(finding.body, whole_space()).layers == 1;
  }
  EXPECT_LT(small, told.spread.size());  // of many places only the first few are made small
}

TEST(Campaign, AKnownCauseAtANewPlaceHasSpread) {
  Settings settings = campaign(only({"BatchNorm1d"}), 2000);
  const Told first = told_by(settings, "rapidcheck");
  settings.known = known_from(first);
  settings.space = only({"BatchNorm2d"});
  const Told second = told_by(settings, "rapidcheck");
  const auto is_known = [&](const Finding& finding) { return settings.known.has_cause(cause_of(finding)); };
  EXPECT_TRUE(std::ranges::any_of(second.spread, is_known));
  EXPECT_TRUE(std::ranges::none_of(second.fresh, is_known));
}

TEST(Campaign, AnotherFaultAtAKnownPlaceIsNew) {
  Settings settings = campaign(only({"BatchNorm1d"}), 2000);
  const Told first = told_by(settings, "rapidcheck");
  ASSERT_FALSE(first.fresh.empty());
  // The same places, known of another fault.
  for (const Finding& finding : first.fresh)
    settings.known.add(
        finding.violation.signature,
        {.property = finding.violation.signature.property, .deed = "takes", .operation = "other"});
  const Told second = told_by(settings, "rapidcheck");
  EXPECT_EQ(second.known.size(), first.fresh.size());
  std::set<std::string> again;
  for (const auto* findings : {&second.fresh, &second.spread})
    for (const Finding& finding : *findings) again.insert(to_string(finding.violation.signature));
  for (const std::string& signature : first.signatures()) EXPECT_TRUE(again.contains(signature)) << signature;
}

TEST(Campaign, AFaultOfAKnownModuleIsNewByTheOperatorThatHasIt) {
  Settings settings = campaign(only({"Linear"}), 3000);
  settings.known = known_from(told_by(settings, "rapidcheck"));
  const PlantedFault fault(
      "addmm",
      [](const at::Tensor& bias, const at::Tensor& a, const at::Tensor& b, const at::Scalar&,
         const at::Scalar&) -> at::Tensor { return at::mm(a, b).add(bias.to(a.scalar_type())); });
  const Told second = told_by(settings, "rapidcheck");
  const auto blames = [](const Finding& finding) {
    return finding.cause && finding.cause->operation == "addmm";
  };
  EXPECT_TRUE(std::ranges::any_of(second.fresh, blames));
}

// The target by itself

#ifdef DTYPEFUZZ_TARGET
TEST(LibFuzzer, KeepsWhatReachesSomethingNew) {
  const TemporaryFolder temporary;
  const std::string folder = temporary.path;
  const EngineOptions options{
      .corpus = folder, .seeds = {DTYPEFUZZ_SOURCE "/corpus/seeds"}, .target = DTYPEFUZZ_TARGET};
  const Told told = told_by(campaign(only({"Linear", "ReLU", "BatchNorm1d"}), 800), "libfuzzer", options);
  EXPECT_EQ(told.progress.cases, 800u);
  EXPECT_FALSE(told.fresh.empty());
  EXPECT_TRUE(told.flaky.empty());
  size_t kept = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    ++kept;
    const CaseFile file = parse_case([&] {
      std::ifstream in(entry.path());
      return std::string(std::istreambuf_iterator<char>(in), {});
    }());
    EXPECT_GT(file.body.choices.size(), 10u);
  }
  EXPECT_GT(kept, 50u);
}

TEST(LibFuzzer, TheSameSeedGivesTheSameFindingsOnOneJob) {
  const EngineOptions options{
      .corpus = {}, .seeds = {DTYPEFUZZ_SOURCE "/corpus/seeds"}, .target = DTYPEFUZZ_TARGET};
  const Settings settings = campaign(only({"Linear", "BatchNorm1d"}), 1500);
  const Told first = told_by(settings, "libfuzzer", options);
  EXPECT_FALSE(first.fresh.empty());
  EXPECT_EQ(first.texts(), told_by(settings, "libfuzzer", options).texts());
}

TEST(LibFuzzer, ATargetThatDiesCostsOneCaseAndLeavesItsStack) {
  const EngineOptions options{.corpus = {}, .seeds = {}, .target = DTYPEFUZZ_TARGET};
  const Settings settings = campaign(only({"Linear"}), 6000);
  bool shot = false;
  const auto shoot = [&](const Progress& progress) {
    if (shot || progress.cases < 200) return;
    std::ifstream in(fmt::format("/proc/self/task/{}/children", getpid()));
    for (pid_t child; in >> child;) {
      std::ifstream name(fmt::format("/proc/{}/comm", child));
      std::string text;
      if (std::getline(name, text) && text == "dtype_fuzzer") shot = kill(child, SIGSEGV) == 0;
    }
  };
  const Told told = told_by(settings, "libfuzzer", options, {}, shoot);
  ASSERT_TRUE(shot);
  EXPECT_EQ(told.progress.cases, 6000u);
  for (const Finding& finding : told.flaky) {  // none where it hit between two cases
    EXPECT_EQ(finding.violation.signature.family, "SIGSEGV");
    EXPECT_FALSE(finding.stack.empty());
  }
}

TEST(LibFuzzer, EndsAtAFindingThatNoBaselineNamesWithAStackOfItsOwn) {
  const TemporaryFolder temporary;
  const std::string folder = temporary.path;
  fs::copy_file(DTYPEFUZZ_TARGET, folder + "/dtype_fuzzer");  // without a baseline beside it
  write_atomically(folder + "/x.case",
                   "# dtypefuzz case 1\nlayers[0].module = BatchNorm1d\nlayers[0].weight.dtype = float64\n");
  const std::string command = fmt::format("cd {} && ./dtype_fuzzer x.case > log 2>&1", folder);
  EXPECT_NE(std::system(command.c_str()), 0);
  std::ifstream in(folder + "/log");
  const std::string log(std::istreambuf_iterator<char>(in), {});
  EXPECT_NE(log.find("ASSERTION FAILED: refusal_leaves_no_trace:writes:add_:"), std::string::npos) << log;
  EXPECT_NE(log.find("DEDUP_TOKEN: refusal_leaves_no_trace:writes:add_:"), std::string::npos);
  EXPECT_NE(log.find("    #1 0x000000000000 in FuzzerHash="), std::string::npos);
}
#endif

}  // namespace
}  // namespace dtypefuzz
