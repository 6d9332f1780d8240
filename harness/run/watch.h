#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/inputs.h"
#include "harness/run/model.h"
#include "harness/run/stamps.h"
#include "harness/run/training.h"

namespace dtypefuzz {

/// What a run must leave alone, and how it was: the stamps of the input and of what layers hold, the modes of
/// the thread, and the dtypes that nothing but a conversion changes.
class Watch {
 public:
  explicit Watch(const Plan& plan) : plan_(plan) {}
  Watch(const Watch&) = delete;  // hooks hold its address
  Watch& operator=(const Watch&) = delete;

  // Stamps and traces
  /// From now on traces and changes are differences to how things are now.
  void take_stamps(const Model&, const Inputs&);
  /// A layer in place has changed the input, as it should.
  void stamp_input_anew();
  /// What the phase that threw has changed. Layers that completed may have changed what they hold.
  std::vector<Trace> traces(Phase threw, Culprit) const;
  /// What a phase that succeeded has changed and is not documented to; the next ones are told apart from it.
  std::vector<Change> changes(Phase, Culprit);

  // Dtypes
  /// From now on parameters and buffers should keep the dtypes that they have now.
  void expect_dtypes(const Model&);
  bool expects_dtypes() const { return !expected_.empty(); }
  /// The first tensor that has another dtype than it should after `phase`, if any. `belongings`: gradients
  /// and what the optimizer keeps count too.
  std::optional<DtypeChange> changed_dtype(Phase, const Model&, const Training&, bool belongings) const;

  // Backward
  /// Notes, with hooks on `outputs`, when backward comes to `layer`. `chained`: the layer's input, which may
  /// be its output as well.
  void follow_gradient(int layer, const Tensors& outputs, const at::Tensor& chained);
  /// The layer that backward came to last; -1: none.
  int reached_backward() const { return backward_at_; }

 private:
  struct Stamped {
    std::string name;
    at::Tensor tensor;
    int layer;
    Role role;
    Stamp stamp;
    std::optional<Stamp> gradient;  ///< where there is a dense one
    bool renewed;                   ///< forward is documented to write to it

    std::string kind() const;
  };
  bool reused(int layer) const;

  const Plan& plan_;
  std::vector<Stamped> stamped_;
  bool grad_mode_ = true;
  std::vector<std::vector<Dtype>> expected_;  ///< beside what each layer holds
  int backward_at_ = -1;
};

}  // namespace dtypefuzz
