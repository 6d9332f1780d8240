// The three scenarios that this harness began with, each with its repair, as people write them. What
// LibTorch 2.13.0 does is asserted in words; the same cases lie in corpus/seeds with what was seen.
#include <gtest/gtest.h>

#include "harness/check/check.h"
#include "harness/files/case_file.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

/// Linear(10, 20), ReLU, Linear(20, 5), one row of input.
Case model(std::initializer_list<Choice> settings) {
  Case c{{{"layers", "3"},
          {"layers[0].module", "Linear"},
          {"layers[0].in_features", "10"},
          {"layers[0].out_features", "20"},
          {"layers[1].module", "ReLU"},
          {"layers[2].module", "Linear"},
          {"layers[2].out_features", "5"}}};
  for (const Choice& choice : settings) c.set(choice.name, choice.value);
  return c;
}

Checked checked(const Case& c) {
  Checker checker;
  return checker.check(plan_of(c, whole_space()));
}

std::vector<std::string> signatures(const Checked& checked) {
  std::vector<std::string> names;
  for (const Violation& v : checked.violations) names.push_back(to_string(v.signature));
  return names;
}

using Names = std::vector<std::string>;

TEST(Scenario1, AnInputInAnotherDtypeIsRefusedInForwardByNameAtTheFirstLinear) {
  for (const auto* dtype : {"float64", "int64", "int32", "float16"}) {
    const Checked run = checked(model({{"input.dtype", dtype}}));
    ASSERT_TRUE(run.seen.error) << dtype;
    EXPECT_EQ(run.seen.error->phase, Phase::forward);
    EXPECT_EQ(run.seen.error->culprit, (Culprit{Culprit::kLayer, 0}));
    const auto known = recognize(run.seen.error->message);
    ASSERT_TRUE(known) << run.seen.error->message;
    EXPECT_EQ(known->family->kind, MessageKind::mismatch) << run.seen.error->message;
    std::set<Dtype> named;
    for (const NamedDtype& n : known->named) named.insert(n.dtype);
    EXPECT_EQ(named, (std::set{Dtype::Float, *parse_dtype(dtype)})) << run.seen.error->message;
    EXPECT_EQ(signatures(run), Names{});
  }
}

TEST(Scenario1, TheInputInFloat32IsTheRepair) {
  const Checked run = checked(model({{"input.dtype", "float32"}}));
  EXPECT_FALSE(run.seen.error);
  EXPECT_TRUE(run.seen.backward_ran);
  EXPECT_EQ(signatures(run), Names{});
}

Case trained_checkpoint(std::initializer_list<Choice> settings) {
  Case c = model({{"load.dtype", "float32"}, {"load.steps", "10"}, {"loss", "MSELoss"}});
  for (const Choice& choice : settings) c.set(choice.name, choice.value);
  return c;
}

TEST(Scenario2, AModelInFloat64ThatCopiesAFloat32CheckpointKeepsItsDtypeAndValuesAndRefusesFloat32Input) {
  const Checked run = checked(
      trained_checkpoint({{"params.dtype", "float64"}, {"load", "copy"}, {"input.dtype", "float32"}}));
  ASSERT_EQ(run.seen.loaded.size(), 4u);
  for (const LoadedFacts& loaded : run.seen.loaded) {
    EXPECT_EQ(loaded.after, Dtype::Double) << loaded.name;
    EXPECT_TRUE(loaded.equal) << loaded.name;
  }
  ASSERT_TRUE(run.seen.error);
  EXPECT_EQ(run.seen.error->phase, Phase::forward);
  EXPECT_EQ(recognize(run.seen.error->message)->family->kind, MessageKind::mismatch);
  EXPECT_EQ(signatures(run), Names{});
}

TEST(Scenario2, TheSameFromAnArchiveIsRefusedBySizesAndNotByName) {
  const Checked run = checked(
      trained_checkpoint({{"params.dtype", "float64"}, {"load", "archive"}, {"input.dtype", "float32"}}));
  ASSERT_TRUE(run.seen.error);
  EXPECT_EQ(run.seen.error->phase, Phase::load);
  EXPECT_EQ(signatures(run), Names{"loading_preserves_values:load:archive:float:load:set_storage:cpu:off"});
}

TEST(Scenario2, AnArchiveInFloat64ThatAFloat32ModelReadsGivesOtherValues) {
  const Checked run = checked(trained_checkpoint({{"load.dtype", "float64"}, {"load", "archive"}}));
  ASSERT_FALSE(run.seen.loaded.empty());
  EXPECT_FALSE(run.seen.loaded.front().equal);
  EXPECT_EQ(signatures(run), Names{"loading_preserves_values:load:archive:float:load:accepted:cpu:off"});
}

TEST(Scenario2, InputInFloat64OrAModelInFloat32IsTheRepair) {
  for (const Case& c : {trained_checkpoint({{"params.dtype", "float64"},
                                            {"load", "copy"},
                                            {"input.dtype", "float64"},
                                            {"loss.target.dtype", "float64"}}),
                        trained_checkpoint({{"load", "archive"}}), trained_checkpoint({{"load", "copy"}})}) {
    const Checked run = checked(c);
    EXPECT_FALSE(run.seen.error) << run.seen.error->message;
    EXPECT_EQ(run.seen.not_applicable, "");
    EXPECT_EQ(signatures(run), Names{});
  }
}

Case mixed_precision(std::initializer_list<Choice> settings) {
  Case c = model({{"steps", "10"},
                  {"optimizer", "Adam"},
                  {"scaler", "on"},
                  {"loss", "MSELoss"},
                  {"loss.target.dtype", "float32"}});
  for (const Choice& choice : settings) c.set(choice.name, choice.value);
  return c;
}

TEST(Scenario3, TrainingUnderAutocastWithFloat32InputRunsToItsEnd) {
  for (const auto* autocast : {"bfloat16", "float16"})
    for (const auto* loss : {"same", "off"}) {
      const Checked run = checked(
          mixed_precision({{"autocast", autocast}, {"loss.autocast", loss}, {"input.dtype", "float32"}}));
      EXPECT_FALSE(run.seen.error) << autocast << " " << run.seen.error->message;
      EXPECT_GT(run.seen.scale, 0);
      EXPECT_EQ(signatures(run), Names{}) << autocast << " " << loss;
    }
}

TEST(Scenario3, Float64InputUnderAutocastIsRefusedInForwardByNameAndNotLater) {
  for (const auto* autocast : {"bfloat16", "float16"}) {
    const Checked run = checked(mixed_precision({{"autocast", autocast}, {"input.dtype", "float64"}}));
    ASSERT_TRUE(run.seen.error);
    EXPECT_EQ(run.seen.error->phase, Phase::forward);
    EXPECT_EQ(recognize(run.seen.error->message)->family->kind, MessageKind::mismatch)
        << run.seen.error->message;
    EXPECT_EQ(signatures(run), Names{});
  }
}

TEST(Scenario3, ParametersInFloat16TrainWithTheScalerUntilAdamDividesByZero) {
  const Checked run = checked(
      mixed_precision({{"autocast", "float16"}, {"params.dtype", "float16"}, {"input.dtype", "float32"}}));
  EXPECT_FALSE(run.seen.error) << run.seen.error->message;
  EXPECT_GT(run.seen.scale, 0);
  // Adam's epsilon of 1e-8 is 0 in float16, so a parameter without a gradient becomes 0 / 0.
  EXPECT_EQ(signatures(run),
            Names{"steps_keep_values_finite:Adam:parameter:low_float:step:not_finite:cpu:off"});
}

TEST(Scenarios, EverySeedParsesAndRecordsWhatThisLibTorchDoes) {
  const auto files = case_files({DTYPEFUZZ_SOURCE "/corpus/seeds"});
  EXPECT_GE(files.size(), 6u);
  for (const auto& path : files) EXPECT_FALSE(load_case(path, whole_space()).seen.empty()) << path;
}

}  // namespace
}  // namespace dtypefuzz
