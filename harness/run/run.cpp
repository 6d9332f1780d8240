#include "harness/run/run.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include "harness/run/position.h"
#include "harness/run/session.h"
#include "harness/run/slate.h"

namespace dtypefuzz {
namespace {

/// Whose backward it was that threw; where no gradient came to any layer, whatever gave the roots.
Culprit culprit_of_backward(const Plan& plan, int reached) {
  if (reached >= 0) return {Culprit::kLayer, reached};
  if (plan.loss) return {Culprit::kLoss};
  return {Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
}

/// The same run again, with hooks that say whose backward it is, and with stamps at the entry of each late
/// phase: what forward has changed (weights that `max_norm` renormalizes) is no trace of a later refusal.
void run_again_traced(const Plan& plan, Stock* stock, Observation& seen) {
  const CleanSlate slate(plan);
  Session traced(plan, /*trace_late=*/true, stock);
  const Observation again = traced.go();
  if (!again.error || again.error->phase != seen.error->phase) return;
  seen.traces = again.traces;
  if (seen.error->phase == Phase::backward)
    seen.error->culprit = culprit_of_backward(plan, traced.reached_backward());
}

}  // namespace

bool device_in_reach(Device device) {
  const auto type = device->type;
  return c10::impl::hasDeviceGuardImpl(type) && c10::impl::getDeviceGuardImpl(type)->deviceCount() > 0;
}

Observation run(const Plan& plan, Stock* stock) {
  Observation seen;
  if (!device_in_reach(plan.device)) {
    seen.not_applicable = "no " + std::string(to_string(plan.device)) + " device here";
    return seen;
  }
  begin_positions(plan.device, plan.autocast);
  {
    const CleanSlate slate(plan);
    seen = Session(plan, traces_positions_within_backward(), stock).go();
  }
  if (seen.error && seen.error->phase >= Phase::backward) run_again_traced(plan, stock, seen);
  return seen;
}

}  // namespace dtypefuzz
