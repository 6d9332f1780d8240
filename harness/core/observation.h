#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/core/contract.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

enum class Phase : uint8_t { construct, convert, load, region, forward, loss, backward, unscale, step };
std::string_view to_string(Phase);

/// Who ran when something happened: a layer by index, the loss, or a stage of the run.
struct Culprit {
  enum Kind : uint8_t { kLayer, kResidual, kLoss, kStage } kind = kStage;
  int layer = -1;
  bool operator==(const Culprit&) const = default;
};

/// An exception, as a fact. Messages come without LibTorch's backtrace.
struct ErrorFacts {
  Phase phase = Phase::forward;
  Culprit culprit;
  int iteration = 0;
  std::string type;  ///< the C++ type, demangled: `c10::Error`
  std::string message;
};

/// One call of a layer, of a residual addition or of the loss.
struct CallFacts {
  Culprit culprit;
  int iteration = 0;
  std::optional<Dtype> autocast = {};       ///< of the region it ran in
  std::vector<OperandFacts> received = {};  ///< inputs, parameters, buffers; undefined ones left out
  std::vector<Dtype> given = {};            ///< dtypes of the outputs; empty when it threw
  bool input_requires_grad = false;         ///< the chained input's
  bool output_requires_grad = false;
  bool threw = false;
  bool mixed_devices = false;
};

/// A tensor that can have a gradient, after backward.
struct LeafFacts {
  Culprit owner;  ///< the layer, or a stage for the caller's input
  std::string name;
  Dtype dtype = Dtype::Undefined;
  bool must_have = false;  ///< the graph reaches it
  bool has = false;
  Dtype grad_dtype = Dtype::Undefined;
};

/// One tensor of a loaded checkpoint.
struct LoadedFacts {
  int layer = -1;
  std::string name;
  Dtype saved = Dtype::Undefined;   ///< dtype in the checkpoint
  Dtype before = Dtype::Undefined;  ///< the model's before loading
  Dtype after = Dtype::Undefined;
  bool equal = true;  ///< value equals the saved one cast to `after`
};

/// Something that a phase that threw had changed.
struct Trace {
  std::string kind;  ///< `input`, `parameter`, `buffer`, `gradient`, `mode`
  std::string name;
  int layer = -1;  ///< that holds it
};

struct AutocastFacts {
  bool cpu = false, cuda = false;
  Dtype cpu_dtype = Dtype::Undefined, cuda_dtype = Dtype::Undefined;
  bool cache = true;
  bool operator==(const AutocastFacts&) const = default;
};

/// The facts of one run. No tensors.
struct Observation {
  Phase reached = Phase::construct;
  std::optional<ErrorFacts> error;  ///< the one that ended the run
  std::vector<CallFacts> calls;
  std::vector<LeafFacts> leaves;
  std::vector<LoadedFacts> loaded;
  std::vector<Trace> traces;  ///< what the phase that threw had changed
  bool autocast_restored = true;
  std::string autocast_left;   ///< what was left changed, where it was
  std::string not_applicable;  ///< the run could not be set up, for this reason; nothing is judged
  int skipped_steps = 0;       ///< by the scaler, on infinite gradients
  double scale = 0;            ///< of the scaler at the end; 0: none
  bool backward_ran = false;
  uint64_t warnings = 0;  ///< LibTorch's warnings, kept off stderr
};

}  // namespace dtypefuzz
