// The rules of blame on trails written by hand: each names the right operation on an example of its own.
#include "harness/blame/blame.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>

#include "properties/sheet.h"

namespace dtypefuzz {
namespace {

using Names = std::vector<std::string>;

constexpr Dtype kFloat = Dtype::Float, kDouble = Dtype::Double, kHalf = Dtype::Half;

Passed of(Dtype dtype, Names operands = {}) {
  return {.dtype = dtype, .operands = std::move(operands), .after = dtype};
}
Passed changed(Passed passed) {
  passed.changed = true;
  return passed;
}
Passed at(const void* memory, Passed passed) {
  passed.memory = memory;
  return passed;
}
Passed with_gradient(Passed passed) {
  passed.requires_grad = true;
  return passed;
}
Passed infinite(Passed passed) {
  passed.finite = false;
  return passed;
}
Passed numbers(Dtype dtype, std::vector<double> numbers) {
  return {.dtype = dtype, .after = dtype, .numbers = std::move(numbers)};
}

/// A trail written by hand, of the first layer's forward where nothing else is said.
struct Written : Trail {
  /// Index of the new one.
  int add(std::string name, int parent = -1, std::vector<Passed> taken = {}, std::vector<Passed> given = {}) {
    operations.push_back({.name = std::move(name),
                          .parent = parent,
                          .phase = Phase::forward,
                          .culprit = {Culprit::kLayer, 0},
                          .taken = std::move(taken),
                          .given = std::move(given)});
    return static_cast<int>(operations.size()) - 1;
  }
  int add_in(Phase phase, std::string name, int parent = -1, std::vector<Passed> taken = {},
             std::vector<Passed> given = {}) {
    const int index = add(std::move(name), parent, std::move(taken), std::move(given));
    last().phase = phase;
    last().culprit = {Culprit::kStage};
    return index;
  }
  int throw_in(std::string name, int parent = -1, std::vector<Passed> taken = {}) {
    const int index = add(std::move(name), parent, std::move(taken));
    last().threw = true;
    return index;
  }
  int node(std::string name, int parent = -1) {
    const int index = add_in(Phase::backward, std::move(name), parent);
    last().is_node = true;
    return index;
  }
  Operation& last() { return operations.back(); }
};

/// All that a rule looks at, of a Linear layer that violates something. A test writes what it is about.
struct Look {
  Sheet sheet;
  Violation violation;
  Written trail, against;
  std::string in_flight = {}, stack = {};

  Look(Broken broken, std::string_view signature) {
    violation.signature = parse_signature(signature);
    violation.broken = broken;
    violation.culprit = {Culprit::kLayer, 0};
  }
  void refuse(std::string_view function, Phase phase = Phase::forward) {
    sheet.refuse(std::string(kUnknown), phase);
    if (!function.empty()) sheet.seen.error->site = ThrowSite{std::string(function), "x.cpp", 3};
  }
  /// Calls this with the evidence, which is a view of what is here.
  template <class Work>
  auto with(const Work& work) const {
    const Facts facts = sheet.facts();
    return work(Evidence{.violation = violation,
                         .facts = facts,
                         .trail = trail,
                         .seen = sheet.seen,
                         .held_against = against.operations.empty() ? nullptr : &against,
                         .in_flight = in_flight,
                         .stack = stack});
  }
  Blame blame() const {
    return with([](const Evidence& e) { return dtypefuzz::blame(e); });
  }
  std::string cause() const { return to_string(blame().cause); }
};

constexpr std::string_view kAccepted =
    "mismatch_is_refused_by_name:Linear:input/bias:float:forward:accepted:cpu:off";

/// A bias of another dtype, added to a product in place: what F::linear does above two dimensions.
Look bias_added() {
  Look look(Broken::mismatch_accepted, kAccepted);
  auto& trail = look.trail;
  const int linear =
      trail.add("aten::linear", -1, {of(kFloat, {"input"}), of(kFloat, {"weight"}), of(kDouble, {"bias"})});
  trail.add("aten::t", linear, {of(kFloat, {"weight"})}, {of(kFloat, {"weight"})});
  trail.add("aten::matmul", linear, {of(kFloat, {"input"}), of(kFloat, {"weight"})},
            {of(kFloat, {"input", "weight"})});
  trail.add("aten::add_", linear, {of(kFloat, {"input", "weight"}), of(kDouble, {"bias"})}, {of(kFloat)});
  trail.add_in(Phase::backward, "aten::mul", -1, {of(kFloat), of(kDouble, {"bias"})}, {of(kDouble)});
  return look;
}

/// What is named on an example, and which of its operations that is; -1: a call of the front end.
struct Named {
  Look look;
  std::string cause;
  int operation = -1;
};

Named refused(Broken broken, std::string_view property, std::string_view family) {
  Look look(broken, fmt::format("{}:LSTM:input/hx:float:forward:{}:cpu:off", property, family));
  const int lstm = look.trail.throw_in("aten::lstm");
  look.trail.add("aten::mm", lstm);
  const int sigmoid = look.trail.throw_in("aten::sigmoid_", lstm);
  look.refuse("compute_types");
  return {std::move(look), fmt::format("{}:throws:sigmoid_:lstm:-:compute_types", property), sigmoid};
}

using Key = std::pair<Broken, std::string_view>;

/// For each rule a trail on which it finds who did it.
const std::map<Key, std::function<Named()>> kExamples = {
    {{Broken::process_ended, "ended"},
     [] {
       Look look(Broken::process_ended, "process_survives:ELU:-:low_float:forward:SIGABRT:cpu:off");
       look.in_flight = "aten::elu";
       look.stack = "at::native::elu_kernel < at::native::elu < at::_ops::elu::call";
       return Named{std::move(look), "process_survives:ends:elu:-:-:elu_kernel"};
     }},
    {{Broken::call_refused, "threw"},
     [] { return refused(Broken::call_refused, "agreeing_dtypes_succeed", "mismatch"); }},
    {{Broken::stage_refused, "threw"},
     [] {
       Look look(Broken::stage_refused, "agreeing_dtypes_succeed:to:-:float:convert:set_data:cpu:off");
       look.violation.culprit = {};
       look.trail.add_in(Phase::convert, "aten::to");
       look.refuse("set_data", Phase::convert);
       return Named{std::move(look), "agreeing_dtypes_succeed:throws:Module.to:-:-:set_data"};
     }},
    {{Broken::mismatch_accepted, "took"},
     [] { return Named{bias_added(), "mismatch_is_refused_by_name:takes:add_:linear:bias:-", 3}; }},
    {{Broken::mismatch_accepted, "used"},
     [] {
       Look look(Broken::mismatch_accepted,
                 "mismatch_is_refused_by_name:EmbeddingBag:offsets:integral:forward:accepted:cpu:off");
       const int outer = look.trail.add("aten::embedding_bag", -1, {of(kDouble, {"offsets"})}, {of(kFloat)});
       look.trail.add("aten::detach", outer, {of(kDouble, {"offsets"})}, {of(kDouble, {"offsets"})});
       const int inner =
           look.trail.add("aten::_embedding_bag", outer, {of(kDouble, {"offsets"})}, {of(kFloat)});
       return Named{std::move(look),
                    "mismatch_is_refused_by_name:takes:_embedding_bag:embedding_bag:offsets:-", inner};
     }},
    {{Broken::mismatch_accepted, "copied"},
     [] {
       Look look(Broken::mismatch_accepted, kAccepted);
       const int copy = look.trail.add("aten::copy_", -1, {of(kFloat), of(kDouble, {"bias"})}, {of(kFloat)});
       return Named{std::move(look), "mismatch_is_refused_by_name:takes:copy_:-:bias:-", copy};
     }},
    {{Broken::mismatch_accepted, "mixed"},
     [] {
       Look look(Broken::mismatch_accepted, kAccepted);
       look.trail.add("aten::neg", -1, {of(kFloat)}, {of(kFloat)});
       const int mul = look.trail.add("aten::mul", -1, {of(kFloat), of(kDouble)}, {of(kDouble)});
       return Named{std::move(look), "mismatch_is_refused_by_name:takes:mul:-:bias:-", mul};
     }},
    {{Broken::mismatch_misnamed, "threw"},
     [] { return refused(Broken::mismatch_misnamed, "mismatch_is_refused_by_name", "internal_assert"); }},
    {{Broken::mismatch_vague, "threw"},
     [] { return refused(Broken::mismatch_vague, "mismatch_is_refused_by_name", "result_type_cast"); }},
    {{Broken::refused_late, "conversion"},
     [] {
       Look look(Broken::refused_late, "refusal_is_early:to:-:-:convert:late:cpu:off");
       look.violation.culprit = {};
       look.trail.node("MulBackward0");
       look.refuse("validate_outputs_impl", Phase::backward);
       return Named{std::move(look), "refusal_is_early:converts:Module.to:-:graph:-"};
     }},
    {{Broken::refused_late, "threw"},
     [] {
       Look look(Broken::refused_late, "refusal_is_early:Linear:input/weight:float:backward:cast:cpu:off");
       const int engine = look.trail.node("autograd::engine::evaluate_function: MmBackward0");
       const int node = look.trail.node("MmBackward0", engine);
       look.trail.add_in(Phase::backward, "aten::mm", node);
       look.refuse("validate_outputs_impl", Phase::backward);
       return Named{std::move(look), "refusal_is_early:throws:MmBackward0:-:-:validate_outputs_impl", node};
     }},
    {{Broken::output_dtype, "gave"},
     [] {
       Look look(Broken::output_dtype,
                 "output_dtype_is_as_promised:Linear:input/weight:float:forward:accepted:cpu:off");
       look.sheet.promise().outputs = {kDouble};
       const int loss = look.trail.add("aten::soft_margin_loss", -1, {of(kFloat), of(kDouble)}, {of(kFloat)});
       const int mul = look.trail.add("aten::mul_", loss, {of(kFloat), of(kDouble)}, {of(kFloat)});
       look.trail.add("aten::mul", mul, {of(kFloat), of(kDouble)}, {of(kFloat)});
       return Named{std::move(look), "output_dtype_is_as_promised:gives:mul_:soft_margin_loss:-:-", mul};
     }},
    {{Broken::gradient_dtype, "conversion"},
     [] {
       Look look(Broken::gradient_dtype,
                 "gradients_match_their_leaves:to:gradient:float:convert:accepted:cpu:off");
       look.violation.culprit = {};
       return Named{std::move(look), "gradients_match_their_leaves:converts:Module.to:-:gradient:-"};
     }},
    {{Broken::gradient_missing, "dropped"},
     [] {
       Look look(Broken::gradient_missing,
                 "gradients_match_their_leaves:Linear:weight:float:backward:missing:cpu:off");
       look.trail.add("aten::argmax", -1, {with_gradient(of(kFloat))}, {of(Dtype::Long)});
       look.trail.add("aten::neg", -1, {with_gradient(of(kFloat))}, {with_gradient(of(kFloat))});
       const int drops = look.trail.add("aten::round_off", -1, {with_gradient(of(kFloat))}, {of(kFloat)});
       return Named{std::move(look), "gradients_match_their_leaves:drops:round_off:-:-:-", drops};
     }},
    {{Broken::gradient_dtype, "gave_gradient"},
     [] {
       Look look(Broken::gradient_dtype,
                 "gradients_match_their_leaves:Linear:bias:float:backward:accepted:cpu:off");
       const int takes = look.trail.add(
           "aten::addmm", -1, {with_gradient(of(kFloat, {"bias"})), with_gradient(of(kFloat, {"input"}))},
           {with_gradient(of(kFloat))});
       return Named{std::move(look), "gradients_match_their_leaves:returns:addmm:-:-:-", takes};
     }},
    {{Broken::gradient_missing, "lost"},
     [] {
       Look look(Broken::gradient_missing,
                 "gradients_match_their_leaves:Bilinear:bias:float:backward:missing:cpu:off");
       const int takes = look.trail.add(
           "aten::bilinear", -1, {with_gradient(of(kFloat, {"input"})), with_gradient(of(kFloat, {"bias"}))},
           {with_gradient(of(kFloat))});
       look.trail.add("detach", takes, {with_gradient(of(kFloat, {"bias"}))}, {});
       return Named{std::move(look), "gradients_match_their_leaves:drops:bilinear:-:-:-", takes};
     }},
    {{Broken::gradient_missing, "decided"},
     [] {
       Look look(Broken::gradient_missing,
                 "gradients_match_their_leaves:Linear:weight:float:backward:missing:cpu:off");
       // What a kernel calls is below autograd: it drops nothing.
       const int outer =
           look.trail.add("aten::lstm", -1, {with_gradient(of(kFloat))}, {with_gradient(of(kFloat))});
       look.trail.add("aten::add", outer, {with_gradient(of(kFloat))}, {of(kFloat)});
       const int asks =
           look.trail.add("aten::equal", -1, {with_gradient(of(kFloat)), with_gradient(of(kFloat))}, {});
       return Named{std::move(look), "gradients_match_their_leaves:decides:equal:-:-:-", asks};
     }},
    {{Broken::process_ended, "threw"},
     [] {
       Look look(Broken::process_ended, "process_survives:Tanh:-:float:forward:memory:cpu:off");
       const int threw = look.trail.throw_in("aten::tanh");
       look.refuse("alloc_cpu");
       return Named{std::move(look), "process_survives:throws:tanh:-:-:alloc_cpu", threw};
     }},
    {{Broken::trace, "threw"},
     [] {
       Look look(Broken::trace, "refusal_leaves_no_trace:PReLU:mode:-:forward:changed:cpu:off");
       const int threw = look.trail.throw_in("aten::prelu");
       look.refuse("check");
       return Named{std::move(look), "refusal_leaves_no_trace:throws:prelu:-:-:check", threw};
     }},
    {{Broken::trace, "wrote"},
     [] {
       Look look(Broken::trace,
                 "refusal_leaves_no_trace:BatchNorm1d:running_stats:-:forward:changed:cpu:off");
       const int outer = look.trail.throw_in("aten::_batch_norm_impl_index", -1,
                                             {of(kFloat, {"input"}), changed(of(kFloat, {"running_mean"}))});
       const int norm = look.trail.throw_in("aten::native_batch_norm", outer,
                                            {of(kFloat, {"input"}), changed(of(kFloat, {"running_mean"}))});
       look.trail.throw_in("aten::mul", norm, {of(kFloat, {"running_mean"})});
       look.refuse("check_type");
       return Named{std::move(look),
                    "refusal_leaves_no_trace:writes:native_batch_norm:_batch_norm_impl_index:running_stats:-",
                    norm};
     }},
    {{Broken::region_left_changed, "left_region"},
     [] {
       Look look(Broken::region_left_changed,
                 "autocast_state_is_restored:autocast:-:-:region:accepted:cpu:bfloat16");
       look.trail.add("aten::neg");
       const int outer = look.trail.add("aten::linear");
       look.trail.last().left_region_changed = true;
       const int inner = look.trail.add("aten::addmm", outer);
       look.trail.last().left_region_changed = true;
       return Named{std::move(look), "autocast_state_is_restored:leaves:addmm:-:-:-", inner};
     }},
    {{Broken::region_undocumented, "region"},
     [] {
       return Named{Look(Broken::region_undocumented,
                         "autocast_state_is_restored:autocast:-:float:region:accepted:cpu:other"),
                    "autocast_state_is_restored:leaves:set_autocast_dtype:-:-:-"};
     }},
    {{Broken::region_cached, "cache"},
     [] {
       return Named{
           Look(Broken::region_cached,
                "autocast_state_is_restored:autocast:parameter:low_float:region:cached:cpu:bfloat16"),
           "autocast_state_is_restored:leaves:cached_cast:-:-:-"};
     }},
    {{Broken::region_cached_refused, "cache"},
     [] {
       return Named{
           Look(Broken::region_cached_refused,
                "autocast_state_is_restored:autocast:parameter:low_float:region:cached:cpu:bfloat16"),
           "autocast_state_is_restored:leaves:cached_cast:-:-:-"};
     }},
    {{Broken::load_refused, "threw"},
     [] {
       Look look(Broken::load_refused,
                 "loading_preserves_values:load:archive:float:load:set_storage:cpu:off");
       look.violation.culprit = {};
       const int set = look.trail.throw_in("aten::set_");
       look.trail.last().phase = Phase::load;
       look.refuse("checkInBoundsForStorage", Phase::load);
       return Named{std::move(look), "loading_preserves_values:throws:set_:-:-:checkInBoundsForStorage", set};
     }},
    {{Broken::load_changed, "loaded"},
     [] {
       return Named{
           Look(Broken::load_changed, "loading_preserves_values:load:archive:float:load:accepted:cpu:off"),
           "loading_preserves_values:loads:torch.load:-:archive:-"};
     }},
    {{Broken::dtype_changed, "conversion"},
     [] {
       return Named{Look(Broken::dtype_changed,
                         "only_conversion_changes_dtypes:to:buffer:integral:convert:changed:cpu:off"),
                    "only_conversion_changes_dtypes:converts:Module.to:-:buffer:-"};
     }},
    {{Broken::dtype_changed, "changed_dtype"},
     [] {
       Look look(Broken::dtype_changed,
                 "only_conversion_changes_dtypes:backward:buffer:float:backward:changed:cpu:off");
       look.trail.add("aten::mul", -1, {of(kFloat, {"input"})}, {of(kFloat)});
       Passed changes = of(kFloat, {"running_mean"});
       changes.after = kDouble;
       const int at =
           look.trail.add("aten::native_batch_norm", -1, {of(kFloat, {"input"}), changes}, {of(kFloat)});
       return Named{std::move(look), "only_conversion_changes_dtypes:converts:native_batch_norm:-:-:-", at};
     }},
    {{Broken::dtype_changed, "stage"},
     [] {
       return Named{
           Look(
               Broken::dtype_changed,
               "only_conversion_changes_dtypes:vector_to_parameters:parameter:float:flatten:changed:cpu:off"),
           "only_conversion_changes_dtypes:converts:vector_to_parameters:-:parameter:-"};
     }},
    {{Broken::not_finite, "spoiled"},
     [] {
       Look look(Broken::not_finite,
                 "steps_keep_values_finite:Adam:parameter:low_float:step:not_finite:cpu:off");
       look.violation.culprit = {};
       look.trail.add("aten::reciprocal", -1, {of(kHalf)}, {infinite(of(kHalf))});  // in forward
       look.trail.add_in(Phase::step, "aten::sqrt", -1, {of(kHalf)}, {of(kHalf)});
       const int spoils = look.trail.add_in(Phase::step, "aten::addcdiv_", -1, {of(kHalf), of(kHalf)},
                                            {infinite(of(kHalf))});
       look.trail.add_in(Phase::step, "aten::neg", -1, {infinite(of(kHalf))}, {infinite(of(kHalf))});
       return Named{std::move(look), "steps_keep_values_finite:spoils:addcdiv_:optim.Adam:-:-", spoils};
     }},
    {{Broken::sibling_differs, "threw"},
     [] { return refused(Broken::sibling_differs, "modes_agree", "accepted"); }},
    {{Broken::sibling_differs, "gave_apart"},
     [] {
       Look look(Broken::sibling_differs, "devices_agree:Linear:-:float:forward:accepted:meta:off");
       for (Written* trail : {&look.trail, &look.against}) {
         trail->add("aten::neg", -1, {of(kFloat)}, {of(kFloat)});
         const int sum = trail->add("aten::sum", -1, {of(kFloat)}, {of(kFloat)});
         trail->add("aten::mean", sum, {of(kFloat)}, {of(kFloat)});
       }
       for (const size_t at : {1u, 2u}) look.trail.operations[at].given.front().dtype = kDouble;
       return Named{std::move(look), "devices_agree:gives:mean:sum:-:-", 2};
     }},
    {{Broken::values, "departed"},
     [] {
       Look look(Broken::values, "values_agree_with_float64:Softsign:-:integral:forward:values:cpu:off");
       const auto softsign = [](Written& trail, Dtype dtype, double sum, double result) {
         trail.add("aten::abs", -1, {numbers(dtype, {255})}, {numbers(dtype, {255})});
         trail.add("aten::add", -1, {numbers(dtype, {255})}, {numbers(dtype, {sum})});
         trail.add("aten::div", -1, {numbers(dtype, {255}), numbers(dtype, {sum})},
                   {numbers(kFloat, {result})});
       };
       softsign(look.trail, Dtype::Byte, 0, HUGE_VAL);
       softsign(look.against, kDouble, 256, 255.0 / 256);
       return Named{std::move(look), "values_agree_with_float64:departs:add:-:-:-", 1};
     }},
    {{Broken::values_rounded, "departed"},
     [] {
       Look look(Broken::values_rounded,
                 "values_agree_with_float64:AvgPool2d:-:integral:forward:rounded:cpu:off");
       look.trail.add("aten::avg_pool2d", -1, {}, {numbers(Dtype::Long, {2})});
       look.against.add("aten::avg_pool2d", -1, {}, {numbers(kDouble, {2.5})});
       return Named{std::move(look), "values_agree_with_float64:departs:avg_pool2d:-:-:-", 0};
     }},
    {{Broken::gradient_values, "derived"},
     [] {
       Look look(Broken::gradient_values,
                 "gradients_agree_with_float64:LayerNorm:weight:low_float:backward:values:cpu:off");
       look.trail.add("aten::detach", -1, {with_gradient(of(kHalf, {"weight"}))}, {of(kHalf)});
       const int norm = look.trail.add("aten::layer_norm", -1, {with_gradient(of(kHalf, {"weight"}))},
                                       {with_gradient(of(kHalf))});
       return Named{std::move(look), "gradients_agree_with_float64:derives:layer_norm:-:-:-", norm};
     }},
    {{Broken::arithmetic, "computed"},
     [] {
       return Named{
           Look(Broken::arithmetic,
                "arithmetic_agrees_with_float64:clip_grad_norm_:gradient:low_float:clip:values:cpu:off"),
           "arithmetic_agrees_with_float64:computes:clip_grad_norm_:-:gradient:-"};
     }},
    {{Broken::changed, "wrote_besides"},
     [] {
       Look look(Broken::changed,
                 "calls_change_what_they_document:Linear:input:float:forward:changed:cpu:off");
       const int outer =
           look.trail.add("aten::layer_norm", -1, {changed(of(kFloat, {"input"}))}, {of(kFloat)});
       const int inner =
           look.trail.add("aten::native_layer_norm", outer, {changed(of(kFloat, {"input"}))}, {of(kFloat)});
       return Named{std::move(look),
                    "calls_change_what_they_document:changes:native_layer_norm:layer_norm:input:-", inner};
     }},
    {{Broken::conversion_changed, "miscast"},
     [] {
       return Named{Look(Broken::conversion_changed,
                         "conversion_keeps_values:to:parameter:low_float:convert:changed:cpu:off"),
                    "conversion_keeps_values:loads:Module.to:-:parameter:-"};
     }},
    {{Broken::trace, "half_done"},
     [] {
       Look look(Broken::trace, "refusal_leaves_no_trace:to:running_stats:-:convert:changed:cpu:off");
       look.violation.culprit = {};
       look.trail.throw_in("aten::set_data");
       look.refuse("set_data", Phase::convert);
       return Named{std::move(look), "refusal_leaves_no_trace:abandons:Module.to:-:-:-"};
     }},
    {{Broken::region_takes_away, "threw"},
     [] { return refused(Broken::region_takes_away, "what_siblings_take_is_taken", "mismatch"); }},
    {{Broken::option_takes_away, "threw"},
     [] { return refused(Broken::option_takes_away, "what_siblings_take_is_taken", "mismatch"); }},
    {{Broken::dimension_takes_away, "threw"},
     [] { return refused(Broken::dimension_takes_away, "what_siblings_take_is_taken", "mismatch"); }},
    {{Broken::documented_refused, "threw"},
     [] { return refused(Broken::documented_refused, "what_siblings_take_is_taken", "mismatch"); }},
    {{Broken::repair_refused, "threw"},
     [] { return refused(Broken::repair_refused, "suggested_repair_works", "unsupported"); }},
};

std::string text_of(const Key& key) {
  return fmt::format("{} by {}", to_string(key.first), key.second);
}

TEST(Rules, HaveAnExampleEachAndNothingElseHas) {
  std::set<Key> keys;
  for (const Rule& rule : rules()) {
    EXPECT_TRUE(keys.insert({rule.broken, rule.name}).second) << text_of({rule.broken, rule.name});
    EXPECT_TRUE(kExamples.contains({rule.broken, rule.name}))
        << text_of({rule.broken, rule.name}) << " has no example in blame_test.cpp";
  }
  for (const auto& [key, example] : kExamples)
    EXPECT_TRUE(keys.contains(key)) << text_of(key) << " is no rule, and has an example";
}

TEST(Rules, NameTheRightOperationOnTheirExamples) {
  for (const auto& [key, example] : kExamples) {
    const Named named = example();
    EXPECT_EQ(named.look.violation.broken, key.first) << text_of(key);
    const Blame blame = named.look.blame();
    EXPECT_EQ(to_string(blame.cause), named.cause) << text_of(key);
    EXPECT_EQ(blame.rule, key.second) << text_of(key);
    const auto index =
        blame.operation ? blame.operation - named.look.trail.operations.data() : std::ptrdiff_t{-1};
    EXPECT_EQ(index, named.operation) << text_of(key);
  }
}

TEST(Rules, AreTriedInTheirOrder) {
  for (const auto& [key, example] : kExamples) {
    const Named named = example();
    named.look.with([&, &asked = key](const Evidence& evidence) {
      for (const Rule& rule : rules()) {
        if (rule.broken != asked.first) continue;
        if (rule.name == asked.second) break;
        EXPECT_FALSE(rule.find(evidence)) << text_of(asked) << " is not asked: " << rule.name << " finds it";
      }
    });
  }
  // Two rules find something of this one, and the first one counts.
  const Look look = bias_added();
  Names find_something;
  look.with([&](const Evidence& evidence) {
    for (const Rule& rule : rules())
      if (rule.broken == Broken::mismatch_accepted && rule.find(evidence))
        find_something.emplace_back(rule.name);
  });
  EXPECT_EQ(find_something, (Names{"took", "used", "mixed"}));
  EXPECT_EQ(look.blame().rule, "took");
}

TEST(Rules, ThereAreForAllThatCanBeBroken) {
  for (int broken = 0; broken <= static_cast<int>(Broken::process_ended); ++broken)
    EXPECT_NE(std::ranges::find(rules(), static_cast<Broken>(broken), &Rule::broken), rules().end())
        << to_string(static_cast<Broken>(broken));
}

TEST(Rules, GiveCausesThatComeBackFromTheirText) {
  for (const auto& [key, example] : kExamples) {
    const Cause cause = example().look.blame().cause;
    EXPECT_EQ(parse_cause(to_string(cause)), cause) << text_of(key);
  }
}

TEST(Blame, IsOnTheModuleWhereNothingIsFoundOut) {
  const Blame blame = Look(Broken::mismatch_accepted, kAccepted).blame();
  EXPECT_EQ(to_string(blame.cause), "mismatch_is_refused_by_name:unknown:Linear:-:-:-");
  EXPECT_EQ(blame.operation, nullptr);
  EXPECT_EQ(blame.rule, "none");
  EXPECT_EQ(sentence_of(blame.cause), "Linear: no operator to blame was found");
}

TEST(Blame, IsFoundForAllThatCanBeBrokenThoughNothingWasRecorded) {
  for (int broken = 0; broken <= static_cast<int>(Broken::process_ended); ++broken)
    for (const std::string_view signature : {kAccepted, std::string_view("p:load:-:-:load:accepted:cpu:off"),
                                             std::string_view("p:to:-:-:backward:accepted:meta:off")}) {
      Look look(static_cast<Broken>(broken), signature);
      EXPECT_EQ(parse_cause(look.cause()), look.blame().cause) << broken;
      look.sheet.seen.calls.clear();
      look.sheet.expect();
      look.refuse("", Phase::backward);
      EXPECT_EQ(parse_cause(look.cause()), look.blame().cause) << broken;
    }
}

TEST(Blame, IsACauseWhateverThingsAreCalled) {
  Look look = bias_added();
  look.trail.operations[0].name = "linear: of\n\"somebody\" {else}:";
  look.trail.operations[3].name = "theirs::ad d_<at::Half>";
  const Cause cause = look.blame().cause;
  EXPECT_EQ(parse_cause(to_string(cause)), cause) << to_string(cause);
  Look ended(Broken::process_ended, "process_survives:ELU:-:low_float:forward:SIGABRT:cpu:off");
  ended.in_flight = "aten::elu";
  ended.stack = "at::native::{lambda}::operator() < at::native::elu_kernel < main";
  EXPECT_EQ(ended.cause(), "process_survives:ends:elu:-:-:elu_kernel");
}

// Who took a stranger

TEST(WhoTakesAStranger, IsTheInnermostOperatorOfTheFirstThatDoes) {
  Look look = bias_added();
  auto& add = look.trail.operations[3];
  const auto taken = add.taken;
  look.trail.add("aten::mul", 0, taken);  // later
  EXPECT_EQ(look.blame().operation, &look.trail.operations[3]);
  look.trail.operations[4] = {.name = "aten::axpy",
                              .parent = 3,
                              .phase = Phase::forward,
                              .culprit = {Culprit::kLayer, 0},
                              .taken = taken};
  EXPECT_EQ(look.cause(), "mismatch_is_refused_by_name:takes:axpy:add_:bias:-");
}

TEST(WhoTakesAStranger, IsNotTheSameOperatorThatAnotherOneInPlaceCalls) {
  Look look = bias_added();
  look.trail.operations[4] = {.name = "aten::add",
                              .parent = 3,
                              .phase = Phase::forward,
                              .culprit = {Culprit::kLayer, 0},
                              .taken = look.trail.operations[3].taken};
  EXPECT_EQ(look.cause(), "mismatch_is_refused_by_name:takes:add_:linear:bias:-");
}

TEST(WhoTakesAStranger, IsNobodyWhoThrewOrRanInAnothersTurn) {
  const auto found = [](const std::function<void(Operation&)>& change) {
    Look look = bias_added();
    look.trail.operations.erase(look.trail.operations.begin());
    for (Operation& operation : look.trail.operations) operation.parent = -1;
    change(look.trail.operations[2]);
    return look.blame().operation != nullptr;
  };
  EXPECT_TRUE(found([](Operation&) {}));
  EXPECT_FALSE(found([](Operation& add) { add.threw = true; }));
  EXPECT_FALSE(found([](Operation& add) { add.culprit.layer = 1; }));
  EXPECT_FALSE(found([](Operation& add) { add.culprit = {Culprit::kLoss}; }));
  EXPECT_FALSE(found([](Operation& add) { add.phase = Phase::backward; }));
  EXPECT_FALSE(found([](Operation& add) { add.is_node = true; }));
}

TEST(WhoTakesAStranger, IsNoPlumbing) {
  for (const std::string name :
       {"aten::as_strided", "aten::view", "aten::clone", "aten::resize_as_", "aten::broadcast_tensors",
        "aten::new_zeros", "aten::zeros_like", "aten::fill_", "aten::detach"}) {
    Look look(Broken::mismatch_accepted, kAccepted);
    const int linear = look.trail.add("aten::linear", -1, {of(kFloat), of(kDouble, {"bias"})});
    look.trail.add(name, linear, {of(kFloat), of(kDouble, {"bias"})});
    EXPECT_EQ(look.cause(), "mismatch_is_refused_by_name:takes:linear:-:bias:-") << name;
  }
}

TEST(WhoTakesAStranger, IsNotWhoCopiesWhereSomebodyMixes) {
  Look look(Broken::mismatch_accepted, kAccepted);
  for (const std::string name : {"aten::copy_", "aten::result_type", "aten::type_as"})
    look.trail.add(name, -1, {of(kFloat), of(kDouble, {"bias"})});
  EXPECT_EQ(look.blame().rule, "copied");
  look.trail.add("aten::mul", -1, {of(kFloat), of(kDouble, {"bias"})});
  EXPECT_EQ(look.blame().rule, "took");
}

TEST(WhoTakesAStranger, HasNoOperandWhereItsResultGoes) {
  const int place = 0;
  Look look(Broken::mismatch_accepted, kAccepted);
  look.trail.add("aten::mul", -1, {of(kDouble, {"bias"}), of(kDouble), at(&place, of(kFloat))},
                 {at(&place, of(kFloat))});
  EXPECT_NE(look.blame().rule, "took") << "an out argument is nothing that it takes";
  look.trail.operations[0].taken[2].memory = nullptr;
  EXPECT_EQ(look.blame().rule, "took");
  // Of an operator in place it is both.
  look.trail.operations[0] = {};
  look.trail.add("aten::mul_", -1, {at(&place, of(kFloat)), of(kDouble, {"bias"})}, {at(&place, of(kFloat))});
  EXPECT_EQ(look.blame().rule, "took");
}

TEST(WhoTakesAStranger, IsHeldAgainstThePartThatTheStrangerPlays) {
  const auto part = [](const std::string& operand, const std::string& role) {
    Look look(Broken::mismatch_accepted,
              fmt::format("mismatch_is_refused_by_name:X:input/{}:float:forward:accepted:cpu:off", role));
    look.trail.add("aten::mul", -1, {of(kFloat), of(kDouble, {"other", operand})}, {of(kDouble)});
    EXPECT_EQ(look.blame().rule, "took") << operand;
    return look.blame().cause.operand;
  };
  EXPECT_EQ(part("bias", "bias"), "bias");
  EXPECT_EQ(part("bias_ih_l1_reverse", "bias_ih"), "bias");
  EXPECT_EQ(part("encoder.layers.1.norm1.weight", "encoder.norm1.weight"), "weight");
  EXPECT_EQ(part("pos_weight", "pos_weight"), "weight");
  EXPECT_EQ(part("running_var", "running_var"), "statistics");
  EXPECT_EQ(part("cx", "cx"), "state");
  EXPECT_EQ(part("hx", "hx"), "state");
  EXPECT_EQ(part("key", "key"), "memory");
  EXPECT_EQ(part("key_padding_mask", "key_padding_mask"), "mask");
  EXPECT_EQ(part("memory_mask", "memory_mask"), "mask");
  EXPECT_EQ(part("weight_mask", "weight_mask"), "mask");
  EXPECT_EQ(part("targets", "targets"), "target");
  EXPECT_EQ(part("_random_samples", "_random_samples"), "_random_samples");
}

// One fault under several names

/// The cause where `operation` in `caller` takes a stranger that is called `operand`.
std::string taken_by(std::string_view operation, std::string_view caller, std::string_view operand) {
  Look look(Broken::mismatch_accepted,
            fmt::format("mismatch_is_refused_by_name:X:input/{}:float:forward:accepted:cpu:off", operand));
  const int outer = caller.empty() ? -1 : look.trail.add(fmt::format("aten::{}", caller));
  look.trail.add(fmt::format("aten::{}", operation), outer,
                 {of(kFloat), of(kDouble, {std::string(operand)})});
  return look.cause();
}

TEST(Mergings, GiveOneNameToOneFault) {
  std::set<std::string_view> names;
  for (const Merging& merging : mergings()) {
    EXPECT_TRUE(names.insert(merging.operation).second) << merging.operation;
    EXPECT_FALSE(merging.because.empty());
    EXPECT_EQ(std::ranges::count(mergings(), merging.as, &Merging::operation), 0)
        << merging.as << " has another name itself";
    const auto as = [&](std::string_view who) {
      return fmt::format("mismatch_is_refused_by_name:takes:{}:state:-", who);
    };
    EXPECT_EQ(taken_by(merging.operation, "", "hx"), as(fmt::format("{}:-", merging.as)));
    EXPECT_EQ(taken_by("mul", merging.operation, "hx"), as(fmt::format("mul:{}", merging.as)));
    EXPECT_EQ(taken_by(merging.operation, merging.as, "hx"), as(fmt::format("{}:-", merging.as)))
        << "within itself";
  }
}

TEST(Mergings, AreOfConvolutionsAndCells) {
  for (const auto& [operation, as] :
       std::map<std::string_view, std::string_view>{{"conv2d", "convolution"},
                                                    {"mkldnn_convolution", "convolution"},
                                                    {"slow_conv3d", "convolution"},
                                                    {"thnn_conv2d", "convolution"},
                                                    {"lstm_cell", "lstm"},
                                                    {"gru_cell", "gru"},
                                                    {"rnn_relu", "rnn"},
                                                    {"fractional_max_pool3d", "fractional_max_pool2d"}}) {
    const auto at = std::ranges::find(mergings(), operation, &Merging::operation);
    ASSERT_NE(at, mergings().end()) << operation;
    EXPECT_EQ(at->as, as);
  }
}

TEST(Products, AreToBlameWhoeverAsksForThemAndWhicheverOperandItIs) {
  for (const std::string name : {"mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "matmul"})
    EXPECT_EQ(taken_by(name, "linear", "weight"),
              fmt::format("mismatch_is_refused_by_name:takes:{}:-:-:-", name));
  EXPECT_EQ(taken_by("mul", "mm", "weight"), "mismatch_is_refused_by_name:takes:mul:mm:weight:-");
}

TEST(Owners, AreToBlameForTheirOperandWhereverWithinThemItIsTaken) {
  const auto within = [](std::string_view outer, std::string_view operand) {
    Look look(Broken::mismatch_accepted,
              fmt::format("mismatch_is_refused_by_name:X:input/{}:float:forward:accepted:cpu:off", operand));
    const int at = look.trail.add(fmt::format("aten::{}", outer));
    const int between = look.trail.add("aten::_between", at);
    look.trail.add("aten::add_", between, {of(kFloat), of(kDouble, {std::string(operand)})});
    return look.cause();
  };
  std::set<std::string_view> known;
  for (const Owner& owner : owners()) {
    EXPECT_FALSE(owner.because.empty());
    known.insert(owner.operation);
    const std::string operand(owner.operand.empty() ? "weight" : owner.operand);
    EXPECT_EQ(within(owner.operation, operand),
              fmt::format("mismatch_is_refused_by_name:takes:{}:-:{}:-", owner.operation,
                          owner.operand.empty() ? "-" : owner.operand));
  }
  EXPECT_EQ(known, (std::set<std::string_view>{"convolution", "instance_norm", "native_layer_norm"}));
  EXPECT_EQ(within("conv_transpose2d", "bias"), "mismatch_is_refused_by_name:takes:convolution:-:bias:-");
  EXPECT_EQ(within("conv2d", "weight"), "mismatch_is_refused_by_name:takes:add_:_between:weight:-")
      << "it checks that";
  EXPECT_EQ(within("instance_norm", "running_var"), "mismatch_is_refused_by_name:takes:instance_norm:-:-:-");
  EXPECT_EQ(within("linear", "bias"), "mismatch_is_refused_by_name:takes:add_:_between:bias:-");
}

TEST(Owners, AreNotToBlameForWhatIsThrownWithinThem) {
  Look look(Broken::mismatch_misnamed,
            "mismatch_is_refused_by_name:InstanceNorm1d:input/bias:float:forward:internal_assert:cpu:off");
  const int norm = look.trail.throw_in("aten::instance_norm");
  look.trail.throw_in("aten::mul", norm);
  look.refuse("cpu_kernel");
  EXPECT_EQ(look.cause(), "mismatch_is_refused_by_name:throws:mul:instance_norm:-:cpu_kernel");
}

// Who threw

TEST(WhoThrew, IsTheModuleWhereNoOperatorDid) {
  Look look(Broken::call_refused,
            "agreeing_dtypes_succeed:MultiheadAttention:-:float:forward:mismatch:cpu:off");
  look.trail.add("aten::neg");
  look.refuse("forward");
  EXPECT_EQ(look.cause(), "agreeing_dtypes_succeed:throws:MultiheadAttention:-:-:forward");
  EXPECT_EQ(look.blame().operation, nullptr);
  look.sheet.seen.error->site.reset();
  EXPECT_EQ(look.cause(), "agreeing_dtypes_succeed:throws:MultiheadAttention:-:-:-");
}

TEST(WhoThrew, IsTheStagesCallWhereNoOperatorDid) {
  const auto call = [](std::string_view culprit, std::string_view phase) {
    Look look(Broken::stage_refused,
              fmt::format("agreeing_dtypes_succeed:{}:-:float:{}:mismatch:cpu:off", culprit, phase));
    look.refuse("");
    return look.blame().cause.operation;
  };
  EXPECT_EQ(call("to", "convert"), "Module.to");
  EXPECT_EQ(call("load", "load"), "torch.load");
  EXPECT_EQ(call("Adam", "step"), "optim.Adam");
  EXPECT_EQ(call("clip_grad_norm_", "clip"), "clip_grad_norm_");
}

TEST(WhoThrew, IsToldWithWhereAndWhat) {
  const Named named = refused(Broken::call_refused, "agreeing_dtypes_succeed", "mismatch");
  const Blame blame = named.look.blame();
  EXPECT_EQ(blame.thrown, (ThrowSite{"compute_types", "x.cpp", 3}));
  EXPECT_EQ(blame.exception, "c10::Error");
}

TEST(WhoThrew, IsTheOneThatThrewLastWhereOthersWereForgiven) {
  Look look(Broken::call_refused, "agreeing_dtypes_succeed:Linear:-:float:forward:mismatch:cpu:off");
  look.trail.throw_in("aten::exp");  // in a pass that nobody looks at
  look.trail.throw_in("aten::neg");
  look.refuse("f");
  EXPECT_EQ(look.cause(), "agreeing_dtypes_succeed:throws:neg:-:-:f");
}

// Who gave, wrote, and where numbers part

TEST(WhoGaveAnotherDtype, IsTheOneWhoseResultFirstHasItWhereAllPromote) {
  Look look(Broken::output_dtype, "output_dtype_is_as_promised:Linear:-:float:forward:accepted:cpu:off");
  look.sheet.call().given = {kHalf};
  look.trail.add("aten::to", -1, {of(kFloat)}, {of(kHalf)});  // that is what it is for
  look.trail.add("aten::abs", -1, {of(kHalf)}, {of(kHalf)});
  look.trail.add("aten::addmm", -1, {of(kFloat), of(kFloat)}, {of(kFloat)});
  const int gives = look.trail.add("aten::softmax", -1, {of(kFloat)}, {of(kHalf)});
  look.trail.add("aten::neg", -1, {of(kHalf)}, {of(kHalf)});
  EXPECT_EQ(look.cause(), "output_dtype_is_as_promised:gives:softmax:-:-:-");
  EXPECT_EQ(look.blame().operation, &look.trail.operations[static_cast<size_t>(gives)]);
}

TEST(WhoGaveAnotherDtype, IsNotMixingWhereItsResultGoes) {
  const int place = 0;
  Look look(Broken::output_dtype, "output_dtype_is_as_promised:Linear:-:float:forward:accepted:cpu:off");
  look.sheet.call().given = {kHalf};
  look.trail.add("aten::add", -1, {of(kHalf), of(kHalf), at(&place, of(kDouble))}, {at(&place, of(kDouble))});
  look.trail.add("aten::softmax", -1, {of(kFloat)}, {of(kHalf)});
  EXPECT_EQ(look.cause(), "output_dtype_is_as_promised:gives:softmax:-:-:-");
}

TEST(WhoWrote, IsTheEngineWhereGradientsWereLeft) {
  Look look(Broken::trace, "refusal_leaves_no_trace:backward:gradient:-:backward:changed:cpu:off");
  look.trail.node("torch::autograd::AccumulateGrad", look.trail.node("CopySlices"));
  look.trail.node("torch::autograd::AccumulateGrad");
  look.trail.last().threw = true;  // and wrote nothing
  look.trail.node("MulBackward0");
  look.refuse("f", Phase::backward);
  EXPECT_EQ(look.cause(), "refusal_leaves_no_trace:writes:AccumulateGrad:-:gradient:-");
  EXPECT_EQ(look.blame().operation, &look.trail.operations[1]);
  EXPECT_EQ(look.blame().thrown->function, "f");
}

TEST(WhoWrote, IsTheOptimizerWhereParametersWereChangedInItsStep) {
  Look look(Broken::trace, "refusal_leaves_no_trace:Adam:parameter:-:step:changed:cpu:off");
  look.violation.culprit = {};
  look.trail.add("aten::mul_", -1, {changed(of(kFloat, {"weight"}))});  // in forward
  look.trail.add_in(Phase::step, "aten::add_", -1, {changed(of(kFloat, {"weight"}))});
  look.refuse("compute_types", Phase::step);
  EXPECT_EQ(look.cause(), "refusal_leaves_no_trace:writes:optim.Adam:-:parameter:-");
  EXPECT_EQ(look.blame().operation, &look.trail.operations[1]);
}

TEST(WhoWrote, IsNobodyWhoWroteSomethingElse) {
  Look look(Broken::trace,
            "refusal_leaves_no_trace:BatchNorm1d:num_batches_tracked:-:forward:changed:cpu:off");
  look.trail.add("aten::mul_", -1, {changed(of(kFloat, {"running_mean"}))});
  look.refuse("f");
  EXPECT_EQ(look.blame().rule, "threw");
  look.trail.add("aten::add_", -1, {changed(of(Dtype::Long, {"num_batches_tracked"}))});
  EXPECT_EQ(look.cause(), "refusal_leaves_no_trace:writes:add_:-:num_batches_tracked:-");
}

TEST(WhereNumbersPart, IsBeyondWhatRoundingDoes) {
  const auto departs = [](Dtype dtype, double got, double want, double largest = 1) {
    Look look(Broken::values, "values_agree_with_float64:Linear:-:float:forward:values:cpu:off");
    look.trail.add("aten::mul", -1, {numbers(dtype, {largest})}, {numbers(dtype, {got})});
    look.against.add("aten::mul", -1, {numbers(kDouble, {largest})}, {numbers(kDouble, {want})});
    return look.blame().operation != nullptr;
  };
  EXPECT_FALSE(departs(kFloat, 1000 * (1 + 7 * 0x1p-23), 1000));
  EXPECT_TRUE(departs(kFloat, 1000.1, 1000));
  EXPECT_FALSE(departs(kFloat, 1000.1, 1000, 1e6)) << "the result of large numbers that cancel out";
  EXPECT_FALSE(departs(kHalf, 1.005, 1));
  EXPECT_TRUE(departs(kHalf, 1.1, 1));
  EXPECT_TRUE(departs(Dtype::Int, 3, 4));
  EXPECT_TRUE(departs(kFloat, HUGE_VAL, 1));
  EXPECT_TRUE(departs(kFloat, NAN, 1));
  EXPECT_FALSE(departs(kFloat, NAN, NAN));
}

TEST(WhereNumbersPart, IsFoundThoughOneOfTwoRunsHasOperatorsThatTheOtherHasNot) {
  Look look(Broken::values, "values_agree_with_float64:Linear:-:float:forward:values:cpu:off");
  look.trail.add("aten::native_dropout", -1, {}, {numbers(kFloat, {7})});
  look.trail.add("aten::mul", -1, {}, {numbers(kFloat, {2})});
  look.trail.add("aten::exp", -1, {}, {numbers(kFloat, {3, 4})});
  look.trail.add("aten::add", -1, {}, {numbers(kFloat, {2})});
  look.against.add("aten::sub", -1, {}, {numbers(kDouble, {7})});
  look.against.add("aten::mul", -1, {}, {numbers(kDouble, {2})});
  look.against.add("aten::exp", -1, {}, {numbers(kDouble, {3})});
  look.against.add("aten::add", -1, {}, {numbers(kDouble, {5})});
  EXPECT_EQ(look.cause(), "values_agree_with_float64:departs:add:-:-:-");
}

TEST(WhereNumbersPart, IsNotWhereOneOfSeveralOfANameIsHeldAgainstAnother) {
  Look look(Broken::values, "values_agree_with_float64:Linear:-:float:forward:values:cpu:off");
  for (const double number : {2.0, 3.0, 4.0}) {
    look.trail.add("aten::mul", -1, {}, {numbers(kFloat, {number})});
    look.against.add("aten::mul", -1, {}, {numbers(kDouble, {number})});
  }
  EXPECT_EQ(look.blame().rule, "none");
  look.trail.operations[2].given[0].numbers = {5};
  EXPECT_EQ(look.blame().operation, &look.trail.operations[2]);
}

TEST(WhereAProcessEnds, IsInTheModuleWhereNoOperatorRan) {
  Look look(Broken::process_ended, "process_survives:ELU:-:low_float:forward:SIGABRT:cpu:off");
  look.stack = "torch::nn::ELUImpl::forward";
  EXPECT_EQ(look.cause(), "process_survives:ends:ELU:-:-:forward");
  look.in_flight = "aten::elu", look.stack.clear();
  EXPECT_EQ(look.cause(), "process_survives:ends:elu:-:-:-");
  look.in_flight.clear();
  EXPECT_EQ(look.cause(), "process_survives:unknown:ELU:-:-:-");
}

}  // namespace
}  // namespace dtypefuzz
