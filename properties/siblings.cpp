// One layer held against siblings of it: the same in another mode, on another device, in another region.
#include "properties/siblings.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/list.h"

namespace dtypefuzz {
namespace {

/// Why siblings say nothing of the layer in the facts; empty: they do.
std::string_view incomparable(const Facts& facts) {
  if (facts.seen.calls.empty()) return "the layer did not run";
  if (!facts.sound) return "the layer violates a property by itself";
  const auto& received = facts.seen.calls.front().received;
  const bool exotic = std::ranges::any_of(
      received, [](const OperandFacts& o) { return category_of(o.dtype) == Category::other; });
  return exotic ? "nothing is said of quantized, packed, bits and sub-byte dtypes" : "";
}

/// Two siblings that have run, by name.
struct Ran {
  std::string_view name;
  Reaction reaction;
};

/// What is broken where two siblings differ; nothing where they agree or cannot be compared.
/// `support_counts`: so does that one of them supports what the other does not.
std::optional<Breach> difference(const Facts& facts, const Ran& a, const Ran& b, bool support_counts) {
  if (a.reaction.kind == Reaction::kNone || b.reaction.kind == Reaction::kNone) return std::nullopt;
  Breach breach{.what = Broken::sibling_differs,
                .call = &facts.seen.calls.front(),
                .promise = &facts.promised.calls.front(),
                .autocast = facts.seen.calls.front().autocast};
  if (a.reaction.kind != b.reaction.kind) {
    const auto& [refusing, accepting] =
        a.reaction.kind == Reaction::kRefused ? std::tie(a, b) : std::tie(b, a);
    if (refusing.reaction.refused_as_unsupported() && !support_counts) return std::nullopt;
    breach.told = refusing.reaction.told;
    breach.seen = fmt::format("{} accepts, {} refuses", accepting.name, refusing.name);
    return breach;
  }
  if (a.reaction.kind == Reaction::kRefused || a.reaction.given == b.reaction.given) return std::nullopt;
  breach.how = "accepted";
  breach.seen = fmt::format("{} gives {}, {} gives {}", a.name, name_of(a.reaction.given.front()), b.name,
                            name_of(b.reaction.given.front()));
  return breach;
}

/// The first sibling of a kind, or null.
const Sibling* sibling_of(const Facts& facts, Sibling::Kind kind) {
  const auto at = std::ranges::find(facts.siblings, kind, &Sibling::kind);
  return at == facts.siblings.end() ? nullptr : &*at;
}

/// The layer against its only sibling of one kind.
std::optional<Breach> difference_to(const Sibling* sibling, const Facts& facts, std::string_view name,
                                    std::string_view its, Say& say) {
  if (!sibling) return say.not_applicable("there is no such sibling"), std::nullopt;
  if (const auto why = incomparable(facts); !why.empty()) return say.not_applicable(why), std::nullopt;
  if (!sibling->sound) return say.not_applicable("the sibling violates a property by itself"), std::nullopt;
  auto breach = difference(facts, {name, reaction_of(facts.seen)}, {its, reaction_of(sibling->seen)}, false);
  if (breach)
    breach->promised = fmt::format("{} and {} accept alike and give the same dtype: {}", name, its,
                                   list(facts.seen.calls.front().received));
  return breach;
}

}  // namespace

void modes_agree(const Facts& facts, Say& say) {
  if (const auto why = incomparable(facts); !why.empty()) return say.not_applicable(why);
  const Ran reference{to_string(facts.plan.mode), reaction_of(facts.seen)};
  say.not_applicable("no sibling holds by itself");
  for (const Sibling& sibling : facts.siblings) {
    if (sibling.kind != Sibling::kMode || !sibling.sound) continue;
    say.holds();
    auto breach =
        difference(facts, reference, {to_string(sibling.plan.mode), reaction_of(sibling.seen)}, true);
    if (!breach) continue;
    breach->promised =
        fmt::format("modes accept and refuse alike: {}", list(facts.seen.calls.front().received));
    return say.violated(std::move(*breach));
  }
}

void devices_agree(const Facts& facts, Say& say) {
  if (auto breach = difference_to(sibling_of(facts, Sibling::kDevice), facts, "cpu", "meta", say))
    say.violated(std::move(*breach));
}

void autocast_dtypes_agree(const Facts& facts, Say& say) {
  const Sibling* sibling = sibling_of(facts, Sibling::kAutocast);
  if (!sibling) return say.not_applicable("there is no such sibling");
  auto breach =
      difference_to(sibling, facts, name_of(*facts.plan.autocast), name_of(*sibling->plan.autocast), say);
  if (!breach || breach->how == "accepted") return;  // a region's own dtype is what its outputs have
  // What one region refuses and the other accepts is the refusing one's, from whichever it is seen.
  if (reaction_of(sibling->seen).kind == Reaction::kRefused) breach->autocast = sibling->plan.autocast;
  say.violated(std::move(*breach));
}

namespace {

/// What a layer that refuses may be held against: nothing of it may take a dtype away.
struct Without {
  Sibling::Kind kind;
  Broken broken;
  std::string_view promise;
};
constexpr Without kWithouts[] = {
    {Sibling::kNatural, Broken::documented_refused,
     "succeeds with a documented dtype, as it does with the usual one"},
    {Sibling::kNoRegion, Broken::region_takes_away, "succeeds in a region, as it does without"},
    {Sibling::kSimplest, Broken::option_takes_away,
     "succeeds with these options, as it does with the simplest"},
    {Sibling::kDimensions, Broken::dimension_takes_away,
     "succeeds with this number of dimensions, as it does with another"},
};

}  // namespace

void what_siblings_take_is_taken(const Facts& facts, Say& say) {
  const Reaction own = outcome_of(facts.seen);
  if (own.kind != Reaction::kRefused) return say.not_applicable("nothing was refused");
  if (const auto why = incomparable(facts); !why.empty()) return say.not_applicable(why);
  say.not_applicable("no sibling may take it");
  const CallFacts& call = facts.seen.calls.front();
  for (const Without& without : kWithouts) {
    const Sibling* sibling = sibling_of(facts, without.kind);
    if (!sibling || !sibling->sound) continue;
    say.holds();
    if (outcome_of(sibling->seen).kind != Reaction::kAccepted) continue;
    // Backward may have to sum over what one rank broadcasts and another does not.
    if (without.kind == Sibling::kDimensions && facts.seen.error->phase == Phase::backward) continue;
    return say.violated({.what = without.broken,
                         .call = &call,
                         .promise = &facts.promised.calls.front(),
                         .told = own.told,
                         .autocast = call.autocast,
                         .promised = fmt::format("{}: {}", without.promise, list(call.received)),
                         .seen = facts.seen.error->message});
  }
}

Reaction outcome_of(const Observation& seen) {
  if (!seen.not_applicable.empty() || seen.calls.empty()) return {};
  if (!seen.error) return {Reaction::kAccepted, seen.calls.front().given};
  const auto known = recognize(seen.error->message);
  if (known && (not_about_dtypes(*known) || restricts_autograd(*known))) return {};
  return {Reaction::kRefused, {}, known ? known->family : nullptr};
}

Reaction reaction_of(const Observation& seen) {
  if (!seen.not_applicable.empty() || seen.calls.empty()) return {};
  const CallFacts& call = seen.calls.front();
  if (!call.threw) return {Reaction::kAccepted, call.given};
  const auto known = recognize(seen.error->message);
  if (known && (not_about_dtypes(*known) || restricts_autograd(*known))) return {};
  return {Reaction::kRefused, {}, known ? known->family : nullptr};
}

}  // namespace dtypefuzz
