#pragma once
#include <span>
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/model.h"

namespace dtypefuzz {

/// The tensors that can have a gradient after backward: parameters and the caller's input. Which of them must
/// have one is said only of plain stacks, without residuals and reuse. `calls`: of the pass that backward
/// went back through, the last one.
std::vector<LeafFacts> leaves_of(const Plan&, const Model&, const at::Tensor& input,
                                 std::span<const CallFacts> calls, int iteration);

}  // namespace dtypefuzz
