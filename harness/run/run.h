#pragma once
#include <atomic>

#include "harness/core/observation.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

/// Once per process and before any other operation: one thread, small oneDNN caches, warnings kept as facts.
void prepare_process();

class Stock;  // model.h

/// Runs a plan on a clean slate (seeds, autocast, grad mode, default dtype) and says what happened.
/// LibTorch's exceptions end here and become facts. A crash or a hang does not: see
/// harness/isolate/isolated.h. `stock`: where the model comes from; null: it is made.
Observation run(const Plan&, Stock* stock = nullptr);

/// The first layer of a plan held against float64; nothing where it is refused or cannot be set up.
std::vector<ValueFacts> compare_values(const Plan&);

/// The same plan made, run forward and backward with nothing observed: what the harness's own share is held
/// against. What goes beyond one forward and backward (steps, checkpoints, conversions) is left out. False
/// where LibTorch threw.
bool run_bare(const Plan&);

bool device_in_reach(Device);

/// Nanoseconds of the steady clock; and where runs add up those that they spend in LibTorch's calls (null:
/// nowhere).
uint64_t ticks();
void count_ticks_inside(uint64_t* sum);

/// How far a run is, in one word that another process may read: the phase, whose turn it is, and on what this
/// run is, which may be a sibling of the case's.
using PositionWord = std::atomic<uint64_t>;
struct Position {
  Phase phase = Phase::construct;
  Culprit culprit = {};
  Dtype input = Dtype::Undefined;  ///< of the layer whose turn it is
  Device device = kCpu;
  std::optional<Dtype> autocast = {};  ///< of the whole step
};
/// `own`: the device of the plan, which the word names where it is none of LibTorch's own.
Position position_of(uint64_t word, Device own = kCpu);
/// Where every run of this process writes its position; null: nowhere. `within_backward`: hooks say which
/// layer's backward it is, too (not in the hot loop).
void write_positions_to(PositionWord*, bool within_backward = false);

/// While it lives, whatever layer runs, runs for `culprit`: a sibling of one layer of a stack, or a question
/// about its support, that ends the process is that layer's doing.
class RunsFor {
 public:
  explicit RunsFor(Culprit);
  ~RunsFor();
  RunsFor(const RunsFor&) = delete;
  RunsFor& operator=(const RunsFor&) = delete;

 private:
  std::optional<Culprit> was_;
};

}  // namespace dtypefuzz
