#pragma once
#include <optional>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/inputs.h"
#include "harness/run/model.h"
#include "harness/run/pass.h"
#include "harness/run/thrown.h"
#include "harness/run/training.h"
#include "harness/run/watch.h"

namespace dtypefuzz {

/// One observed run of a plan, phase after phase. Every call into LibTorch that a phase makes goes through
/// `attempt`, which is where LibTorch's exceptions end. A phase that returns false ends the run.
class Session {
 public:
  /// What a session looks at beside what it always does. `traces`: stamps are compared after each call and
  /// taken again before each phase that may throw, and hooks tell how far backward came. `compares`: the
  /// numbers before and after conversions, clipping and steps. `forward_alone`: it ends after the first
  /// forward.
  struct Looks {
    bool traces = false, compares = false, forward_alone = false;
  };
  /// `stock`: where the model comes from; null: it is made.
  explicit Session(const Plan& plan) : Session(plan, Looks{}, nullptr) {}
  Session(const Plan& plan, Looks looks, Stock* stock)
      : plan_(plan), looks_(looks), stock_(stock), watch_(plan) {}

  /// `set_up_only`: up to the first forward.
  Observation go(bool set_up_only = false);
  /// The layer whose gradient came last in backward; -1: none.
  int reached_backward() const { return watch_.reached_backward(); }

 private:
  template <class Work>
  bool attempt(Phase, Culprit, Work&&, Dtype input = Dtype::Undefined);
  /// A phase of the run, no layer's: `attempt` with its traces.
  template <class Work>
  bool attempt_stage(Phase, Work&&);

  // Before the first step
  bool construct();
  bool convert_to(Dtype, bool always);
  bool convert(Convert when);
  void set_operands();
  bool load();
  bool flatten();

  // Steps
  void iterate();
  void prepare_inputs();
  bool prepare_training();
  bool forward(Tensors& outputs);
  bool backward(const Tensors& outputs);
  bool unscale();
  bool clip();
  bool step();
  /// Forward and backward again, for an optimizer that asks for it within a step.
  at::Tensor closure();

  // Within a forward pass
  struct Turns;
  void warm_up();
  bool call(const Turn&, const Tensors& inputs, Tensors& outputs);
  bool add_residual(int layer, Tensors& outputs, const at::Tensor& other);

  // What is noted
  void take_stamps() { watch_.take_stamps(model_, inputs_); }
  /// Where traces are looked for: before a stage that may throw.
  void stamps_of_stage() {
    if (looks_.traces) take_stamps();
  }
  bool compares_numbers() const { return looks_.compares && plan_.device->has_values; }
  void note_traces(Culprit);
  void note_changes(Phase, Culprit);
  void note_dtypes(Phase, bool belongings = false);
  void note_autocast(const AutocastFacts& before);

  const Plan& plan_;
  const Looks looks_;
  Stock* const stock_;
  Observation seen_;
  Model model_;
  int at_layer_ = -1;  ///< that is being made
  int iteration_ = 0;
  bool closure_is_finite_ = true;  ///< whether gradients are, wherever the step tries finite parameters
  Inputs inputs_;
  Tensors chain_;  ///< chain_[i] is what layer i gets
  Training training_;
  Training saved_training_;  ///< of the model that is loaded
  Watch watch_;
};

}  // namespace dtypefuzz
