#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {

void output_dtype_is_as_promised(const Facts& facts, Say& say) {
  say.not_applicable("no output is promised a dtype");
  for (const auto& [call, promise] : facts.judged_calls()) {
    if (call.threw || !promise.accepts()) continue;
    for (size_t i = 0; i < call.given.size(); ++i) {
      const Dtype promised = promise.output(i), given = call.given[i];
      if (promised == Dtype::Undefined || given == Dtype::Undefined) continue;
      say.holds();
      if (given == promised) continue;
      say.violated({.what = Broken::output_dtype,
                    .call = &call,
                    .promise = &promise,
                    .promised = fmt::format("output {} of {} is {}", i, culprit_name(facts.plan, call),
                                            name_of(promised)),
                    .seen = fmt::format("{}, from {}", name_of(given), list(call.received))});
      break;  // the first output of a call speaks for the others
    }
  }
}

}  // namespace dtypefuzz
