#include "properties/signature.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>

#include "properties/sheet.h"
#include "properties/signature_table.h"

namespace dtypefuzz {
namespace {

TEST(SeverityOf, EveryPropertyHasOneOfItsOwn) {
  std::set<Severity> met;
  for (const Property& property : all_properties()) {
    // What no row names is a refusal; where that is meant, a row says so, and another property's name does
    // not.
    Signature s{.property = std::string(property.name),
                .culprit = "-",
                .operands = "-",
                .category = "-",
                .phase = "-",
                .family = "-",
                .device = "-",
                .autocast = "-"};
    met.insert(severity_of(s));
    if (property.name == "process_survives") EXPECT_EQ(severity_of(s), Severity::crash);
    if (property.name == "refusal_is_early") EXPECT_EQ(severity_of(s), Severity::late);
  }
  EXPECT_EQ(met.size(), 5u);  // vague is the family's doing
  const auto of = [](const char* signature) { return severity_of(parse_signature(signature)); };
  EXPECT_EQ(of("mismatch_is_refused_by_name:Linear:input/weight:-:forward:accepted:meta:off"),
            Severity::silent);
  EXPECT_EQ(of("mismatch_is_refused_by_name:Linear:input/weight:float:forward:cast:cpu:off"),
            Severity::refusal);
  EXPECT_EQ(of("loading_preserves_values:load:archive:float:load:set_storage:cpu:off"), Severity::refusal);
  EXPECT_EQ(of("loading_preserves_values:load:archive:complex:load:accepted:cpu:off"), Severity::wrong_bits);
}

/// A breach and the name that it gets, after the property's.
struct Example {
  std::string_view name;
  Broken what;
  std::function<void(Sheet&, Breach&)> change;
};

constexpr OptimizerRow kAdam = {.name = "Adam", .make = nullptr, .state_of = nullptr};
constexpr OptimizerRow kSgd = {.name = "SGD", .make = nullptr, .state_of = nullptr};

void in_region(Sheet& sheet, Dtype dtype) {
  sheet.plan.autocast = sheet.call().autocast = dtype;
  sheet.expect();
}
const Family* family_named(std::string_view name) {
  return &*std::ranges::find(message_families(), name, &Family::name);
}

const Example kExamples[] = {
    {"Linear:-:float:forward:mismatch:cpu:off", Broken::call_refused,
     [](Sheet& s, Breach&) { s.refuse(std::string(kMismatch)); }},
    {"Linear:-:low_float:forward:unrecognized:cpu:bfloat16", Broken::call_refused,
     [](Sheet& s, Breach&) {
       in_region(s, Dtype::BFloat16);
       s.refuse(std::string(kUnknown));
     }},
    {"Linear:-:-:forward:undefined_tensor:cpu:off", Broken::call_refused,
     [](Sheet& s, Breach&) { s.refuse("Cannot access storage of UndefinedTensorImpl"); }},
    {"Linear:-:-:forward:unrecognized:meta:off", Broken::call_refused,
     [](Sheet& s, Breach&) {
       s.plan.device = kMeta;
       s.refuse(std::string(kUnknown));
     }},
    {"to:-:complex:convert:unrecognized:cpu:off", Broken::stage_refused,
     [](Sheet& s, Breach& b) {
       s.refuse(std::string(kUnknown), Phase::convert, {});
       b.category = Category::complex;
     }},
    {"Linear:input/weight:float:forward:accepted:cpu:off", Broken::mismatch_accepted,
     [](Sheet& s, Breach&) { s.disagree(); }},
    {"Linear:input/weight:low_float:forward:unrecognized:cpu:off", Broken::mismatch_misnamed,
     [](Sheet& s, Breach&) {
       s.disagree(Dtype::Half);
       s.refuse(std::string(kUnknown));
     }},
    {"Linear:input/weight:float:forward:result_type_cast:cpu:off", Broken::mismatch_vague,
     [](Sheet& s, Breach&) {
       s.disagree();
       s.refuse("result type Double can't be cast to the desired output type Float");
     }},
    {"to:-:-:convert:late:cpu:off", Broken::refused_late,
     [](Sheet& s, Breach&) {
       s.plan.convert = Convert::after_forward;
       s.refuse(std::string(kMismatch), Phase::backward);
     }},
    {"Linear:-:float:backward:mat1_mat2:cpu:off", Broken::refused_late,
     [](Sheet& s, Breach&) { s.refuse(std::string(kMismatch), Phase::backward); }},
    {"Adam:-:-:step:mat1_mat2:cpu:bfloat16", Broken::refused_late,
     [](Sheet& s, Breach& b) {
       s.plan.autocast = Dtype::BFloat16;
       s.plan.optimizer = &kAdam;
       s.refuse(std::string(kMismatch), Phase::step, {});
       b.call = nullptr;
     }},
    {"Linear:-:float:forward:accepted:cpu:off", Broken::output_dtype, [](Sheet&, Breach&) {}},
    {"to:gradient:low_float:convert:accepted:cpu:off", Broken::gradient_dtype,
     [](Sheet& s, Breach& b) {
       s.plan.convert = Convert::between_steps;
       b.thing = "weight", b.category = Category::low_float;
     }},
    {"Linear:weight_ih:low_float:backward:accepted:cpu:off", Broken::gradient_dtype,
     [](Sheet&, Breach& b) { b.thing = "weight_ih_l1_reverse", b.category = Category::low_float; }},
    {"Linear:weight:float:backward:missing:cpu:off", Broken::gradient_missing,
     [](Sheet&, Breach& b) { b.thing = "weight"; }},
    {"backward:gradient:-:backward:changed:cpu:off", Broken::trace,
     [](Sheet& s, Breach& b) {
       s.refuse(std::string(kMismatch), Phase::backward);
       b.thing = "gradient";
     }},
    {"Linear:running_stats:-:forward:changed:cpu:off", Broken::trace,
     [](Sheet& s, Breach& b) {
       s.refuse(std::string(kMismatch));
       b.thing = "running_var";
     }},
    {"Linear:num_batches_tracked:-:forward:changed:cpu:off", Broken::trace,
     [](Sheet& s, Breach& b) {
       s.refuse(std::string(kMismatch));
       b.thing = "num_batches_tracked";
     }},
    {"autocast:-:-:region:accepted:cpu:bfloat16", Broken::region_left_changed,
     [](Sheet& s, Breach&) { s.plan.autocast = Dtype::BFloat16; }},
    {"autocast:-:float:region:accepted:cpu:other", Broken::region_undocumented,
     [](Sheet& s, Breach&) { in_region(s, Dtype::Double); }},
    {"autocast:parameter:low_float:region:cached:cpu:float16", Broken::region_cached,
     [](Sheet& s, Breach& b) {
       in_region(s, Dtype::Half);
       b.category = Category::low_float;
     }},
    {"autocast:parameter:low_float:region:cached:cpu:float16", Broken::region_cached_refused,
     [](Sheet& s, Breach& b) {
       in_region(s, Dtype::Half);
       b.category = Category::low_float;
     }},
    {"load:archive:complex:load:unrecognized:cpu:off", Broken::load_refused,
     [](Sheet& s, Breach& b) {
       s.refuse(std::string(kUnknown), Phase::load, {});
       b.thing = "archive", b.category = Category::complex;
     }},
    {"load:copy:float:load:accepted:cpu:off", Broken::load_changed,
     [](Sheet&, Breach& b) { b.thing = "copy"; }},
    {"SGD:state:float:step:changed:cpu:off", Broken::dtype_changed,
     [](Sheet& s, Breach& b) {
       s.plan.optimizer = &kSgd;
       b.phase = Phase::step, b.thing = "state";
     }},
    {"SGD:parameter:low_float:step:not_finite:cpu:off", Broken::not_finite,
     [](Sheet& s, Breach& b) {
       s.plan.optimizer = &kSgd;
       b.category = Category::low_float;
     }},
    {"Linear:-:float:forward:kernel_not_implemented:cpu:off", Broken::sibling_differs,
     [](Sheet& s, Breach& b) {
       s.disagree();
       b.told = family_named("kernel_not_implemented");
     }},
    {"Linear:input/weight:float:forward:mat1_mat2:cpu:off", Broken::sibling_differs,
     [](Sheet& s, Breach& b) {
       s.disagree();
       b.told = family_named("mat1_mat2");
     }},
    {"Linear:-:float:forward:values:cpu:off", Broken::values, [](Sheet&, Breach&) {}},
    {"Linear:-:float:forward:rounded:cpu:off", Broken::values_rounded, [](Sheet&, Breach&) {}},
    {"Linear:weight:float:backward:values:cpu:off", Broken::gradient_values,
     [](Sheet&, Breach& b) { b.thing = "weight", b.phase = Phase::backward; }},
    {"SGD:parameter:low_float:step:values:cpu:off", Broken::arithmetic,
     [](Sheet& s, Breach& b) {
       s.plan.optimizer = &kSgd;
       b.phase = Phase::step, b.thing = "parameter", b.category = Category::low_float;
     }},
    {"Linear:weight:float:forward:changed:cpu:off", Broken::changed,
     [](Sheet&, Breach& b) { b.thing = "weight"; }},
    {"to:parameter:low_float:convert:changed:cpu:off", Broken::conversion_changed,
     [](Sheet&, Breach& b) {
       b.phase = Phase::convert, b.thing = "parameter", b.category = Category::low_float;
     }},
    {"Linear:-:low_float:forward:kernel_not_implemented:cpu:bfloat16", Broken::region_takes_away,
     [](Sheet& s, Breach& b) {
       for (OperandFacts& operand : s.call().received) operand.dtype = Dtype::Half;
       in_region(s, Dtype::BFloat16);
       b.told = family_named("kernel_not_implemented"), b.autocast = Dtype::BFloat16;
     }},
    {"Linear:-:float:forward:unrecognized:cpu:off", Broken::option_takes_away, [](Sheet&, Breach&) {}},
    {"Linear:-:float:forward:unrecognized:cpu:off", Broken::dimension_takes_away, [](Sheet&, Breach&) {}},
    {"Linear:input/weight:float:forward:kernel_not_implemented:cpu:off", Broken::documented_refused,
     [](Sheet& s, Breach& b) {
       s.disagree();
       b.told = family_named("kernel_not_implemented");
     }},
    {"Linear:input/weight:float:forward:unrecognized:cpu:off", Broken::repair_refused,
     [](Sheet& s, Breach&) { s.disagree(); }},
    {"Linear:-:float:forward:SIGSEGV:meta:off", Broken::process_ended,
     [](Sheet& s, Breach& b) {
       s.ending = Ending{.device = kMeta, .how = "SIGSEGV", .seen = "x"};
       b.how = "SIGSEGV";
     }},
};

TEST(Signatures, AreThoseOfTheExamples) {
  std::set<const Naming*> met;
  for (const Example& example : kExamples) {
    Sheet sheet;
    Breach breach{.what = example.what,
                  .call = &sheet.call(),
                  .promise = &sheet.promise(),
                  .owner = {Culprit::kLayer, 0}};
    example.change(sheet, breach);
    if (breach.call) breach.call = &sheet.call(), breach.promise = &sheet.promise();
    met.insert(&naming_of(sheet.facts(), breach));
    EXPECT_EQ(to_string(violation_of("p", sheet.facts(), std::move(breach)).signature),
              "p:" + std::string(example.name));
  }
  for (const Naming& naming : namings())
    EXPECT_TRUE(met.contains(&naming)) << "row " << &naming - namings().data() << " has no example";
}

TEST(Signatures, NameARefusalByTheDtypesThatTheOperatorSaw) {
  for (const auto& [policy, category] :
       {std::pair(AutocastPolicy::lower_precision, "low_float"), std::pair(AutocastPolicy::float32, "float"),
        std::pair(AutocastPolicy::leave, "float")}) {
    Contract contract = kProduct;
    contract.autocast_cpu = policy;
    Sheet sheet(contract);
    in_region(sheet, Dtype::BFloat16);
    sheet.refuse(std::string(kUnknown));
    EXPECT_EQ(judge(sheet.facts()).at(0).signature.category, category);
  }
}

TEST(Signatures, MergeOnlyWithAReason) {
  std::set<Broken> named;
  for (const Naming& naming : namings()) {
    if (naming.when) EXPECT_NE(naming.because, "");
    if (!naming.when) EXPECT_TRUE(named.insert(naming.what).second);  // one row for what is left
  }
  EXPECT_EQ(named.size(), static_cast<size_t>(Broken::process_ended) + 1);
}

TEST(Signatures, KnowTheRoleOfAnOperandWhateverItsLayer) {
  EXPECT_EQ(role_of("weight"), "weight");
  EXPECT_EQ(role_of("weight_ih_l1_reverse"), "weight_ih");
  EXPECT_EQ(role_of("encoder.layers.1.norm1.bias"), "encoder.norm1.bias");
  EXPECT_EQ(role_of("layers.12.linear.weight"), "linear.weight");
  EXPECT_EQ(role_of("players.1.x"), "players.1.x");
}

TEST(Signatures, NameTheCrashOfABackwardByTheEndOfTheStackUntilALayersTurnIsKnown) {
  Sheet sheet;
  EXPECT_EQ(
      to_string(
          violation_of(sheet.plan, {.phase = Phase::backward, .how = "SIGSEGV", .seen = "x"}).signature),
      "process_survives:Linear:-:float:backward:SIGSEGV:cpu:off");
  const Ending in_bfloat16{.phase = Phase::forward,
                           .culprit = {Culprit::kLayer, 0},
                           .input = Dtype::Float,
                           .autocast = Dtype::BFloat16,
                           .how = "hang",
                           .seen = "x"};
  EXPECT_EQ(to_string(violation_of(sheet.plan, in_bfloat16).signature),
            "process_survives:Linear:-:low_float:forward:hang:cpu:bfloat16");
}

}  // namespace
}  // namespace dtypefuzz
