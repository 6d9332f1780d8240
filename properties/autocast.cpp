#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {
namespace {

/// What a call in an unusual region did beside its promise, in words; empty: nothing.
std::string what_happened(const Facts& facts, const CallFacts& call, const Promise& promise) {
  if (call.threw) return facts.seen.error->message;
  const Dtype promised = promise.output(0),
              given = call.given.empty() ? Dtype::Undefined : call.given.front();
  if (promised == Dtype::Undefined || given == Dtype::Undefined || given == promised) return {};
  return fmt::format("{} gave {} instead of {}", culprit_name(facts.plan, call), name_of(given),
                     name_of(promised));
}

/// A region of a dtype that autocast does not document acts as off, or refuses.
std::string changed_by_undocumented(const Facts& facts, const CallFacts& call, const Promise& promise) {
  return call.threw ? std::string() : what_happened(facts, call, promise);
}

/// A region casts the parameters of its modules, whatever region ran them before: what autocast has kept for
/// that one shows as another dtype, or as a mismatch.
std::string changed_by_another(const Facts& facts, const CallFacts& call, const Promise& promise) {
  return call.threw && !facts.is(MessageKind::mismatch) ? std::string() : what_happened(facts, call, promise);
}

}  // namespace

void autocast_state_is_restored(const Facts& facts, Say& say) {
  if (!facts.seen.autocast_restored)
    say.violated({.what = Broken::region_left_changed,
                  .promised = "the state is as before the region",
                  .seen = "left changed " + facts.seen.autocast_left});
  for (size_t i = 0; i < facts.seen.calls.size(); ++i) {
    const CallFacts& call = facts.seen.calls[i];
    const Promise& promise = facts.promised.calls[i];
    const RegionKind region = facts.promised.regions[i];
    if (region == RegionKind::documented || call.mixed_devices || !promise.accepts()) continue;
    const bool undocumented = region == RegionKind::undocumented;
    auto happened = undocumented ? changed_by_undocumented(facts, call, promise)
                                 : changed_by_another(facts, call, promise);
    if (happened.empty()) continue;
    const auto dtype = name_of(*call.autocast);
    say.violated(
        {.what = undocumented ? Broken::region_undocumented
                 : call.threw ? Broken::region_cached_refused
                              : Broken::region_cached,
         .call = &call,
         .category = category_of(*call.autocast),
         .promised =
             undocumented
                 ? fmt::format("a region of {}, which autocast does not document, is refused or acts as off",
                               dtype)
                 : fmt::format("a region of {} casts the parameters of {}, whatever region ran it before",
                               dtype, culprit_name(facts.plan, call)),
         .seen = std::move(happened)});
    return;  // the calls after it follow from it
  }
}

}  // namespace dtypefuzz
