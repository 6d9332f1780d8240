// What operands that disagree may expect: a refusal, by a message that names them, in forward.
#include <fmt/format.h>

#include "properties/grade.h"
#include "properties/list.h"
#include "properties/truth.h"

namespace dtypefuzz {
namespace {

/// Refused after all, which is for `refusal_is_early` to judge. A backward that has no kernel refuses
/// nothing.
bool refused_in_backward(const Facts& facts, const CallFacts& call) {
  return facts.seen.error && facts.seen.error->phase == Phase::backward &&
         facts.seen.error->culprit == call.culprit && !facts.refused_cleanly();
}

/// Where a contract is silent, operands that disagree may be refused, in true words.
void judge_silence(const Facts& facts, const CallFacts& call, const Promise& promise, Say& say) {
  if (!call.threw || agreeing_dtype(facts.plan, call)) return;
  say.holds();
  const std::string_view untrue = untruth_in_silence(facts, call);
  if (untrue.empty()) return;
  say.violated({.what = Broken::mismatch_misnamed,
                .call = &call,
                .promise = &promise,
                .promised = fmt::format("{} succeeds or says truly why not: {}",
                                        culprit_name(facts.plan, call), list(call.received)),
                .seen = fmt::format("{} ({})", facts.seen.error->message, untrue)});
}

std::string_view given_by(const CallFacts& call) {
  return call.given.empty() ? "nothing" : name_of(call.given.front());
}

}  // namespace

void mismatch_is_refused_by_name(const Facts& facts, Say& say) {
  say.not_applicable("no operands are promised a refusal");
  for (const auto& [call, promise] : facts.judged_calls()) {
    if (!promise.refuses()) {
      if (!promise.accepts()) judge_silence(facts, call, promise, say);
      continue;
    }
    say.holds();
    Breach breach{.what = Broken::mismatch_accepted, .call = &call, .promise = &promise};
    if (!call.threw) {
      if (refused_in_backward(facts, call)) continue;
      breach.seen = fmt::format("accepted, and gave {}", given_by(call));
    } else {
      const Grade grade = grade_of_refusal(facts.promised, promise, call, facts.message);
      const bool weak = grade.kind == Grade::kVague || grade.kind == Grade::kBlames;
      if (grade.kind != Grade::kFault && !(weak && facts.strict)) continue;
      breach.what = weak ? Broken::mismatch_vague : Broken::mismatch_misnamed;
      breach.seen = fmt::format("{} ({})", facts.seen.error->message, grade.why);
    }
    breach.promised = fmt::format("{} refuses: {}", culprit_name(facts.plan, call), promise.reason);
    say.violated(std::move(breach));
  }
}

void refusal_is_early(const Facts& facts, Say& say) {
  const auto& error = facts.seen.error;
  if (!error) return say.not_applicable("nothing was refused");
  if (facts.ran_undocumented()) return say.not_applicable("autocast documents no region of this dtype");
  if (error->phase < Phase::backward) return;
  if (facts.refused_cleanly())
    return say.not_applicable("the refusal is about support, or about no dtype that disagrees");
  Breach breach{
      .what = Broken::refused_late,
      .promised = fmt::format("no error after a forward that succeeded, {}", to_string(error->phase)),
      .seen = error->message};
  for (size_t i = 0; i < facts.seen.calls.size(); ++i) {
    const CallFacts& call = facts.seen.calls[i];
    if (call.mixed_devices) return say.not_applicable("operands lie on several devices");
    if (call.culprit == error->culprit && call.iteration == error->iteration)
      breach.call = &call, breach.promise = &facts.promised.calls[i];
  }
  say.violated(std::move(breach));
}

}  // namespace dtypefuzz
