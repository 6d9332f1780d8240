#include <fmt/format.h>

#include <algorithm>

#include "properties/list.h"

namespace dtypefuzz {
namespace {

/// Which of several traces tells most: what a module changed before what the engine put there, and statistics
/// before a counter of batches that went on.
const Trace& worst_of(const std::vector<Trace>& traces) {
  const auto rank = [](const Trace& trace) {
    return trace.kind == "gradient" ? 2 : trace.name == kBatchCounter ? 1 : 0;
  };
  return *std::ranges::min_element(traces, {}, rank);
}

}  // namespace

void refusal_leaves_no_trace(const Facts& facts, Say& say) {
  if (!facts.seen.error) return say.not_applicable("nothing was refused");
  if (facts.is(MessageKind::no_meta)) return say.not_applicable("a kernel that is not there refuses nothing");
  if (facts.is(MessageKind::autograd))
    return say.not_applicable("what autograd documents not to do has to do with no dtype");
  if (facts.seen.traces.empty()) return;
  const Trace& trace = worst_of(facts.seen.traces);
  say.violated({.what = Broken::trace,
                .thing = trace.kind == "buffer" ? trace.name : trace.kind,
                .promised = "a refusal changes nothing",
                .seen = fmt::format("changed {} {}: {}", trace.kind, trace.name, facts.seen.error->message)});
}

void calls_change_what_they_document(const Facts& facts, Say& say) {
  if (facts.ran_undocumented()) return say.not_applicable("autocast documents no region of this dtype");
  for (const Change& change : facts.seen.changes) {
    say.violated({.what = Broken::changed,
                  .owner = change.culprit,
                  .phase = change.phase,
                  .thing = change.kind == "buffer" ? std::string_view(change.name) : change.kind,
                  .category = change.category,
                  .promised = fmt::format("{} leaves the {} {} as it is",
                                          culprit_name(facts.plan, change.culprit, change.phase), change.kind,
                                          change.name),
                  .seen = "it has other numbers afterwards"});
    return;  // those that follow are the same doing
  }
}

}  // namespace dtypefuzz
