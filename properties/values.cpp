#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {
namespace {

/// Whether the layer's numbers can be judged by their dtypes' bounds; why not, where they cannot.
std::string_view without_bounds(const Facts& facts) {
  if (facts.values.empty()) return "no numbers were compared";
  if (facts.promised.calls.front().refuses()) return "the layer should have refused";
  const auto& received = facts.seen.calls.front().received;
  const bool exotic = std::ranges::any_of(
      received, [](const OperandFacts& o) { return category_of(o.dtype) == Category::other; });
  return exotic ? "nothing is said of quantized, packed, bits and sub-byte dtypes" : "";
}

/// Whether a number of this dtype was promised, or none was.
bool has_its_dtype(const Promise& promise, const ValueFacts& value) {
  const Dtype promised = promise.output(static_cast<size_t>(value.output));
  return promised == Dtype::Undefined || promised == value.dtype;
}

}  // namespace

void values_agree_with_float64(const Facts& facts, Say& say) {
  if (const auto why = without_bounds(facts); !why.empty()) return say.not_applicable(why);
  const CallFacts& call = facts.seen.calls.front();
  const Promise& promise = facts.promised.calls.front();
  say.not_applicable("no output has the dtype that is promised");
  for (const ValueFacts& value : facts.values) {
    if (value.output < 0 || !has_its_dtype(promise, value)) continue;
    say.holds();
    const bool wrong = value.worst > 1;
    if (!wrong && !(value.rounded && facts.strict)) continue;
    return say.violated(
        {.what = wrong ? Broken::values : Broken::values_rounded,
         .call = &call,
         .promise = &promise,
         .promised = wrong ? fmt::format("output {} is that of float64 within the bound of {}: {}",
                                         value.output, name_of(value.dtype), list(call.received))
                           : fmt::format("output {} is not rounded to {} without a word: {}", value.output,
                                         name_of(value.dtype), list(call.received)),
         .seen = wrong ? fmt::format("{} instead of {}", value.got, value.want) : "whole numbers"});
  }
}

void gradients_agree_with_float64(const Facts& facts, Say& say) {
  if (const auto why = without_bounds(facts); !why.empty()) return say.not_applicable(why);
  say.not_applicable("no gradients were compared");
  bool outputs_hold = true;
  for (const ValueFacts& value : facts.values) outputs_hold &= value.output < 0 || value.worst <= 1;
  if (!outputs_hold) return say.not_applicable("the outputs are wrong, and gradients follow from them");
  for (const ValueFacts& value : facts.values) {
    if (value.output >= 0) continue;
    say.holds();
    if (value.worst <= 1) continue;
    return say.violated(
        {.what = Broken::gradient_values,
         .owner = facts.seen.calls.front().culprit,
         .phase = Phase::backward,
         .thing = value.leaf,
         .category = category_of(value.dtype),
         .promised = fmt::format("the gradient of {} is that of float64 within the bound of {}", value.leaf,
                                 name_of(value.dtype)),
         .seen = fmt::format("{} instead of {}", value.got, value.want)});
  }
}

}  // namespace dtypefuzz
