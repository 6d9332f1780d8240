#pragma once
#include <atomic>
#include <cstdint>
#include <optional>

#include "dtypefuzz/observation.h"

namespace dtypefuzz {

/// Where a run is. Another process reads it when this one has crashed or hangs, and so learns who did it.
struct Position {
  Phase phase = Phase::construct;
  Culprit culprit = {};
  Dtype input = Dtype::Undefined;  ///< of the layer that runs
  Device device = kCpu;
  std::optional<Dtype> autocast = {};  ///< of the plan, round all of its layers
};

/// A Position in one word, so that it is written in one store and read whole from shared memory.
using PositionWord = std::atomic<uint64_t>;
uint64_t word_of(const Position&);
/// The inverse. The word knows LibTorch's own devices only and gives `own` for any other.
Position position_of(uint64_t word, Device own = kCpu);

/// Where the runs of this process write their positions; null: nowhere. `within_backward`: hooks on the
/// outputs of layers write whose backward has begun, too, which costs a hook a layer.
void write_positions_to(PositionWord*, bool within_backward = false);
bool traces_positions_within_backward();
bool writes_positions();
/// The one that was written last; of a run's beginning where none are written.
Position position_now();

/// Begins a run: the device and region of the positions that follow.
void begin_positions(Device, std::optional<Dtype> autocast);
void write_position(Phase, Culprit, Dtype input = Dtype::Undefined);

/// While it lives, positions name `culprit` where a layer runs. A layer of a stack is also run in plans of
/// its own (its siblings, a question about its support); if such a run ends the process, the layer is to
/// blame.
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
