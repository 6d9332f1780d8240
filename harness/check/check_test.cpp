#include <gtest/gtest.h>

#include "harness/check/check.h"
#include "harness/run/prepare.h"
#include "harness/run/run.h"
#include "harness/search/minimize.h"
#include "harness/search/simpler.h"
#include "properties/grade.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

Case with(std::initializer_list<Choice> choices) {
  return {{choices}};
}

Case canonical(const Case& c) {
  return canonical(c, whole_space());
}

Checked check(Checker& checker, const Case& c) {
  return checker.check(plan_of(c, whole_space()));
}

TEST(Rows, EverySimplestCaseRunsInTrain) {
  prepare_process();
  Checker checker;
  for (const Row* row : module_rows()) {
    const auto checked = check(checker, with({{"layers[0].module", std::string(row->name)}}));
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
          check(checker, with({{"layers[0].module", module}, {"loss", std::string(row->name)}}));
      EXPECT_FALSE(checked.seen.error) << row->name << ": " << checked.seen.error->message;
      EXPECT_TRUE(checked.violations.empty()) << row->name;
    }
}

TEST(Rows, AnOptionThatAsksForAnotherCallHasThatCallsPromise) {
  // max_pool3d runs in float32 in a region of the CPU, max_pool3d_with_indices is in none of its lists.
  Checker checker;
  const auto given = [&](const char* return_indices) {
    const auto checked = check(checker, with({{"params.dtype", "bfloat16"},
                                              {"autocast", "bfloat16"},
                                              {"layers[0].module", "MaxPool3d"},
                                              {"layers[0].return_indices", return_indices}}));
    EXPECT_TRUE(checked.violations.empty()) << return_indices;
    return checked.seen.calls.at(0).given;
  };
  using Dtypes = std::vector<Dtype>;
  EXPECT_EQ(given("false"), Dtypes{Dtype::Float});
  EXPECT_EQ(given("true"), (Dtypes{Dtype::BFloat16, Dtype::Long}));
}

TEST(Oracle, SupportIsAskedWithTheInputsGradient) {
  // Autograd refuses complex here before the mismatch is seen: one of the dtypes is not supported.
  Checker checker;
  const auto checked = check(checker, with({{"device", "meta"},
                                            {"input.dtype", "complex64"},
                                            {"input.requires_grad", "true"},
                                            {"layers[0].module", "FractionalMaxPool2d"},
                                            {"layers[0].random_samples", "true"}}));
  ASSERT_TRUE(checked.seen.error);
  EXPECT_EQ(recognize(checked.seen.error->message)->family->name, "category_inputs");
  EXPECT_TRUE(checked.violations.empty());
}

TEST(Oracle, AnInputOnAnotherDeviceIsOutsideOfThePromise) {
  // Autocast of the CPU leaves it alone, and no parameter lies where it does not.
  Checker checker;
  const auto checked = check(checker, with({{"input.dtype", "bfloat16"},
                                            {"input.device", "meta"},
                                            {"autocast", "float16"},
                                            {"layers[0].module", "MaxPool3d"}}));
  EXPECT_TRUE(checked.seen.calls.at(0).mixed_devices);
  EXPECT_TRUE(checked.violations.empty());
}

TEST(Oracle, AMismatchIsSeenAndHolds) {
  Checker checker;
  const auto checked = check(checker, with({{"input.dtype", "float64"}}));
  ASSERT_TRUE(checked.seen.error);
  EXPECT_EQ(recognize(checked.seen.error->message)->family->kind, MessageKind::mismatch);
  EXPECT_TRUE(checked.violations.empty());
}

TEST(Oracle, TheLayersOfAStackAreOneRoleInSignatures) {
  Checker checker;
  const auto signatures = [&](const char* layers, const char* parameter) {
    std::vector<std::string> texts;
    const auto checked = check(checker, with({{"layers[0].module", "TransformerEncoder"},
                                              {"layers[0].num_layers", layers},
                                              {parameter, "float64"}}));
    for (const auto& v : checked.violations) texts.push_back(to_string(v.signature));
    return texts;
  };
  const auto first = signatures("1", "layers[0].layers.0.linear1.bias.dtype");
  const auto second = signatures("2", "layers[0].layers.1.linear1.bias.dtype");
  ASSERT_EQ(first.size(), 1u);
  EXPECT_NE(first[0].find(":src/linear1.bias:"), std::string::npos) << first[0];
  EXPECT_EQ(first, second);
}

TEST(Oracle, ARefusalOfAnotherOperandHoldsWhereTwoThingsAreWrong) {
  Checker checker;
  const auto checked = check(checker, with({{"layers[0].module", "TransformerEncoderLayer"},
                                            {"layers[0].src_key_padding_mask", "true"},
                                            {"layers[0].src_key_padding_mask.dtype", "uint8"},
                                            {"layers[0].norm1.bias.dtype", "float64"}}));
  ASSERT_TRUE(checked.seen.error);
  EXPECT_EQ(recognize(checked.seen.error->message)->family->name, "mask_dtype_named");
  EXPECT_TRUE(checked.violations.empty());
}

TEST(Oracle, AWrongCategoryMayBeRefusedBySayingWhatWasExpected) {
  Checker checker;
  const auto refused = check(checker, with({{"loss", "MultiMarginLoss"}, {"loss.target.dtype", "int32"}}));
  ASSERT_TRUE(refused.seen.error);  // "expected scalar type Long but found Int": no operand is int64
  EXPECT_TRUE(refused.violations.empty());
  const auto empty =
      check(checker, with({{"batch", "0"}, {"loss", "MultiMarginLoss"}, {"loss.target.dtype", "int32"}}));
  ASSERT_EQ(empty.violations.size(), 1u);
  EXPECT_EQ(empty.violations[0].signature.property, "mismatch_is_refused_by_name");
}

TEST(Oracle, WhereATargetAndAnInputAreWrongEitherErrorHolds) {
  Checker checker;
  const auto checked = check(checker, with({{"layers[0].module", "Identity"},
                                            {"input.dtype", "float64"},
                                            {"autocast", "bfloat16"},
                                            {"loss", "AdaptiveLogSoftmaxWithLoss"},
                                            {"loss.target.dtype", "bool"}}));
  ASSERT_TRUE(checked.seen.error);
  EXPECT_TRUE(checked.violations.empty()) << checked.seen.error->message;
}

TEST(Oracle, AFaultInTheFactsIsCaughtByItsProperty) {
  Checker checker;
  const auto checked = check(checker, with({{"input.dtype", "float64"}}));
  const Plan& plan = checked.plan;
  Expectation promised;
  for (const CallFacts& call : checked.seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    promised.regions.push_back(RegionKind::documented);
  }
  promised.supported = {{Dtype::Double, true}, {Dtype::Float, true}};
  const auto properties = [&](const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& v : judge(Facts(plan, promised, seen))) names.push_back(v.signature.property);
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
  const auto checked = check(checker, with({{"input.dtype", "float64"}}));
  ASSERT_TRUE(checked.seen.error);
  const CallFacts& call = checked.seen.calls.back();  // input float64, weight and bias float32
  const Promise& promise = checked.promised.calls.back();
  ASSERT_EQ(promise.kind, Promise::kRefusesMismatch);
  const auto grade = [&](const std::string& message) {
    const Grade g = grade_of_refusal(checked.promised, promise, call, recognize(message));
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
    EXPECT_TRUE(judge(Facts(checked.plan, checked.promised, weak)).empty()) << message;
    const auto strict = judge(Facts(checked.plan, checked.promised, weak, {.strict = true}));
    ASSERT_EQ(strict.size(), 1u) << message;
    EXPECT_EQ(strict[0].severity, Severity::vague);
  }
  EXPECT_TRUE(judge(Facts(checked.plan, checked.promised, checked.seen, {.strict = true})).empty());
}

TEST(Oracle, AFaultAfterAGoodForwardIsCaughtByItsProperty) {
  Checker checker;
  const auto checked = check(checker, Case{});
  const Plan& plan = checked.plan;
  Expectation promised;
  for (const CallFacts& call : checked.seen.calls) {
    promised.calls.push_back(promise_for(plan, call));
    promised.regions.push_back(RegionKind::documented);
  }
  const auto properties = [&](const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& v : judge(Facts(plan, promised, seen))) names.push_back(v.signature.property);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(properties(checked.seen), Names{});

  Observation spurious = checked.seen;
  spurious.error = ErrorFacts{
      Phase::forward, {Culprit::kLayer, 0}, 0, "c10::Error", "expected scalar type Float but found Half"};
  spurious.calls[0].threw = true;
  EXPECT_EQ(properties(spurious), Names{"agreeing_dtypes_succeed"});
  // The kernel, and so the CPU, chooses the spelling: still one finding.
  const auto signature = [&] { return judge(Facts(plan, promised, spurious)).at(0).signature; };
  const Signature spelled = signature();
  spurious.error->message = "mat1 and mat2 must have the same dtype, but got Float and Half";
  EXPECT_EQ(signature(), spelled);

  Observation in_place = checked.seen;
  in_place.error = ErrorFacts{
      Phase::backward,
      {Culprit::kLayer, 0},
      0,
      "c10::Error",
      "one of the variables needed for gradient computation has been modified by an inplace operation"};
  in_place.traces = {{"gradient", "layers[0].weight"}};
  EXPECT_EQ(properties(in_place), Names{});  // it is about no dtype

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

TEST(Oracle, AFaultOfTheModelsStateIsCaughtByItsProperty) {
  Checker checker;
  const auto checked = check(checker, with({{"steps", "1"}, {"optimizer", "Adam"}}));
  Expectation promised;
  for (const CallFacts& call : checked.seen.calls) {
    promised.calls.push_back(promise_for(checked.plan, call));
    promised.regions.push_back(RegionKind::documented);
  }
  const auto properties = [&](const Observation& seen) {
    std::vector<std::string> names;
    for (const auto& v : judge(Facts(checked.plan, promised, seen))) names.push_back(v.signature.property);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(properties(checked.seen), Names{});
  ASSERT_EQ(checked.seen.steps.size(), 1u);

  Observation changed = checked.seen;
  changed.dtype_changes = {{Phase::step, "state", "weight", 0, Dtype::Float, Dtype::Double}};
  EXPECT_EQ(properties(changed), Names{"only_conversion_changes_dtypes"});

  Observation infinite = checked.seen;
  infinite.steps[0].parameters_after = false;
  infinite.steps[0].dtype = Dtype::Float;
  EXPECT_EQ(properties(infinite), Names{"steps_keep_values_finite"});
  infinite.steps[0].gradients = false;  // then it is not the step's doing
  EXPECT_EQ(properties(infinite), Names{});
}

/// The first layer of a case, which holds, and its siblings as they really ran.
LayerWithSiblings layer_of_case(const Case& c) {
  const Plan plan = plan_of(c, whole_space());
  Support support;
  return run_siblings(plan, run(plan).calls.front(), support);
}
std::vector<std::string> judged(const LayerWithSiblings& layer) {
  std::vector<std::string> names;
  for (const auto& v : judge(layer.facts())) names.push_back(v.signature.property);
  return names;
}

/// A refusal in words that are not about support.
void refuse(Observation& seen) {
  seen.calls.front().threw = true;
  seen.calls.front().given.clear();
  seen.error = ErrorFacts{
      Phase::forward, {Culprit::kLayer, 0}, 0, "c10::Error", "expected scalar type Float but found Half"};
}

TEST(Siblings, ThatDisagreeAreCaught) {
  using Names = std::vector<std::string>;
  const LayerWithSiblings plain = layer_of_case(Case{});
  EXPECT_EQ(judged(plain), Names{});
  ASSERT_EQ(plain.siblings.size(), 4u);
  for (size_t i = 0; i < plain.siblings.size(); ++i) {
    LayerWithSiblings layer = plain;
    refuse(layer.siblings[i].seen);
    EXPECT_EQ(judged(layer),
              Names{layer.siblings[i].kind == Sibling::kMode ? "modes_agree" : "devices_agree"});
    layer.siblings[i].sound = false;  // then what it violates by itself says so
    EXPECT_EQ(judged(layer), Names{});
  }
  LayerWithSiblings other_dtype = plain;
  other_dtype.siblings[0].seen.calls.front().given = {Dtype::Half};
  EXPECT_EQ(judged(other_dtype), Names{"modes_agree"});

  LayerWithSiblings autocast = layer_of_case(with({{"autocast", "bfloat16"}}));
  EXPECT_EQ(judged(autocast), Names{});
  for (Sibling& sibling : autocast.siblings)
    if (sibling.kind == Sibling::kAutocast) refuse(sibling.seen);
  EXPECT_EQ(judged(autocast), Names{"autocast_dtypes_agree"});
}

TEST(Siblings, WhoseNumbersAreWrongAreCaught) {
  LayerWithSiblings plain = layer_of_case(Case{});
  ASSERT_EQ(plain.values.size(), 4u) << "the output, and gradients of input, weight and bias";
  for (const ValueFacts& fact : plain.values) EXPECT_LT(fact.worst, 1) << fact.leaf;
  using Names = std::vector<std::string>;
  EXPECT_EQ(judged(plain), Names{});
  plain.values[0].worst = 2;
  EXPECT_EQ(judged(plain), Names{"values_agree_with_float64"});
  plain.values[0].worst = 0, plain.values[2].worst = 2;
  EXPECT_EQ(judged(plain), Names{"gradients_agree_with_float64"});
}

/// The properties that a case in the form of a file violates.
std::vector<std::string> violated_by(std::initializer_list<Choice> choices) {
  Checker checker;
  std::vector<std::string> names;
  for (const Violation& v : check(checker, with(choices)).violations) names.push_back(v.signature.property);
  return names;
}

TEST(Silence, LeavesOneQuestionOpen) {
  // Cases on which LibTorch is wrong where no contract promises anything, or promises what was not looked at.
  using Names = std::vector<std::string>;
  const Names taken_away = {"what_siblings_take_is_taken"}, numbers = {"values_agree_with_float64"};
  EXPECT_EQ(violated_by({{"layers[0].module", "MultiheadAttention"},
                         {"layers[0].attn_mask", "true"},
                         {"layers[0].attn_mask.dtype", "bool"}}),
            numbers);
  EXPECT_EQ(violated_by({{"layers[0].module", "TransformerEncoder"},
                         {"layers[0].src_mask", "true"},
                         {"layers[0].src_mask.dtype", "uint8"}}),
            numbers);
  EXPECT_EQ(violated_by({{"mode", "eval"},
                         {"layers[0].module", "Transformer"},
                         {"layers[0].tgt_mask", "true"},
                         {"layers[0].tgt_mask.dtype", "bool"}}),
            numbers);
  EXPECT_EQ(violated_by({{"mode", "no_grad"},
                         {"params.dtype", "float16"},
                         {"layers[0].module", "MultiheadAttention"},
                         {"layers[0].key_padding_mask", "true"}}),
            taken_away);
  EXPECT_EQ(violated_by({{"mode", "no_grad"},
                         {"autocast", "bfloat16"},
                         {"layers[0].module", "MultiheadAttention"},
                         {"layers[0].key_padding_mask", "true"}}),
            taken_away);
  EXPECT_EQ(violated_by({{"autocast", "bfloat16"},
                         {"layers[0].module", "TransformerEncoder"},
                         {"layers[0].src_key_padding_mask", "true"}}),
            taken_away);
  EXPECT_EQ(violated_by({{"mode", "no_grad"}, {"input.dtype", "int64"}, {"layers[0].module", "MaxPool1d"}}),
            taken_away);
  EXPECT_EQ(
      violated_by(
          {{"input.dtype", "bfloat16"}, {"input.rank", "4"}, {"layers[0].module", "LocalResponseNorm"}}),
      taken_away);
  EXPECT_EQ(violated_by({{"input.dtype", "int64"}, {"layers[0].module", "CrossMapLRN2d"}}),
            Names{"agreeing_dtypes_succeed"});
  EXPECT_EQ(violated_by({{"loss", "SoftMarginLoss"}, {"loss.target.dtype", "bool"}}),
            Names{"refusal_is_early"});
  EXPECT_EQ(violated_by({{"input.dtype", "uint8"},
                         {"layers[0].module", "PairwiseDistance"},
                         {"layers[0].input2.dtype", "uint8"}}),
            numbers);
  EXPECT_EQ(violated_by({{"loss", "BCEWithLogitsLoss"},
                         {"loss.with_pos_weight", "true"},
                         {"loss.pos_weight.dtype", "uint8"}}),
            numbers);
  EXPECT_EQ(violated_by({{"convert", "before_forward"},
                         {"convert.dtype", "int32"},
                         {"layers[0].module", "Sequential"},
                         {"layers[0].layers", "2"},
                         {"layers[0].layers[0].module", "BatchNorm1d"},
                         {"layers[0].layers[0].affine", "false"},
                         {"layers[0].layers[1].module", "Linear"}}),
            Names{"refusal_leaves_no_trace"});
}

TEST(Silence, LeavesAloneWhatIsRight) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(violated_by({{"layers[0].module", "MultiheadAttention"}, {"layers[0].attn_mask", "true"}}),
            Names{})
      << "a float mask is added";
  EXPECT_EQ(violated_by({{"layers[0].module", "MultiheadAttention"}, {"layers[0].key_padding_mask", "true"}}),
            Names{});
  EXPECT_EQ(violated_by({{"layers[0].module", "Embedding"}, {"layers[0].max_norm", "true"}}), Names{})
      << "it is documented to write to its weight";
  EXPECT_EQ(violated_by({{"convert", "before_forward"},
                         {"convert.dtype", "int32"},
                         {"layers", "2"},
                         {"layers[0].module", "BatchNorm1d"},
                         {"layers[0].affine", "false"},
                         {"layers[1].module", "Linear"}}),
            Names{})
      << "two modules are converted one after the other, by whoever has them";
}

TEST(Siblings, ARepairThatDoesNotHelpIsCaught) {
  LayerWithSiblings layer = layer_of_case(with({{"input.dtype", "float64"}}));
  ASSERT_EQ(layer.siblings.back().kind, Sibling::kRepair);
  EXPECT_EQ(layer.siblings.back().plan.input_dtype, Dtype::Float);
  using Names = std::vector<std::string>;
  EXPECT_EQ(judged(layer), Names{});
  refuse(layer.siblings.back().seen);
  EXPECT_EQ(judged(layer), Names{"suggested_repair_works"});
}

/// The smallest case that shows the finding with this signature, of a case that does.
Case minimum_of(const Case& start, std::string_view signature) {
  Checker checker;
  const auto shows = [&](const Reading& step) { return checker.check(step.plan).violations; };
  const auto shown = shows(reading_of(start, whole_space()));
  const auto at = std::find_if(shown.begin(), shown.end(),
                               [&](const Violation& v) { return to_string(v.signature) == signature; });
  if (at == shown.end()) {
    ADD_FAILURE() << "not shown: " << signature;
    return start;
  }
  Violation violation = *at;
  return minimize(start, whole_space(), violation, shows);
}

std::vector<Violation> violations_of(const Case& c) {
  Checker checker;
  return check(checker, c).violations;
}

TEST(Minimizer, TwoMismatchesAtOnceAreNoFindingOfTheirOwn) {
  const Case both = canonical(with({{"layers[0].module", "MultiheadAttention"},
                                    {"params.dtype", "float64"},
                                    {"layers[0].add_bias_kv", "true"},
                                    {"layers[0].key.dtype", "float32"},
                                    {"layers[0].bias_k.dtype", "complex64"}}));
  if (violations_of(both).empty()) GTEST_SKIP() << "this CPU's kernels refuse the first mismatch by name";
  const Case small = minimum_of(
      both, "mismatch_is_refused_by_name:MultiheadAttention:query/key:float:forward:expected_found:cpu:off");
  EXPECT_EQ(small["layers[0].key.dtype"], "same");
  EXPECT_EQ(small["layers[0].bias_k.dtype"], "complex64");
}

TEST(Minimizer, EndsAtOneLayer) {
  // BatchNorm counts the batch before it refuses: a known deviation, buried in a stack.
  const Case small =
      minimum_of(canonical(with({{"layers", "4"},
                                 {"input.rank", "3"},
                                 {"layers[0].module", "Linear"},
                                 {"layers[1].module", "ReLU"},
                                 {"layers[2].module", "BatchNorm1d"},
                                 {"layers[2].weight.dtype", "float64"},
                                 {"layers[3].module", "Tanh"},
                                 {"default_dtype", "float64"}})),
                 "refusal_leaves_no_trace:BatchNorm1d:num_batches_tracked:-:forward:changed:cpu:off");
  EXPECT_EQ(small["layers"], "1");
  EXPECT_EQ(small["layers[0].module"], "BatchNorm1d");
  EXPECT_EQ(small["default_dtype"], "float32");
}

TEST(Minimizer, LayersThatOnlyMakeTheShapeGoTogether) {
  // Neither goes alone: the first makes the rank that the second lowers to the third's.
  const Case small = minimum_of(
      canonical(with({{"layers", "3"},
                      {"input.rank", "4"},
                      {"layers[0].module", "ReplicationPad2d"},
                      {"layers[1].module", "CosineSimilarity"},
                      {"layers[2].module", "TransformerDecoderLayer"},
                      {"layers[2].linear2.bias.dtype", "float64"}})),
      "mismatch_is_refused_by_name:TransformerDecoderLayer:tgt/linear2.bias:float:forward:accepted:cpu:off");
  EXPECT_EQ(small["layers"], "1");
}

TEST(Minimizer, LayersThatMakeTheirOutputNotContiguousGiveWayToSuchAnInput) {
  const Case small =
      minimum_of(canonical(with({{"layers", "4"},
                                 {"input.rank", "2"},
                                 {"layers[0].module", "LPPool1d"},
                                 {"layers[1].module", "GLU"},
                                 {"layers[2].module", "LayerNorm"},
                                 {"layers[3].module", "BatchNorm1d"},
                                 {"layers[3].bias.dtype", "float64"}})),
                 "refusal_leaves_no_trace:BatchNorm1d:running_stats:-:forward:changed:cpu:off");
  EXPECT_EQ(small["layers"], "1");
}

TEST(Minimizer, AnInputTakesTheShapeThatALayerWasMadeFor) {
  // What is used again needs its own output's shape as input: 17 channels, which the layer before makes.
  const Case small =
      minimum_of(canonical(with({{"layers", "3"},
                                 {"autocast", "bfloat16"},
                                 {"layers[0].module", "Conv1d"},
                                 {"layers[0].out_per_group", "17"},
                                 {"layers[1].module", "Conv1d"},
                                 {"layers[1].out_per_group", "17"},
                                 {"layers[2].module", "Reuse"},
                                 {"layers[2].autocast", "float16"}})),
                 "autocast_state_is_restored:autocast:parameter:low_float:region:cached:cpu:float16");
  EXPECT_EQ(small["layers"], "2");
}

TEST(Minimizer, AnInputTakesTheDtypeToWhichARegionCast) {
  const Case through = canonical(with({{"layers", "2"},
                                       {"autocast", "float16"},
                                       {"layers[0].module", "Linear"},
                                       {"layers[1].module", "Hardshrink"}}));
  const Case alone = canonical(with({{"autocast", "float16"},
                                     {"input.requires_grad", "true"},
                                     {"input.dtype", "float16"},
                                     {"layers[0].module", "Hardshrink"}}));
  const auto steps = simpler(through, whole_space());
  EXPECT_NE(std::find(steps.begin(), steps.end(), alone), steps.end());
}

TEST(Minimizer, ALayerThatIsUsedAgainInARegionOfItsOwnRunsThereOnce) {
  const Case again = canonical(with({{"layers", "2"},
                                     {"layers[0].module", "ReLU"},
                                     {"layers[1].module", "Reuse"},
                                     {"layers[1].autocast", "bfloat16"}}));
  ASSERT_EQ(again["layers[1].module"], "Reuse");
  const Case once = canonical(with({{"layers[0].module", "ReLU"}, {"layers[0].autocast", "bfloat16"}}));
  const auto steps = simpler(again, whole_space());
  EXPECT_NE(std::find(steps.begin(), steps.end(), once), steps.end());
}

TEST(Minimizer, AContainersRegionMayGoToWhatItHolds) {
  const Case held = canonical(with({{"layers[0].module", "Sequential"},
                                    {"layers[0].autocast", "bfloat16"},
                                    {"layers[0].layers[0].module", "ReLU"}}));
  const Case alone = canonical(with({{"layers[0].module", "ReLU"}, {"layers[0].autocast", "bfloat16"}}));
  const auto steps = simpler(held, whole_space());
  EXPECT_NE(std::find(steps.begin(), steps.end(), alone), steps.end());
}

}  // namespace
}  // namespace dtypefuzz
