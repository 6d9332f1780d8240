#include <gtest/gtest.h>

#include "harness/drive/check.h"
#include "harness/drive/minimize.h"
#include "harness/run/run.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

Case with(std::initializer_list<Choice> choices) {
  return {{choices}};
}

TEST(Rows, EverySimplestCaseRunsInTrain) {
  prepare_process();
  Checker checker;
  for (const Row* row : module_rows()) {
    const auto checked = checker.check(with({{"layers[0].module", std::string(row->name)}}));
    EXPECT_FALSE(checked.seen.error) << row->name << ": " << checked.seen.error->message;
    EXPECT_TRUE(checked.violations.empty())
        << row->name << ": " << to_string(checked.violations[0].signature);
    EXPECT_EQ(checked.seen.not_applicable, "") << row->name;
  }
  for (const Row* row : losses())
    for (const auto* module : {"Sigmoid", "Embedding"}) {
      if (row->name == "BCELoss" && std::string_view(module) == "Embedding")
        continue;  // wants values in [0, 1]
      const auto checked =
          checker.check(with({{"layers[0].module", module}, {"loss", std::string(row->name)}}));
      EXPECT_FALSE(checked.seen.error) << row->name << ": " << checked.seen.error->message;
      EXPECT_TRUE(checked.violations.empty()) << row->name;
    }
}

TEST(Oracle, AMismatchIsSeenAndHolds) {
  Checker checker;
  const auto checked = checker.check(with({{"input.dtype", "float64"}}));
  ASSERT_TRUE(checked.seen.error);
  EXPECT_EQ(recognize(checked.seen.error->message)->family->kind, MessageKind::mismatch);
  EXPECT_TRUE(checked.violations.empty());
}

TEST(Oracle, AFaultInTheFactsIsCaughtByItsProperty) {
  Checker checker;
  const auto checked = checker.check(with({{"input.dtype", "float64"}}));
  const Plan& plan = checked.plan;
  Expectation promised;
  for (const CallFacts& call : checked.seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    promised.undocumented_region.push_back(false);
  }
  promised.supported = {{Dtype::Double, true}, {Dtype::Float, true}};
  const auto properties = [&](const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& v : judge(plan, promised, seen)) names.push_back(v.signature.property);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(properties(checked.seen), Names{});

  Observation silent = checked.seen;
  silent.error.reset();
  silent.calls[0].threw = false;
  silent.calls[0].given = {Dtype::Float};
  EXPECT_EQ(properties(silent), Names{"mismatch_is_refused_by_name"});

  Observation wrong_names = checked.seen;
  wrong_names.error->message = "mat1 and mat2 must have the same dtype, but got Half and Int";
  EXPECT_EQ(properties(wrong_names), Names{"mismatch_is_refused_by_name"});

  Observation unrelated = checked.seen;
  unrelated.error->message = "x INTERNAL ASSERT FAILED at \"y\"";
  EXPECT_EQ(properties(unrelated), Names{"mismatch_is_refused_by_name"});

  Observation unknown = checked.seen;
  unknown.error->message = "flux capacitor unplugged";
  EXPECT_EQ(properties(unknown), Names{"mismatch_is_refused_by_name"});

  Observation trace = checked.seen;
  trace.traces = {{"parameter", "weight", 0}};
  EXPECT_EQ(properties(trace), Names{"refusal_leaves_no_trace"});

  Observation leak = checked.seen;
  leak.autocast_restored = false;
  EXPECT_EQ(properties(leak), Names{"autocast_state_is_restored"});

  Observation lost = checked.seen;
  lost.loaded = {{0, "weight", Dtype::Float, Dtype::Double, Dtype::Double, false}};
  EXPECT_EQ(properties(lost), Names{"loading_preserves_values"});
}

TEST(Oracle, ARefusalIsGradedByWhatItNames) {
  Checker checker;
  const auto checked = checker.check(with({{"input.dtype", "float64"}}));
  ASSERT_TRUE(checked.seen.error);
  const CallFacts& call = checked.seen.calls.back();  // input float64, weight and bias float32
  const Promise& promise = checked.promised.calls.back();
  ASSERT_EQ(promise.kind, Promise::kRefusesMismatch);
  const auto grade = [&](const std::string& message) {
    const Grade g = grade_of_refusal(checked.promised, promise, call, message);
    return std::pair(g.kind, g.blamed);
  };
  using Graded = std::pair<Grade::Kind, std::string>;
  EXPECT_EQ(grade(checked.seen.error->message), Graded(Grade::kExact, ""));
  EXPECT_EQ(grade("Input type (double) and weight type (float) should be the same"),
            Graded(Grade::kExact, ""));
  EXPECT_EQ(grade("Input type (double) and bias type (float) should be the same"),
            Graded(Grade::kBlames, "bias"));
  EXPECT_EQ(grade("expected scalar type Double; but got Double instead").first, Grade::kFault);
  EXPECT_EQ(grade("result type Double can't be cast to the desired output type Float"),
            Graded(Grade::kVague, ""));
  EXPECT_EQ(grade("mixed dtype (CPU): expect parameter to have scalar type of Float"),
            Graded(Grade::kVague, ""));
  EXPECT_EQ(grade("Input type (float) and weight type (float) should be the same").first, Grade::kFault);
  EXPECT_EQ(grade("flux capacitor unplugged").first, Grade::kFault);

  // What is weak holds by default and is a finding under --strict.
  for (const auto* message : {"Input type (double) and bias type (float) should be the same",
                              "result type Double can't be cast to the desired output type Float"}) {
    Observation weak = checked.seen;
    weak.error->message = message;
    EXPECT_TRUE(judge(checked.plan, checked.promised, weak).empty()) << message;
    const auto strict = judge(checked.plan, checked.promised, weak, {.strict = true});
    ASSERT_EQ(strict.size(), 1u) << message;
    EXPECT_EQ(strict[0].severity, Severity::vague);
  }
  EXPECT_TRUE(judge(checked.plan, checked.promised, checked.seen, {.strict = true}).empty());
}

TEST(Oracle, AFaultAfterAGoodForwardIsCaughtByItsProperty) {
  Checker checker;
  const auto checked = checker.check(Case{});
  const Plan& plan = checked.plan;
  Expectation promised;
  for (const CallFacts& call : checked.seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    promised.undocumented_region.push_back(false);
  }
  const auto properties = [&](const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& v : judge(plan, promised, seen)) names.push_back(v.signature.property);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(properties(checked.seen), Names{});

  Observation spurious = checked.seen;
  spurious.error = ErrorFacts{
      Phase::forward, {Culprit::kLayer, 0}, 0, "c10::Error", "expected scalar type Float but found Half"};
  spurious.calls[0].threw = true;
  EXPECT_EQ(properties(spurious), Names{"agreeing_dtypes_succeed"});

  Observation late = checked.seen;
  late.error = ErrorFacts{
      Phase::backward, {Culprit::kLayer, 0}, 0, "c10::Error", "Found dtype Double but expected Float"};
  EXPECT_EQ(properties(late), Names{"refusal_is_early"});

  Observation output = checked.seen;
  output.calls[0].given = {Dtype::Half};
  EXPECT_EQ(properties(output), Names{"output_dtype_is_as_promised"});

  Observation gradient = checked.seen;
  ASSERT_FALSE(gradient.leaves.empty());
  gradient.leaves[0].grad_dtype = Dtype::Half;
  EXPECT_EQ(properties(gradient), Names{"gradients_match_their_leaves"});
  gradient.leaves[0].has = false;
  EXPECT_EQ(properties(gradient), Names{"gradients_match_their_leaves"});
}

TEST(Minimizer, EndsAtOneLayerAndKeepsTheSignature) {
  Checker checker;
  // BatchNorm counts the batch before it refuses: a known deviation, buried in a stack.
  const Case start = canonical(with({{"layers", "4"},
                                     {"input.rank", "3"},
                                     {"layers[0].module", "Linear"},
                                     {"layers[1].module", "ReLU"},
                                     {"layers[2].module", "BatchNorm1d"},
                                     {"layers[2].weight.dtype", "float64"},
                                     {"layers[3].module", "Tanh"},
                                     {"default_dtype", "float64"}}));
  auto checked = checker.check(start);
  ASSERT_FALSE(checked.violations.empty());
  Violation v = checked.violations[0];
  const auto before = v.signature;
  const Case small = minimize(start, v, [&](const Case& c) -> std::optional<Violation> {
    for (auto& shown : checker.check(c).violations)
      if (same_finding(before, shown.signature)) return shown;
    return std::nullopt;
  });
  EXPECT_EQ(v.signature, before);
  EXPECT_EQ(small["layers"], "1");
  EXPECT_EQ(small["layers[0].module"], "BatchNorm1d");
  EXPECT_EQ(small["default_dtype"], "float32");
  EXPECT_LT(size_of(small), size_of(start));
}

}  // namespace
}  // namespace dtypefuzz
