#pragma once
#include <optional>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The plan's model made, run forward and backward with nothing observed: what the harness's own share of the
/// time is held against. It is the same pass over the same inputs as an observed run's (run.h). Steps,
/// checkpoints, conversions, warm-up and clipping are left out.
/// The dtype of the first output; nothing where LibTorch threw.
std::optional<Dtype> run_bare(const Plan&);

}  // namespace dtypefuzz
