// What operands that agree may expect.
#include <fmt/format.h>

#include "properties/list.h"
#include "properties/truth.h"

namespace dtypefuzz {
namespace {

/// Every tensor of the checkpoint has the dtype of what it is loaded into.
bool saved_agrees(const Plan& plan) {
  return plan.load_dtype == plan.params_dtype && std::ranges::all_of(plan.layers, [](const LayerPlan& layer) {
           return layer.operand_dtypes.empty();
         });
}

/// Whether a phase that comes before or after the calls has nothing to refuse.
bool agrees(const Plan& plan, Phase phase) {
  return phase == Phase::construct || phase == Phase::convert || (phase == Phase::load && saved_agrees(plan));
}

}  // namespace

void agreeing_dtypes_succeed(const Facts& facts, Say& say) {
  say.not_applicable("no operands are promised to succeed");
  for (const auto& [call, promise] : facts.judged_calls()) {
    const bool silent = !promise.accepts() && !promise.refuses();
    if (!promise.accepts() && !(silent && call.threw && agreeing_dtype(facts.plan, call))) continue;
    say.holds();
    if (!call.threw) continue;
    const std::string_view untrue = silent ? untruth_in_silence(facts, call) : "";
    if (silent ? untrue.empty() : facts.refused_cleanly()) continue;
    say.violated({.what = Broken::call_refused,
                  .call = &call,
                  .promise = &promise,
                  .promised = fmt::format("{} succeeds{}: {}", culprit_name(facts.plan, call),
                                          silent ? " or says truly why not" : "", list(call.received)),
                  .seen = silent ? fmt::format("{} ({})", facts.seen.error->message, untrue)
                                 : facts.seen.error->message});
  }
  if (!facts.seen.error || !agrees(facts.plan, facts.seen.error->phase)) return;
  say.holds();
  const Phase phase = facts.seen.error->phase;
  const Dtype dtype = phase == Phase::construct ? facts.plan.default_dtype : facts.plan.params_dtype;
  if (!facts.refused_cleanly())
    say.violated({.what = Broken::stage_refused,
                  .category = category_of(dtype),
                  .promised = fmt::format("{} succeeds or names the dtype as unsupported", to_string(phase)),
                  .seen = facts.seen.error->message});
}

}  // namespace dtypefuzz
