// Each property on a fact sheet on which it holds, on one that violates it, and on one of which it says
// nothing.
#include "properties/property.h"

#include <gtest/gtest.h>

#include <set>

#include "properties/sheet.h"

namespace dtypefuzz {
namespace {

constexpr Verdict kHolds{Verdict::kHolds}, kViolated{Verdict::kViolated};
Verdict silent(std::string_view why) {
  return {Verdict::kNotApplicable, why};
}

TEST(Properties, HaveNamesAndSentencesOfTheirOwn) {
  std::set<std::string_view> names, sentences;
  for (const Property& property : all_properties()) {
    EXPECT_NE(property.judge, nullptr);
    EXPECT_TRUE(names.insert(property.name).second) << property.name;
    EXPECT_TRUE(sentences.insert(property.sentence).second) << property.name;
  }
  EXPECT_EQ(names.size(), all_properties().size());
}

TEST(Properties, AreSilentOfARunThatCouldNotBeSetUp) {
  Sheet sheet;
  sheet.seen.not_applicable = "no such device";
  sheet.refuse(std::string(kUnknown));
  EXPECT_TRUE(judge(sheet.facts()).empty());
  for (const Verdict& verdict : judge_all(sheet.facts()))
    EXPECT_EQ(verdict, silent("the run could not be set up"));
}

TEST(Properties, OfARunSayNothingOfSiblingsAndTheOtherWayRound) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("modes_agree"), silent("no sibling ran"));
  sheet.add_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), silent("is asked of the whole run"));
}

TEST(Properties, SayOnceWhatSeveralIterationsRepeat) {
  Sheet sheet;
  sheet.call().given = {Dtype::Half};
  sheet.seen.calls.push_back(sheet.call());
  sheet.seen.calls.back().iteration = 1;
  sheet.expect();
  EXPECT_EQ(judge(sheet.facts()).size(), 1u);
}

TEST(ProcessSurvives, UnlessItEndedOrAskedForMemoryThatNobodyHas) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("process_survives"), kHolds);
  sheet.refuse("DefaultCPUAllocator: can't allocate memory: you tried to allocate 70368744177664 bytes.");
  EXPECT_EQ(sheet.verdict("process_survives"), kViolated);
  EXPECT_EQ(sheet.signatures(),
            std::vector<std::string>{"process_survives:Linear:-:float:forward:memory:cpu:off"});
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), silent("the process did not survive"));

  Sheet ended;
  ended.ending =
      Ending{.phase = Phase::forward, .culprit = {Culprit::kLayer, 0}, .how = "SIGSEGV", .seen = "x"};
  EXPECT_EQ(ended.verdict("process_survives"), kViolated);
  ended.seen.not_applicable = "no such device";
  EXPECT_EQ(ended.verdict("process_survives"), silent("the run could not be set up"));
}

TEST(AgreeingDtypesSucceed, OrAreCleanlyRefused) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kHolds);
  sheet.refuse(std::string(kUnsupported));
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kHolds);
  sheet.refuse("index out of range in self");
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kHolds);
  sheet.refuse(std::string(kMismatch));
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kViolated);
  sheet.disagree();
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), silent("no operands are promised to succeed"));
}

TEST(AgreeingDtypesSucceed, OrAreRefusedInWordsThatAreTrue) {
  Sheet sheet;
  const auto verdict = [&](std::string message, std::string type = "c10::Error") {
    sheet.refuse(std::move(message));
    sheet.seen.error->type = std::move(type);
    return sheet.verdict("agreeing_dtypes_succeed");
  };
  EXPECT_EQ(verdict("\"addmm\" not implemented for 'Half'"), kViolated) << "nothing is float16";
  EXPECT_EQ(verdict("\"addmm\" not implemented for 'Float'"), kHolds);
  EXPECT_EQ(verdict("\"addmm\" not implemented for 'Float'", "std::runtime_error"), kViolated);
  EXPECT_EQ(verdict("get_mkldnn_dtype: unsupported data type"), kViolated) << "from the inside of a backend";
  EXPECT_EQ(verdict("Boolean inputs not supported for x"), kViolated) << "nothing is bool";
  for (OperandFacts& operand : sheet.call().received) operand.dtype = Dtype::Bool;
  sheet.expect();
  EXPECT_EQ(verdict("Boolean inputs not supported for x"), kHolds);
  sheet.plan.autocast = sheet.call().autocast = Dtype::BFloat16;
  for (OperandFacts& operand : sheet.call().received) operand.dtype = Dtype::Double;
  sheet.expect();
  EXPECT_EQ(verdict("\"addmm\" not implemented for 'BFloat16'"), kHolds) << "as the region made it";
}

/// A contract that promises nothing of integers.
const Contract& silent_on_integers() {
  static const Contract contract{
      .source = "a test", .special = {promises_nothing_where({some({"input"}, kIntegral)}, "silence")}};
  return contract;
}

TEST(AgreeingDtypesSucceed, OrAreRefusedTrulyWhereNothingIsPromised) {
  Sheet sheet(silent_on_integers());
  sheet.call().received = {input("input", Dtype::Long)};
  sheet.call().given = {Dtype::Long};
  sheet.expect();
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), silent("no operands are promised to succeed"));
  const auto verdict = [&](std::string_view message) {
    sheet.refuse(std::string(message));
    return sheet.verdict("agreeing_dtypes_succeed");
  };
  EXPECT_EQ(verdict("\"x\" not implemented for 'Long'"), kHolds);
  EXPECT_EQ(verdict("\"x\" not implemented for 'Short'"), kViolated);
  EXPECT_EQ(verdict("result type Float can't be cast to the desired output type Long"), kViolated)
      << "there is no second operand";
  EXPECT_EQ(verdict("INTERNAL ASSERT FAILED"), kViolated);
  EXPECT_EQ(verdict(kUnknown), kViolated);
  EXPECT_EQ(verdict("index out of range in self"), kHolds);
  sheet.call().received[0].dtype = Dtype::QInt8;
  sheet.expect();
  EXPECT_EQ(verdict("INTERNAL ASSERT FAILED"), kHolds) << "nothing is said of quantized dtypes";
}

TEST(MismatchIsRefusedByName, InTrueWordsWhereNothingIsPromised) {
  Sheet sheet(silent_on_integers());
  sheet.call().received = {input("input", Dtype::Long), parameter("weight", Dtype::Float)};
  sheet.expect();
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), silent("no operands are promised a refusal"));
  sheet.refuse("result type Float can't be cast to the desired output type Long");
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kHolds);
  sheet.refuse("INTERNAL ASSERT FAILED");
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kViolated);
}

TEST(AgreeingDtypesSucceed, InConstructionConversionAndLoadingToo) {
  Sheet sheet;
  sheet.seen.calls.clear();
  sheet.expect();
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), silent("no operands are promised to succeed"));
  for (const Phase phase : {Phase::construct, Phase::convert, Phase::load}) {
    sheet.refuse(std::string(kUnsupported), phase, {});
    EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kHolds) << to_string(phase);
    sheet.refuse(std::string(kUnknown), phase, {});
    EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), kViolated) << to_string(phase);
  }
  sheet.plan.load_dtype = Dtype::Double;  // then the checkpoint does not agree with the model
  EXPECT_EQ(sheet.verdict("agreeing_dtypes_succeed"), silent("no operands are promised to succeed"));
}

TEST(MismatchIsRefusedByName, InForward) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), silent("no operands are promised a refusal"));
  sheet.disagree();
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kViolated);  // it was accepted
  sheet.refuse(std::string(kMismatch), Phase::backward);
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kHolds);  // late, which another one judges
  sheet.refuse(std::string(kMismatch));
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kHolds);
  sheet.refuse(std::string(kUnknown));
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kViolated);
}

TEST(MismatchIsRefusedByName, AndWeaklyOnlyWhereItIsNotStrict) {
  Sheet sheet;
  sheet.disagree();
  sheet.refuse("result type Double can't be cast to the desired output type Float");
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kHolds);
  sheet.strictness.strict = true;
  EXPECT_EQ(sheet.verdict("mismatch_is_refused_by_name"), kViolated);
  EXPECT_EQ(judge(sheet.facts()).at(0).severity, Severity::vague);
}

TEST(RefusalIsEarly, BeforeBackward) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("refusal_is_early"), silent("nothing was refused"));
  sheet.refuse(std::string(kMismatch), Phase::construct, {});
  EXPECT_EQ(sheet.verdict("refusal_is_early"), kHolds);
  for (const Phase phase : {Phase::backward, Phase::unscale, Phase::clip, Phase::step}) {
    sheet.refuse(std::string(kMismatch), phase);
    EXPECT_EQ(sheet.verdict("refusal_is_early"), kViolated) << to_string(phase);
  }
  sheet.refuse(std::string(kUnsupported), Phase::backward);
  EXPECT_EQ(sheet.verdict("refusal_is_early"),
            silent("the refusal is about support, or about no dtype that disagrees"));
  // An operand that gets no gradient cannot be what backward lacks: forward should have refused it.
  sheet.call().received[0].dtype = Dtype::Bool;
  sheet.expect();
  sheet.refuse("Negation, the `-` operator, on a bool tensor is not supported.", Phase::backward);
  EXPECT_EQ(sheet.verdict("refusal_is_early"), kViolated);
}

TEST(OutputDtype, IsAsPromised) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), kHolds);
  sheet.call().given = {Dtype::Half};
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), kViolated);
  sheet.promise().outputs = {Dtype::Undefined};
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), silent("no output is promised a dtype"));
}

TEST(OutputDtype, OfTheLastPromiseServesThoseThatFollow) {
  Sheet sheet;
  sheet.promise().outputs = {Dtype::Float, Dtype::Long};
  sheet.call().given = {Dtype::Float, Dtype::Long, Dtype::Long};
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), kHolds);
  sheet.call().given.back() = Dtype::Int;
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), kViolated);
}

TEST(Gradients, MatchTheirLeaves) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), silent("no backward ran"));
  LeafFacts leaf{{Culprit::kLayer, 0}, "weight", Dtype::Float, true, true, Dtype::Float};
  sheet.seen.leaves = {leaf};
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), kHolds);
  sheet.seen.leaves[0].grad_dtype = Dtype::Half;
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), kViolated);
  sheet.seen.leaves[0].has = false;
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), kViolated);
  sheet.seen.leaves[0].must_have = false;  // the graph does not reach it
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), kHolds);
  sheet.refuse(std::string(kMismatch), Phase::step, {});
  EXPECT_EQ(sheet.verdict("gradients_match_their_leaves"), silent("something was refused"));
}

TEST(Refusal, LeavesNoTrace) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("refusal_leaves_no_trace"), silent("nothing was refused"));
  sheet.refuse(std::string(kMismatch));
  EXPECT_EQ(sheet.verdict("refusal_leaves_no_trace"), kHolds);
  sheet.seen.traces = {{"parameter", "weight", 0}};
  EXPECT_EQ(sheet.verdict("refusal_leaves_no_trace"), kViolated);
  sheet.refuse("there was no fake impl or Meta kernel");
  EXPECT_EQ(sheet.verdict("refusal_leaves_no_trace"), silent("a kernel that is not there refuses nothing"));
}

TEST(AutocastState, IsRestored) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kHolds);
  sheet.seen.autocast_restored = false;
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kViolated);
  sheet.seen.not_applicable = "no such device";
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), silent("the run could not be set up"));
}

TEST(AutocastState, OfAnUndocumentedRegionActsAsOffOrRefuses) {
  Sheet sheet;
  sheet.call().autocast = Dtype::Double;
  sheet.expect();
  ASSERT_EQ(sheet.promised.regions[0], RegionKind::undocumented);
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kHolds);
  EXPECT_EQ(sheet.verdict("output_dtype_is_as_promised"), silent("no output is promised a dtype"));
  sheet.call().given = {Dtype::Double};
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kViolated);
  sheet.refuse(std::string(kMismatch));
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kHolds);
}

TEST(AutocastState, KeepsNoCastForTheNextRegion) {
  Sheet sheet;
  sheet.call().autocast = Dtype::BFloat16;
  sheet.call().given = {Dtype::BFloat16};
  sheet.expect();
  sheet.promised.regions[0] = RegionKind::after_another;
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kHolds);
  sheet.call().given = {Dtype::Half};
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kViolated);
  sheet.refuse(std::string(kMismatch));
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kViolated);
  sheet.refuse(std::string(kUnsupported));
  EXPECT_EQ(sheet.verdict("autocast_state_is_restored"), kHolds);
}

TEST(Loading, PreservesValues) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("loading_preserves_values"), silent("no checkpoint is loaded"));
  sheet.plan.load = Load::archive;
  sheet.plan.load_dtype = Dtype::Double;
  sheet.seen.loaded = {{0, "weight", Dtype::Double, Dtype::Float, Dtype::Float, true}};
  EXPECT_EQ(sheet.verdict("loading_preserves_values"), kHolds);
  sheet.seen.loaded[0].equal = false;
  EXPECT_EQ(sheet.verdict("loading_preserves_values"), kViolated);
  sheet.seen.loaded.clear();
  sheet.refuse("setStorage: sizes [4], strides [1]", Phase::load, {});
  EXPECT_EQ(sheet.verdict("loading_preserves_values"), kViolated);
  sheet.refuse("incompatible tensor type", Phase::load, {});
  EXPECT_EQ(sheet.verdict("loading_preserves_values"), kHolds);
}

TEST(Dtypes, AreChangedByConversionOnly) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("only_conversion_changes_dtypes"), kHolds);
  sheet.seen.dtype_changes = {{Phase::step, "gradient", "weight", 0, Dtype::Float, Dtype::Double}};
  EXPECT_EQ(sheet.verdict("only_conversion_changes_dtypes"), kHolds);  // another one judges gradients
  sheet.seen.dtype_changes[0].kind = "state";
  EXPECT_EQ(sheet.verdict("only_conversion_changes_dtypes"), kViolated);
  sheet.seen.not_applicable = "no such device";
  EXPECT_EQ(sheet.verdict("only_conversion_changes_dtypes"), silent("the run could not be set up"));
}

TEST(Steps, KeepValuesFinite) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), silent("no step was taken"));
  sheet.seen.steps = {{.dtype = Dtype::Float, .name = "weight"}};
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), kHolds);
  sheet.seen.steps[0].parameters_after = false;
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), kViolated);
  sheet.seen.loaded = {{0, "weight", Dtype::Double, Dtype::Float, Dtype::Float, /*equal=*/false}};
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"),
            silent("loading changed the numbers, and what follows is that change's doing"));
  sheet.seen.loaded[0].equal = true;
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), kViolated);
  sheet.seen.loaded.clear();
  sheet.seen.steps[0].gradients = false;
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), silent("the numbers were not finite before the step"));
  sheet.plan.fill = Fill::extremes;
  EXPECT_EQ(sheet.verdict("steps_keep_values_finite"), silent("the numbers are not tame"));
}

/// A sheet with a sibling of this kind, and in it the sibling.
Sheet with_sibling(Sibling::Kind kind) {
  Sheet sheet;
  if (kind == Sibling::kAutocast) {
    sheet.plan.autocast = sheet.call().autocast = Dtype::BFloat16;
    sheet.call().given = {Dtype::BFloat16};
    sheet.expect();
  }
  Sibling& sibling = sheet.add_sibling(kind);
  if (kind == Sibling::kMode) sibling.plan.mode = Mode::eval;
  if (kind == Sibling::kDevice) sibling.plan.device = kMeta;
  if (kind == Sibling::kAutocast) {
    sibling.plan.autocast = sibling.seen.calls.front().autocast = Dtype::Half;
    sibling.seen.calls.front().given = {Dtype::Half};
  }
  return sheet;
}
void refuse(Sibling& sibling, std::string_view message) {
  sibling.seen.error =
      ErrorFacts{Phase::forward, {Culprit::kLayer, 0}, 0, "c10::Error", std::string(message)};
  sibling.seen.calls.front().threw = true;
  sibling.seen.calls.front().given.clear();
}

TEST(Modes, Agree) {
  Sheet sheet = with_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict("modes_agree"), kHolds);
  sheet.siblings[0].seen.calls[0].given = {Dtype::Half};
  EXPECT_EQ(sheet.verdict("modes_agree"), kViolated);
  refuse(sheet.siblings[0], kUnsupported);  // modes have the same kernels
  EXPECT_EQ(sheet.verdict("modes_agree"), kViolated);
  sheet.siblings[0].sound = false;
  EXPECT_EQ(sheet.verdict("modes_agree"), silent("no sibling holds by itself"));
  sheet.sound = false;
  EXPECT_EQ(sheet.verdict("modes_agree"), silent("the layer violates a property by itself"));
}

TEST(Modes, AgreeWhereTrainIsRandomToo) {
  Contract random = kProduct;
  random.random = Random::in_train;
  Sheet sheet(random);
  sheet.add_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict("modes_agree"), kHolds);
  refuse(sheet.siblings[0], kUnsupported);
  EXPECT_EQ(sheet.verdict("modes_agree"), kViolated);
}

TEST(WhatSiblingsTake, IsTaken) {
  constexpr std::string_view kProperty = "what_siblings_take_is_taken";
  Sheet sheet = with_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict(kProperty), silent("nothing was refused"));
  for (const Sibling::Kind kind :
       {Sibling::kNatural, Sibling::kNoRegion, Sibling::kSimplest, Sibling::kDimensions}) {
    sheet = with_sibling(kind);
    sheet.refuse(std::string(kUnsupported));
    EXPECT_EQ(sheet.verdict(kProperty), kViolated) << kind;
    sheet.siblings[0].sound = false;
    EXPECT_EQ(sheet.verdict(kProperty), silent("no sibling may take it")) << kind;
    sheet.siblings[0].sound = true;
    refuse(sheet.siblings[0], kUnsupported);
    EXPECT_EQ(sheet.verdict(kProperty), kHolds) << kind << ": the sibling refuses as well";
    sheet = with_sibling(kind);
    sheet.refuse("index out of range in self");
    EXPECT_EQ(sheet.verdict(kProperty), silent("nothing was refused")) << kind << ": not about dtypes";
  }
  // What one rank broadcasts and another does not, backward has to sum over.
  sheet = with_sibling(Sibling::kDimensions);
  sheet.refuse(std::string(kUnsupported), Phase::backward);
  EXPECT_EQ(sheet.verdict(kProperty), kHolds);
}

TEST(Calls, ChangeWhatTheyDocument) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("calls_change_what_they_document"), kHolds);
  sheet.seen.changes = {{{Culprit::kLayer, 0}, Phase::forward, "input", "input", Category::floating}};
  EXPECT_EQ(sheet.verdict("calls_change_what_they_document"), kViolated);
  EXPECT_EQ(
      sheet.signatures(),
      std::vector<std::string>{"calls_change_what_they_document:Linear:input:float:forward:changed:cpu:off"});
}

TEST(Conversion, KeepsValues) {
  Sheet sheet;
  EXPECT_EQ(sheet.verdict("conversion_keeps_values"), silent("nothing is converted"));
  sheet.plan.params_dtype = Dtype::Half;
  EXPECT_EQ(sheet.verdict("conversion_keeps_values"), kHolds);
  sheet.seen.conversions = {{"parameter", "weight", 0, Dtype::Float, Dtype::Half, 1.5, 1.25}};
  EXPECT_EQ(sheet.verdict("conversion_keeps_values"), kViolated);
}

TEST(Arithmetic, AgreesWithFloat64) {
  constexpr std::string_view kProperty = "arithmetic_agrees_with_float64";
  Sheet sheet;
  EXPECT_EQ(sheet.verdict(kProperty), silent("no clipping and no step was compared"));
  sheet.plan.clip = Clip::norm;
  sheet.seen.arithmetic = {{Phase::clip, Dtype::BFloat16, 0.9, 2.5, 2.51}};
  EXPECT_EQ(sheet.verdict(kProperty), kHolds);
  sheet.seen.arithmetic[0].worst = 1.1;
  EXPECT_EQ(sheet.verdict(kProperty), kViolated);
  EXPECT_EQ(sheet.signatures(),
            std::vector<std::string>{
                "arithmetic_agrees_with_float64:clip_grad_norm_:gradient:low_float:clip:values:cpu:off"});
  sheet.plan.fill = Fill::limits;
  EXPECT_EQ(sheet.verdict(kProperty), silent("the numbers are not tame"));
}

TEST(Gradients, AgreeWithFloat64) {
  constexpr std::string_view kProperty = "gradients_agree_with_float64";
  Sheet sheet = with_sibling(Sibling::kMode);
  sheet.values = {{.dtype = Dtype::Float, .worst = 0.5}};
  EXPECT_EQ(sheet.verdict(kProperty), silent("no gradients were compared"));
  sheet.values.push_back({.output = -1, .leaf = "weight", .dtype = Dtype::Float, .worst = 0.5});
  EXPECT_EQ(sheet.verdict(kProperty), kHolds);
  sheet.values[1].worst = 2;
  EXPECT_EQ(sheet.verdict(kProperty), kViolated);
  sheet.values[0].worst = 2;
  EXPECT_EQ(sheet.verdict(kProperty), silent("the outputs are wrong, and gradients follow from them"));
}

TEST(Values, ThatAreRoundedToWholeNumbersAreAViolationWhereItIsStrict) {
  Sheet sheet = with_sibling(Sibling::kMode);
  sheet.values = {{.dtype = Dtype::Float, .worst = 0, .rounded = true}};
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), kHolds);
  sheet.strictness.strict = true;
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), kViolated);
}

TEST(Devices, Agree) {
  Sheet sheet = with_sibling(Sibling::kDevice);
  EXPECT_EQ(sheet.verdict("devices_agree"), kHolds);
  EXPECT_EQ(sheet.verdict("autocast_dtypes_agree"), silent("there is no such sibling"));
  refuse(sheet.siblings[0], kUnsupported);  // devices support different dtypes
  EXPECT_EQ(sheet.verdict("devices_agree"), kHolds);
  refuse(sheet.siblings[0], kMismatch);
  EXPECT_EQ(sheet.verdict("devices_agree"), kViolated);
  sheet.siblings[0].sound = false;
  EXPECT_EQ(sheet.verdict("devices_agree"), silent("the sibling violates a property by itself"));
}

TEST(AutocastDtypes, Agree) {
  Sheet sheet = with_sibling(Sibling::kAutocast);
  EXPECT_EQ(sheet.verdict("autocast_dtypes_agree"), kHolds);  // each gives its own dtype
  EXPECT_EQ(sheet.verdict("devices_agree"), silent("there is no such sibling"));
  refuse(sheet.siblings[0], kMismatch);
  EXPECT_EQ(sheet.verdict("autocast_dtypes_agree"), kViolated);
  sheet.call().received[0].dtype = Dtype::QInt8;
  EXPECT_EQ(sheet.verdict("autocast_dtypes_agree"),
            silent("nothing is said of quantized, packed, bits and sub-byte dtypes"));
}

TEST(Values, AgreeWithFloat64) {
  Sheet sheet = with_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), silent("no numbers were compared"));
  sheet.values = {{.dtype = Dtype::Float, .worst = 0.5, .got = 1, .want = 1}};
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), kHolds);
  sheet.values[0].worst = 1.5;
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), kViolated);
  sheet.values[0].dtype = Dtype::Half;
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), silent("no output has the dtype that is promised"));
  sheet.promise().outputs = {Dtype::Undefined};
  EXPECT_EQ(sheet.verdict("values_agree_with_float64"), kViolated) << "numbers need no promised dtype";
}

TEST(SuggestedRepair, Works) {
  Sheet sheet;
  const Promise succeeds = sheet.promise();
  const Observation succeeded = sheet.seen;
  sheet.disagree();
  sheet.refuse(std::string(kMismatch));
  sheet.add_sibling(Sibling::kMode);
  EXPECT_EQ(sheet.verdict("suggested_repair_works"), silent("no repair is suggested"));
  sheet.siblings.push_back({Sibling::kRepair, sheet.plan, succeeded, succeeds});
  EXPECT_EQ(sheet.verdict("suggested_repair_works"), kHolds);
  refuse(sheet.siblings.back(), kUnsupported);
  EXPECT_EQ(sheet.verdict("suggested_repair_works"), kHolds);
  refuse(sheet.siblings.back(), kMismatch);
  EXPECT_EQ(sheet.verdict("suggested_repair_works"), kViolated);
}

}  // namespace
}  // namespace dtypefuzz
