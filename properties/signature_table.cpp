#include "properties/signature_table.h"

#include <algorithm>

namespace dtypefuzz {
namespace {

// When a row counts.
constexpr auto kAlways = nullptr;
bool converted_in_step(const Facts& facts, const Breach&) {
  return facts.converted_in_step();
}
bool is_a_mismatch(const Facts& facts, const Breach&) {
  return facts.is(MessageKind::mismatch);
}
bool of_gradients(const Facts&, const Breach& breach) {
  return breach.thing == "gradient";
}
bool of_running_statistics(const Facts&, const Breach& breach) {
  return role_of(std::string(breach.thing)).starts_with("running_");
}
bool tells_of_no_operands(const Facts&, const Breach& breach) {
  return breach.how.empty() && !(breach.told && breach.told->kind == MessageKind::mismatch) &&
         !breach.call->received.empty();
}

// Where the parts are taken from: culprit, operands, category, phase, family, autocast.
using C = From::Culprit;
using O = From::Operands;
using K = From::Category;
using P = From::Phase;
using F = From::Family;
using A = From::Autocast;
constexpr From kCall = {C::call, O::disagreeing, K::operands, P::call, F::message, A::call};
constexpr From kCastCall = {C::call, O::disagreeing_after_casts, K::operands, P::call, F::message, A::call};
constexpr From kSibling = {C::call, O::disagreeing, K::operands, P::call, F::sibling, A::given};
constexpr From kSiblingOfAny = {C::call, O::first, K::operands, P::call, F::sibling, A::given};
constexpr From kError = {C::error, O::thing, K::given, P::error, F::message, A::off};
constexpr From kLateError = {C::error, O::disagreeing, K::operands, P::error, F::message, A::call_or_plan};
constexpr From kErrorOfAny = {C::stage, O::thing, K::given, P::error, F::message, A::off};
constexpr From kLeaf = {C::owner, O::thing, K::given, P::given, F::message, A::plan};
constexpr From kStage = {C::stage, O::thing, K::given, P::given, F::message, A::off};
constexpr From kOwner = {C::owner, O::thing, K::given, P::given, F::given, A::plan};
constexpr From kStageInRegion = {C::stage, O::thing, K::given, P::given, F::message, A::plan};
constexpr From kRegion = {C::stage, O::thing, K::given, P::given, F::message, A::call};
constexpr From kProcess = {C::owner, O::none, K::given, P::given, F::given, A::given};

constexpr std::string_view kOneConversion =
    "what follows from to() while a graph or gradients of the old dtype are alive is its doing, and one "
    "finding whatever module the graph went through";
constexpr std::string_view kOneCache =
    "the cache is autocast's: one finding whatever module's parameters were in it";

using enum Severity;
constexpr Naming kNamings[] = {
    {Broken::call_refused,
     is_a_mismatch,
     refusal,
     kCastCall,
     {.family = "mismatch"},
     "which of its many spellings a mismatch that is none comes in depends on the kernel, and so on the CPU"},
    {Broken::call_refused, kAlways, refusal, kCastCall},
    {Broken::stage_refused, kAlways, refusal, kError, {.operands = "-"}},
    {Broken::mismatch_accepted, kAlways, silent, kCall, {.family = "accepted"}},
    {Broken::mismatch_misnamed, kAlways, refusal, kCall},
    {Broken::mismatch_vague, kAlways, vague, kCall},
    {Broken::refused_late,
     converted_in_step,
     late,
     kStage,
     {.operands = "-", .category = "-", .family = "late", .phase = Phase::convert},
     kOneConversion},
    {Broken::refused_late, kAlways, late, kLateError},
    {Broken::output_dtype, kAlways, silent, kCall, {.family = "accepted"}},
    {Broken::gradient_dtype,
     converted_in_step,
     late,
     kStageInRegion,
     {.operands = "gradient", .family = "accepted", .phase = Phase::convert},
     kOneConversion},
    {Broken::gradient_dtype, kAlways, late, kLeaf, {.family = "accepted", .phase = Phase::backward}},
    {Broken::gradient_missing, kAlways, late, kLeaf, {.family = "missing", .phase = Phase::backward}},
    {Broken::trace,
     of_gradients,
     late,
     kErrorOfAny,
     {.category = "-", .family = "changed"},
     "gradients that are there after backward threw were put there by the engine, layer by layer, parameter "
     "by parameter: one finding whatever module threw"},
    {Broken::trace,
     of_running_statistics,
     late,
     kError,
     {.operands = "running_stats", .category = "-", .family = "changed"},
     "a mean of 0 stays what it was, so which of the running statistics changed is the input's doing"},
    {Broken::trace, kAlways, late, kError, {.category = "-", .family = "changed"}},
    {Broken::changed, kAlways, wrong_bits, kOwner, {.family = "changed"}},
    {Broken::conversion_changed, kAlways, wrong_bits, kStage, {.family = "changed"}},
    {Broken::region_left_changed,
     kAlways,
     late,
     kStageInRegion,
     {.operands = "-", .category = "-", .phase = Phase::region}},
    {Broken::region_undocumented,
     kAlways,
     silent,
     kRegion,
     {.operands = "-", .family = "accepted", .phase = Phase::region},
     "a region is autocast's: one finding whatever module ran in it"},
    {Broken::region_cached,
     kAlways,
     silent,
     kRegion,
     {.operands = "parameter", .family = "cached", .phase = Phase::region},
     kOneCache},
    {Broken::region_cached_refused,
     kAlways,
     refusal,
     kRegion,
     {.operands = "parameter", .family = "cached", .phase = Phase::region},
     kOneCache},
    {Broken::load_refused, kAlways, refusal, kStage, {.phase = Phase::load}},
    {Broken::load_changed, kAlways, wrong_bits, kStage, {.family = "accepted", .phase = Phase::load}},
    {Broken::dtype_changed, kAlways, wrong_bits, kStage, {.family = "changed"}},
    {Broken::not_finite,
     kAlways,
     wrong_bits,
     kStage,
     {.operands = "parameter", .family = "not_finite", .phase = Phase::step},
     "an optimizer treats its parameters alike: one finding whichever of them it is"},
    {Broken::sibling_differs,
     tells_of_no_operands,
     silent,
     kSiblingOfAny,
     {},
     "a refusal that is not about operands that disagree is one finding, whichever of them do"},
    {Broken::sibling_differs, kAlways, silent, kSibling},
    {Broken::region_takes_away, kAlways, silent, kSiblingOfAny},
    {Broken::option_takes_away, kAlways, silent, kSiblingOfAny},
    {Broken::dimension_takes_away, kAlways, silent, kSiblingOfAny},
    {Broken::documented_refused, kAlways, refusal, kSibling},
    {Broken::values, kAlways, wrong_bits, kCall, {.family = "values"}},
    {Broken::values_rounded, kAlways, vague, kCall, {.family = "rounded"}},
    {Broken::gradient_values, kAlways, wrong_bits, kOwner, {.family = "values"}},
    {Broken::arithmetic, kAlways, wrong_bits, kStage, {.family = "values"}},
    {Broken::repair_refused, kAlways, refusal, kSibling},
    {Broken::process_ended, kAlways, crash, kProcess},
};

/// The severities of what is in the baseline, by property and, where that decides, by family; the first that
/// fits counts. `kNamings` says the same of a breach.
constexpr struct {
  std::string_view property, family;
  Severity severity;
} kSeverities[] = {
    {"process_survives", {}, crash},
    {"mismatch_is_refused_by_name", "accepted", silent},
    {"mismatch_is_refused_by_name", {}, refusal},
    {"agreeing_dtypes_succeed", {}, refusal},
    {"refusal_is_early", {}, late},
    {"output_dtype_is_as_promised", {}, silent},
    {"gradients_match_their_leaves", {}, late},
    {"refusal_leaves_no_trace", {}, late},
    {"calls_change_what_they_document", {}, wrong_bits},
    {"autocast_state_is_restored", "accepted", silent},
    {"autocast_state_is_restored", "cached", silent},
    {"autocast_state_is_restored", {}, late},
    {"loading_preserves_values", "accepted", wrong_bits},
    {"loading_preserves_values", {}, refusal},
    {"only_conversion_changes_dtypes", {}, wrong_bits},
    {"steps_keep_values_finite", {}, wrong_bits},
    {"conversion_keeps_values", {}, wrong_bits},
    {"arithmetic_agrees_with_float64", {}, wrong_bits},
    {"modes_agree", {}, silent},
    {"devices_agree", {}, silent},
    {"autocast_dtypes_agree", {}, silent},
    {"what_siblings_take_is_taken", {}, silent},
    {"values_agree_with_float64", "rounded", vague},
    {"values_agree_with_float64", {}, wrong_bits},
    {"gradients_agree_with_float64", {}, wrong_bits},
    {"suggested_repair_works", {}, refusal},
};

}  // namespace

Severity severity_of(const Signature& s) {
  for (const auto& [property, family, severity] : kSeverities)
    if (s.property == property && (family.empty() || s.family == family)) return severity;
  return refusal;  // of a property that there is no more
}

std::span<const Naming> namings() {
  return kNamings;
}

const Naming& naming_of(const Facts& facts, const Breach& breach) {
  return *std::ranges::find_if(kNamings, [&](const Naming& naming) {
    return naming.what == breach.what && (!naming.when || naming.when(facts, breach));
  });
}

}  // namespace dtypefuzz
