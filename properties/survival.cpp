// Whether the process is there after a run.
#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {
namespace {

/// Whose turn it was. Before any layer's gradient has come, it is the end of the stack that runs.
Culprit running_at(const Plan& plan, const Ending& ending) {
  if (ending.phase != Phase::backward || ending.culprit.kind != Culprit::kStage) return ending.culprit;
  if (plan.loss) return {Culprit::kLoss};
  return {Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
}

/// What it ran on: the dtype of its input, as a region casts it.
Dtype dtype_at(const Plan& plan, const Culprit& culprit, const Ending& ending) {
  const Dtype dtype = ending.input == Dtype::Undefined ? plan.params_dtype : ending.input;
  const LayerPlan* layer = layer_of(plan, culprit);
  const bool casts = layer && layer->contract->autocast_cpu == AutocastPolicy::lower_precision &&
                     ending.autocast && ending.device->autocast_documents(*ending.autocast);
  return casts && autocast_casts(dtype) ? *ending.autocast : dtype;
}

/// A refused allocation ends nothing and is the same finding: sizes of cases are bounded, so somebody asked
/// for what nobody needs.
Ending out_of_memory(const Facts& facts) {
  const ErrorFacts& error = *facts.seen.error;
  Ending ending{.phase = error.phase,
                .culprit = error.culprit,
                .device = facts.plan.device,
                .autocast = facts.plan.autocast,
                .how = "memory",
                .seen = error.message.substr(0, 200)};  // which sizes it tells is enough
  for (const CallFacts& call : facts.seen.calls)
    if (call.culprit == error.culprit && !call.received.empty()) ending.input = call.received.front().dtype;
  return ending;
}

}  // namespace

void process_survives(const Facts& facts, Say& say) {
  const bool refused_memory = facts.message && facts.message->family->mark == Family::kOutOfMemory;
  if (!facts.ending && !refused_memory) return;
  const Ending ending = facts.ending ? *facts.ending : out_of_memory(facts);
  const Culprit culprit = running_at(facts.plan, ending);
  say.violated({.what = Broken::process_ended,
                .owner = culprit,
                .phase = ending.phase,
                .category = category_of(dtype_at(facts.plan, culprit, ending)),
                .how = ending.how,
                .autocast = ending.autocast,
                .promised = "a step succeeds or throws",
                .seen = ending.seen});
}

Violation violation_of(const Plan& plan, const Ending& ending) {
  const Expectation nothing_promised;
  const Observation nothing_seen;
  Facts facts(plan, nothing_promised, nothing_seen);
  facts.ending = &ending;
  return judge(facts).front();
}

}  // namespace dtypefuzz
