#include <fmt/format.h>

#include "properties/list.h"
#include "properties/siblings.h"

namespace dtypefuzz {

void suggested_repair_works(const Facts& facts, Say& say) {
  const Sibling* last = nullptr;
  for (const Sibling& sibling : facts.siblings)
    if (sibling.kind == Sibling::kRepair) last = &sibling;
  if (!last) return say.not_applicable("no repair is suggested");
  const CallFacts& call = facts.seen.calls.front();
  if (!call.threw) return say.not_applicable("nothing was refused");
  if (!last->promise.accepts()) return say.not_applicable("what is repaired is not promised to succeed");
  const Reaction reaction = reaction_of(last->seen);
  if (reaction.kind != Reaction::kRefused || reaction.refused_as_unsupported()) return;
  say.violated({.what = Broken::repair_refused,
                .call = &call,
                .promise = &facts.promised.calls.front(),
                .told = reaction.told,
                .autocast = call.autocast,
                .promised = fmt::format("after the cast that it needs it succeeds: {}",
                                        facts.promised.calls.front().reason),
                .seen = fmt::format("then {}", last->seen.error->message)});
}

}  // namespace dtypefuzz
