#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/observation.h"

namespace at {
class Tensor;
}

namespace dtypefuzz {

/// A tensor that an operator took or gave. Numbers that were wrapped into one are none.
struct Passed {
  Dtype dtype = Dtype::Undefined;
  /// Of the layer's call: whose numbers went into it, through views, casts, copies and operators that mixed
  /// nothing.
  std::vector<std::string> operands = {};
  const void* memory = nullptr;  ///< equal where two tensors share it
  bool requires_grad = false;
  Dtype after = Dtype::Undefined;  ///< taken ones: the dtype that it has afterwards
  bool changed = false;            ///< taken ones: its numbers, its sizes or its dtype are others afterwards
  bool finite = true;              ///< all its numbers are; where they are not there, too
  std::vector<double> numbers = {};  ///< where the trail keeps them; real and imaginary parts in turn
};

/// One call of an operator of LibTorch's, or of a node of autograd's graph.
struct Operation {
  std::string name;  ///< `aten::add_`, `AddmmBackward0`
  int parent = -1;   ///< index of the one that called it; -1: LibTorch's C++ front end did, or we
  bool is_node = false;
  Phase phase = Phase::construct;
  Culprit culprit = {};  ///< whose turn it was
  bool threw = false;
  bool left_region_changed = false;  ///< autocast's state is another one afterwards
  std::vector<Passed> taken = {}, given = {};
  std::vector<uintptr_t> frames = {};  ///< of the native stack that called it, the innermost first
};

/// What ran within a run, in the order in which it began.
struct Trail {
  std::vector<Operation> operations;
};

/// Records what this thread runs while it lives: some ten microseconds an operator, so nothing for a loop.
/// Where positions are not written, they are while it lives.
class TrailRecorder {
 public:
  struct Terms {
    bool numbers = false;       ///< keep those of small tensors
    char* in_flight = nullptr;  ///< where the name of the operator that runs is written, kInFlightBytes
    Device device = kCpu;       ///< whose regions are watched
  };
  static constexpr size_t kInFlightBytes = 128;

  explicit TrailRecorder(Terms);
  ~TrailRecorder();
  TrailRecorder(const TrailRecorder&) = delete;
  TrailRecorder& operator=(const TrailRecorder&) = delete;

  /// What was recorded until now; it is given away.
  Trail take();

 private:
  struct State;
  friend struct Hooks;
  std::unique_ptr<State> state_;
};

/// Whether this thread's operators are recorded.
bool records_trail();
/// The operand of the layer that is called next; nothing where no trail is recorded.
void note_operand(std::string_view name, const at::Tensor&);

}  // namespace dtypefuzz
