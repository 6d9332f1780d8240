#include "harness/engines/engines.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/wait.h>
#include <torch/library.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "harness/drive/minimize.h"
#include "harness/drive/sweep.h"
#include "harness/engines/rapidcheck.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

Space only(std::initializer_list<std::string_view> modules) {
  Space space = whole_space();
  space.modules.clear();
  for (const auto name : modules) space.modules.push_back(find_row(name));
  space.losses.clear();
  space.devices = {Device::cpu};
  return space;
}

RC_GTEST_PROP(RapidCheck, ACaseReplaysToItselfAndItsTextToo, (const Case& c)) {
  RC_ASSERT(canonical(c) == c);
  RC_ASSERT(parse_case(print_case({c, {}, {}, {}})).body == c);
}

RC_GTEST_PROP(RapidCheck, MutantsAndChildrenAreCanonical, (const Case& a, const Case& b, uint32_t seed)) {
  RC_ASSERT(canonical(mutated(a, Rng(seed), whole_space(), {}).body) ==
            mutated(a, Rng(seed), whole_space(), {}).body);
  const Case child = crossed(a, b, Rng(seed), whole_space(), {}).body;
  RC_ASSERT(canonical(child) == child);
  RC_ASSERT(list_size(child, "layers") <= 8);
}

RC_GTEST_PROP(RapidCheck, ShrinkingNeverGrows, (const Case& c)) {
  const auto shrinks =
      rc::shrinkable::shrinkRecur(Case(c), [](const Case& x) { return rc::seq::fromContainer(simpler(x)); });
  RC_ASSERT(shrinks.value() == c);
  const auto generated = cases()(rc::Random(list_size(c, "layers")), 0);
  const Size size = size_of(generated.value());
  auto smaller = generated.shrinks();
  for (int i = 0; i < 5; ++i)
    if (const auto next = smaller.next()) RC_ASSERT(size_of(next->value()) < size);
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
  const auto generator = cases();
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
      whole_space(), [&](uint64_t index) { return index % 97 == 0; },
      [&](const Case& c) {
        ++cells;
        seen.insert(std::string(c["layers[0].module"]));
        seen.insert(std::string(c["loss"]));
      });
  sweep(whole_space(), [&](uint64_t index) { return index % 97 == 0; }, [&](const Case&) { ++again; });
  EXPECT_EQ(cells, again);
  for (const auto rows : {module_rows(), losses()})
    for (const Row* row : rows) EXPECT_TRUE(seen.contains(std::string(row->name))) << row->name;
}

// --- campaigns
// -----------------------------------------------------------------------------------------------------

struct Told {
  Progress progress;
  std::vector<Finding> fresh, flaky;
  std::set<std::string> known;
};
Told told_by(Settings settings, std::string_view engine, const EngineOptions& options = {}) {
  settings.engine = engine_named(engine).make(options);
  Told told;
  const std::atomic<int> nobody{0};
  told.progress = run_campaign(
      settings,
      [&](const Finding& finding, Novelty novelty) {
        if (novelty == Novelty::fresh) told.fresh.push_back(finding);
        if (novelty == Novelty::flaky) told.flaky.push_back(finding);
        if (novelty == Novelty::known) told.known.insert(to_string(finding.violation.signature));
      },
      [](const Progress&) {}, nobody);
  return told;
}

Settings campaign(Space space, uint64_t runs) {
  return {.engine = {},
          .seconds = 0,
          .runs = runs,
          .space = std::move(space),
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

TEST(Campaign, ACrashIsOneFindingWithItsOwnerMinimizedAndTheRestGoesOn) {
  const PlantedFault fault("relu", [](const at::Tensor& self) -> at::Tensor {
    if (self.scalar_type() == at::kDouble) std::abort();
    return self.clamp_min(0);
  });
  const Told told = told_by(campaign(only({"Tanh", "GELU", "ReLU"}), 800), "rapidcheck");
  EXPECT_EQ(told.progress.cases, 800u);
  std::vector<std::string> crashes;
  for (const Finding& finding : told.fresh)
    if (finding.violation.severity == Severity::crash) {
      crashes.push_back(to_string(finding.violation.signature));
      EXPECT_EQ(finding.layers, 1u);
      EXPECT_EQ(finding.minimized["layers[0].module"], "ReLU");
    }
  EXPECT_EQ(crashes, std::vector<std::string>{"process_survives:ReLU:-:float:forward:SIGABRT:cpu:off"});
}

TEST(Campaign, AHangIsAFinding) {
  const PlantedFault fault("tanh", [](const at::Tensor& self) -> at::Tensor {
    while (self.scalar_type() == at::kHalf) usleep(1000);  // a hang for float16 alone
    return self.clone();
  });
  Settings settings = campaign(only({"Tanh"}), 60);
  settings.case_seconds = 0.3;
  const Told told = told_by(settings, "rapidcheck");
  ASSERT_FALSE(told.fresh.empty());
  EXPECT_EQ(to_string(told.fresh.front().violation.signature),
            "process_survives:Tanh:-:low_float:forward:hang:cpu:off");
}

TEST(Campaign, AKnownSignatureIsToldAsKnown) {
  Settings settings = campaign(only({"BatchNorm1d"}), 2000);
  const Told first = told_by(settings, "rapidcheck");
  ASSERT_FALSE(first.fresh.empty());
  for (const Finding& finding : first.fresh) settings.known.insert(to_string(finding.violation.signature));
  const Told second = told_by(settings, "rapidcheck");
  EXPECT_TRUE(second.fresh.empty());
  EXPECT_EQ(second.known.size(), first.fresh.size());
}

// --- the target by itself
// ------------------------------------------------------------------------------------------

#ifdef DTYPEFUZZ_TARGET
TEST(LibFuzzer, KeepsWhatReachesSomethingNew) {
  std::string folder = (fs::temp_directory_path() / "dtypefuzz-test-XXXXXX").string();
  ASSERT_TRUE(mkdtemp(folder.data()));
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
  fs::remove_all(folder);
}

TEST(LibFuzzer, EndsAtAFindingThatNoBaselineNamesWithAStackOfItsOwn) {
  std::string folder = (fs::temp_directory_path() / "dtypefuzz-test-XXXXXX").string();
  ASSERT_TRUE(mkdtemp(folder.data()));
  fs::copy_file(DTYPEFUZZ_TARGET, folder + "/dtype_fuzzer");  // without a baseline beside it
  write_atomically(folder + "/x.case",
                   "# dtypefuzz case 1\nlayers[0].module = BatchNorm1d\nlayers[0].weight.dtype = float64\n");
  const std::string command = fmt::format("cd {} && ./dtype_fuzzer x.case > log 2>&1", folder);
  EXPECT_NE(std::system(command.c_str()), 0);
  std::ifstream in(folder + "/log");
  const std::string log(std::istreambuf_iterator<char>(in), {});
  EXPECT_NE(log.find("ASSERTION FAILED: refusal_leaves_no_trace:BatchNorm1d:"), std::string::npos) << log;
  EXPECT_NE(log.find("DEDUP_TOKEN: refusal_leaves_no_trace:BatchNorm1d:"), std::string::npos);
  EXPECT_NE(log.find("    #1 0x000000000000 in FuzzerHash="), std::string::npos);
  fs::remove_all(folder);
}
#endif

}  // namespace
}  // namespace dtypefuzz
