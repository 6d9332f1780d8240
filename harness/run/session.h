#pragma once
#include <torch/torch.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/observation.h"
#include "harness/core/plan.h"
#include "harness/run/autocast.h"
#include "harness/run/model.h"
#include "harness/run/run.h"
#include "harness/run/scaler.h"
#include "harness/run/stamps.h"

namespace dtypefuzz {

/// The run cannot be set up as the plan says: not LibTorch's refusal of the plan, so nothing is judged.
struct NotApplicable {
  std::string reason;
};

/// The closure of an optimizer was refused in forward: a call of the run like any other, not the optimizer's
/// doing.
struct RefusedInClosure {
  CallFacts call;
  ErrorFacts error;
};

std::string type_name(const std::exception&);
/// Without LibTorch's backtrace, which takes 400 times as long.
std::string message_of(const std::exception&);
torch::Device torch_device(Device);
bool can_have_gradient(const at::Tensor&);

/// How far this process is, for whoever looks in from outside; see run.h.
void write_position(const Position&);
bool traces_positions_within_backward();

/// While it lives the time is LibTorch's, for a benchmark that asks.
class InsideLibTorch {
 public:
  InsideLibTorch();
  ~InsideLibTorch();
  InsideLibTorch(const InsideLibTorch&) = delete;
  InsideLibTorch& operator=(const InsideLibTorch&) = delete;

 private:
  uint64_t begin_;
};

/// One run of a plan, phase after phase (session.cpp), with its checkpoints (checkpoint.cpp) and what is
/// watched (watch.cpp). Every call into LibTorch that a phase makes goes through `attempt`.
class Session {
 public:
  /// `trace_late`: hooks and snapshots that backward and later phases are traced with.
  explicit Session(const Plan& plan, bool trace_late = false, Stock* stock = nullptr)
      : plan_(plan), trace_late_(trace_late), stock_(stock) {}

  Observation go();
  /// The first layer's forward, held against the same in float64. Nothing where it is refused.
  std::vector<ValueFacts> values();
  /// The layer whose gradient came last in backward; -1: none.
  int reached_backward() const { return backward_at_; }

 private:
  template <class Work>
  bool attempt(Phase phase, Culprit culprit, Work&& work, Dtype input = Dtype::Undefined) {
    seen_.reached = phase;
    write_position({phase, culprit, input});
    const InsideLibTorch inside;
    try {
      work();
      return true;
    } catch (const NotApplicable&) {
      throw;
    } catch (const RefusedInClosure& e) {
      seen_.reached = e.error.phase;
      seen_.calls.push_back(e.call);
      seen_.error = e.error;
      return false;
    } catch (const std::exception& e) {
      if (culprit.kind == Culprit::kLayer && culprit.layer < 0) {
        culprit.layer = at_layer_;
        if (at_layer_ < 0) culprit.kind = plan_.loss ? Culprit::kLoss : Culprit::kStage;
      }
      seen_.error = ErrorFacts{phase, culprit, iteration_, type_name(e), message_of(e)};
      return false;
    }
  }

  // Before the first step
  bool convert_to(Dtype, bool always);
  bool convert(Convert when);
  bool set_operands();
  bool flatten();

  // Checkpoints
  /// What was trained and saved: the plan's own stack in `load.dtype`.
  struct Saved {
    Model model;
    std::unique_ptr<torch::optim::Optimizer> optimizer;
  };
  Saved saved_model();
  bool load();
  bool load_optimizer();

  // Steps
  void iterate();
  void make_inputs();
  void make_optimizer();
  Dtype dtype_of(const InputSpec& input) const {
    return input.dtype.value_or(input.natural.value_or(plan_.params_dtype));
  }
  void warm_up();
  bool forward(Tensors& outputs);
  bool call(Culprit, Phase, const LayerPlan&, torch::nn::Module&, const std::vector<Held>&,
            const Tensors& inputs, const Region& wanted, Tensors& outputs);
  bool add_residual(int i, Tensors& outputs, const at::Tensor& other);
  bool backward(Tensors& outputs);
  bool unscale();
  bool clip();
  bool step();
  at::Tensor again();

  // What is watched
  struct Watched {
    std::string name;
    at::Tensor tensor;
    int layer;
    Role role;
    Stamp stamp, gradient;
    bool has_gradient = false;
  };
  void trace(int layer, const Tensors& outputs);
  void take_stamps();
  void stamp_input_anew();
  /// What the phase that threw had changed. Layers that had completed may have changed their statistics.
  void find_traces(Culprit);
  bool reused(int layer) const;
  /// Whether the graph from the roots reaches what layer `i` holds: no later layer cuts it.
  std::vector<bool> reached_layers() const;
  void find_leaves();
  /// The dtypes that parameters and buffers have now are the ones that they should have from here on.
  void expect_dtypes();
  /// Notes what has another dtype than it should, after this phase; what belongs to a parameter (its
  /// gradient, the optimizer's state) where `belongings`.
  void note_dtypes(Phase, bool belongings = false);
  void finish();

  const Plan& plan_;
  const bool trace_late_;
  Stock* const stock_;
  bool keep_model_ = false;
  Observation seen_;
  AutocastFacts before_;
  Model model_;
  int at_layer_ = -1;
  int iteration_ = 0;
  int backward_at_ = -1;
  bool grad_mode_ = true;
  at::Tensor input_;
  std::vector<Tensors> extras_;
  Tensors loss_extras_;
  Tensors chain_;  // chain_[i] is what layer i gets
  std::unique_ptr<torch::optim::Optimizer> optimizer_, saved_optimizer_;
  std::optional<GradScaler> scaler_;
  std::vector<Watched> watched_;
  std::vector<std::vector<Dtype>> expected_dtypes_;  // beside model_.held
};

}  // namespace dtypefuzz
