#pragma once
#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

class Stock;  // model.h

/// Runs a plan on a clean slate and says what happened. LibTorch's exceptions end here and become facts. A
/// crash or a hang does not: harness/isolate gives a run a process of its own. `stock`: where the model comes
/// from; null: it is made.
Observation run(const Plan&, Stock* stock = nullptr);

/// The same, and what conversions, clipping and the first step did to numbers is held against float64.
Observation run_compared(const Plan&);

/// Runs a plan up to the end of its first forward.
Observation run_forward(const Plan&);

/// Whether LibTorch knows the device and there is one.
bool device_in_reach(Device);

}  // namespace dtypefuzz
