#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/contract.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

enum class Phase : uint8_t {
  construct,
  convert,
  load,
  flatten,
  region,
  forward,
  loss,
  backward,
  unscale,
  clip,
  step
};
std::string_view to_string(Phase);

/// Who ran when something happened: a layer by index, the loss, or a stage of the run.
struct Culprit {
  enum Kind : uint8_t { kLayer, kResidual, kLoss, kStage } kind = kStage;
  int layer = -1;
  bool operator==(const Culprit&) const = default;
};

/// Where LibTorch threw.
struct ThrowSite {
  std::string function;  ///< as the compiler calls it: `operator()` in a lambda
  std::string file;      ///< from the root of LibTorch's repository on
  int line = 0;
  bool operator==(const ThrowSite&) const = default;
};

/// An exception, as a fact. Messages come without LibTorch's backtrace.
struct ErrorFacts {
  Phase phase = Phase::forward;
  Culprit culprit;
  int iteration = 0;
  std::string type;  ///< the C++ type, demangled: `c10::Error`
  std::string message;
  std::optional<ThrowSite> site = {};  ///< where operators are recorded
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

/// Something that a call which succeeded had changed, and is not documented to.
struct Change {
  Culprit culprit;
  Phase phase = Phase::forward;
  std::string kind;  ///< as of a trace
  std::string name;
  Category category = Category::floating;
};

/// A number that conversion did not keep.
struct ConversionFacts {
  std::string kind;  ///< `parameter`, `buffer`
  std::string name;
  int layer = -1;
  Dtype from = Dtype::Undefined, to = Dtype::Undefined;
  double was = 0, is = 0;
};

/// A tensor of the model whose dtype is not what it should be: nothing but `to(dtype)` changes dtypes, and
/// after it what belongs to a parameter has the parameter's dtype.
struct DtypeChange {
  Phase phase = Phase::convert;  ///< after which it was seen
  std::string kind;              ///< `parameter`, `buffer`, `gradient`, `state` (of the optimizer)
  std::string name;
  int layer = -1;
  Dtype wanted = Dtype::Undefined, now = Dtype::Undefined;
};

/// Whether the numbers in parameters and gradients were finite round one step of the optimizer.
struct StepFacts {
  bool parameters_before = true, gradients = true, parameters_after = true;
  Dtype dtype = Dtype::Undefined;  ///< of the parameter that is not finite afterwards
  std::string name;
};

/// What clipping or a step did, held against the same in float64 on the same numbers. `worst` is the largest
/// error over what the dtype's rounding allows: above 1 it is wrong.
struct ArithmeticFacts {
  Phase phase = Phase::step;  ///< or `clip`
  Dtype dtype = Dtype::Undefined;
  double worst = 0;
  double got = 0, want = 0;
};

/// The state of autocast on the device of a plan, and on the CPU.
struct AutocastFacts {
  bool enabled = false, cpu_enabled = false;
  Dtype dtype = Dtype::Undefined, cpu_dtype = Dtype::Undefined;
  bool cache = true;
  bool operator==(const AutocastFacts&) const = default;
};

/// One output of a layer, or one gradient of what it got and holds, held against the same layer in float64 on
/// the same numbers. `worst` is the largest error over what is allowed, the sum of three terms: 32 times the
/// most that changing every operand by one unit in its last place does to the output; 8 units in the last
/// place of the result; and 512 units of float32 (of the dtype, where it is finer) of the largest input,
/// which is what rounding in between may come to where the exact result cancels out. Above 1 it is wrong; 1e9
/// stands for integers that are not exact and for numbers that are not finite on one side alone. Each term is
/// needed and none is tight. Of 1,307 floating outputs of random layers of LibTorch 2.13 the largest finite
/// error was 0.03. It is 0.14 with 1 in place of 32, 0.13 with 1 in place of 8, 0.13 with 8 in place of 512;
/// without the first term 3 more outputs are above 1, without the second 1, without the third 3.
/// A gradient is the sum of a one for each output, and these may cancel out: it is allowed a unit in the last
/// place of each of them, or all of them where the exact gradient jumps (at zeros) or, in low precision,
/// vanishes. What is above 1 in float32 counts only if small changes of the operands move the layer in
/// float32 less.
struct ValueFacts {
  int output = 0;         ///< -1: a gradient
  std::string leaf = {};  ///< whose gradient
  Dtype dtype = Dtype::Undefined;
  double worst = 0;
  double got = 0, want = 0;  ///< where it is worst
  bool rounded = false;      ///< whole, of whole operands, although the exact result is not
};

/// The facts of one run. No tensors.
struct Observation {
  Phase reached = Phase::construct;
  std::optional<ErrorFacts> error;  ///< the one that ended the run
  std::vector<CallFacts> calls;
  std::vector<LeafFacts> leaves;
  std::vector<LoadedFacts> loaded;
  std::vector<DtypeChange> dtype_changes;
  std::vector<StepFacts> steps;              ///< taken ones
  std::vector<ArithmeticFacts> arithmetic;   ///< where the run was asked to compare it
  std::vector<Trace> traces;                 ///< what the phase that threw had changed
  std::vector<Change> changes;               ///< what a call that succeeded had changed
  std::vector<ConversionFacts> conversions;  ///< numbers that are another after a conversion; the first one
  bool autocast_restored = true;
  std::string autocast_left;   ///< what was left changed, where it was
  std::string not_applicable;  ///< the run could not be set up, for this reason; nothing is judged
  int skipped_steps = 0;       ///< by the scaler, on infinite gradients
  double scale = 0;            ///< of the scaler at the end; 0: none
  bool backward_ran = false;
};

}  // namespace dtypefuzz
