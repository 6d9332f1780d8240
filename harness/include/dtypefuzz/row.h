#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "dtypefuzz/draw.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// Where a layer stands.
struct Site {
  int64_t batch = 1;  ///< of the whole case; may be 0
  bool train = true;  ///< the module is in training mode
  Device device = kCpu;
  bool first = false;  ///< the input is the caller's own: nothing may be written to it
};

/// An option with which the module calls another operator, whose dtypes are its own: what the simplest
/// variant takes, this one need not.
struct OtherOperator {
  std::string_view option;  ///< as `draw` asks for it
  std::string_view reason;
};

/// One nn module. `input` and `draw` run in the layer's scope, so `draw.size("kernel", ...)` becomes
/// `layers[1].kernel`; what belongs to the input as a whole is asked at the root (`input.rank`).
/// The simplest answers must give a legal module that runs in train on every device with float32.
/// Its functions may close over state; the texts that it and its contract view must outlive it.
struct Row {
  std::string_view name;
  std::string_view source;  ///< header below torch/csrc/api/include/torch/
  Contract contract;
  Forward forward;
  /// A legal input shape when this is the first layer.
  std::function<Shape(Draw&, const Site&)> input;
  /// Whether this shape is legal when it comes from a layer before (or, for a loss, from the stack).
  std::function<bool(const Shape&, const Site&)> accepts;
  /// The module's options and further inputs for an input of this shape.
  std::function<Drawn(Draw&, const Shape& in, const Site&)> draw;
  std::string_view input_name = "input";        ///< the chained operand, as forward and the contract call it
  Content content = Content::values;            ///< its values, when this is the first layer
  std::optional<Dtype> natural = std::nullopt;  ///< its dtype for `same`; nothing: the parameters' dtype
  bool reusable = true;                         ///< may run twice in one stack
  // Marks: what others must know of a row without knowing its name.
  Content gives = Content::values;  ///< what its output holds, whatever it was given
  bool passes_on = false;  ///< its output is its input: stands where a layer must be and none is meant
  bool keeps_input =
      false;  ///< keeps its input, not its output, for backward: its output may be written over
  bool before_losses = false;  ///< one of the few that every loss is swept behind
  std::vector<OtherOperator> other_operators = {};
};

/// All rows that can be layers, simplest first.
std::span<const Row* const> module_rows();
/// All rows that can be a loss.
std::span<const Row* const> losses();
/// Takes any tensor and gives it on: what stands where nothing else fits.
const Row& identity_row();

}  // namespace dtypefuzz
