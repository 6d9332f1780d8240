#pragma once
#include <optional>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// All that the plan says, done with nothing observed: what the harness's own share of the time is held
/// against. The model, its inputs and its passes are the same as an observed run's (run.h).
/// The dtype of the first output; nothing where LibTorch threw.
std::optional<Dtype> run_bare(const Plan&);

}  // namespace dtypefuzz
