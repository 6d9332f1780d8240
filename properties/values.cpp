#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {

void values_agree_with_float64(const Facts& facts, Say& say) {
  if (facts.values.empty()) return say.not_applicable("no numbers were compared");
  const CallFacts& call = facts.seen.calls.front();
  const Promise& promise = facts.promised.calls.front();
  if (!promise.accepts()) return say.not_applicable("the layer is not promised to succeed");
  if (facts.plan.layers.front().contract->random) return say.not_applicable("the layer's numbers are random");
  if (facts.plan.fill == Fill::extremes) return say.not_applicable("the numbers are not tame");
  say.not_applicable("no output has the dtype that is promised");
  for (const ValueFacts& value : facts.values) {
    if (value.dtype != promise.output(static_cast<size_t>(value.output))) continue;
    say.holds();
    if (value.worst <= 1) continue;
    return say.violated({.what = Broken::values,
                         .call = &call,
                         .promise = &promise,
                         .promised = fmt::format("output {} is that of float64 within the bound of {}: {}",
                                                 value.output, name_of(value.dtype), list(call.received)),
                         .seen = fmt::format("{} instead of {}", value.got, value.want)});
  }
}

}  // namespace dtypefuzz
