#pragma once
#include "harness/core/observation.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

/// Once per process and before any other operation: one thread, small oneDNN caches, warnings kept as facts.
void prepare_process();

/// Runs a plan on a clean slate (seeds, autocast, grad mode, default dtype) and says what happened.
/// LibTorch's exceptions end here and become facts. A crash or a hang does not: see drive/isolate.h.
Observation run(const Plan&);

/// The same plan made, run forward and backward with nothing observed: what the harness's own share is held against.
/// False where LibTorch threw.
bool run_bare(const Plan&);

bool device_in_reach(Device);

}  // namespace dtypefuzz
