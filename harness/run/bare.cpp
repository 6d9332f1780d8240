#include "harness/run/bare.h"

#include <torch/torch.h>

#include <algorithm>
#include <stdexcept>

#include "harness/run/autocast.h"
#include "harness/run/checkpoint.h"
#include "harness/run/pass.h"
#include "harness/run/slate.h"
#include "harness/run/training.h"

namespace dtypefuzz {
namespace {

/// A plan, done as a program would that nobody looks over the shoulder. What LibTorch throws ends it.
class Program {
 public:
  explicit Program(const Plan& plan) : plan_(plan) {}

  /// The dtype of the first output.
  Dtype run() {
    set_up();
    train();
    return outputs_.front().scalar_type();
  }

  /// Turns of a forward pass.
  void begins() {
    if (plan_.warmup != Warmup::none && iteration_ == 0) warm_up();
  }
  bool call(const Turn& turn, const Tensors& inputs, Tensors& outputs) {
    outputs = turn.layer.forward(turn.module, inputs);
    return true;
  }
  bool add(int, Tensors& outputs, const at::Tensor& residual) {
    outputs.front() = outputs.front() + residual;
    return true;
  }
  void ends(int, const Tensors&) {}

 private:
  void set_up() {
    model_ = ready_model(plan_);
    load();
    convert(Convert::before_forward);
    flatten();
  }

  void load() {
    if (plan_.load == Load::none) return;
    const Plan plan = saved_plan(plan_);
    at::manual_seed(plan.seed);
    Program saved(plan);
    saved.set_up();
    if (plan.steps > 0) saved.train();
    load_model(plan_.load, saved.model_, model_, [] {});
    saved_training_ = std::move(saved.training_);
  }

  void convert(Convert when) {
    if (plan_.convert == when) model_.to(plan_.convert_dtype, {});
  }

  void flatten() {
    const Tensors parameters = plan_.flat_vector ? model_.parameters() : Tensors{};
    if (parameters.empty()) return;
    const torch::NoGradGuard no_grad;
    torch::nn::utils::vector_to_parameters(torch::nn::utils::parameters_to_vector(parameters), parameters);
  }

  void train() {
    std::optional<c10::InferenceMode> inference;
    std::optional<torch::NoGradGuard> no_grad;
    inputs_ = make_inputs(plan_);
    if (plan_.mode == Mode::inference) inference.emplace();
    if (plan_.mode == Mode::no_grad) no_grad.emplace();
    training_ = Training(plan_, model_);
    if (plan_.load_optimizer && saved_training_.has_optimizer() && training_.has_optimizer())
      training_.load_optimizer(saved_training_);
    for (iteration_ = 0; iteration_ < std::max(plan_.steps, 1); ++iteration_) {
      if (iteration_ > 0) convert(Convert::between_steps);
      training_.zero_grad();
      pass();
      convert(Convert::after_forward);
      if (!plan_.has_backward()) continue;
      backward();
      convert(Convert::after_backward);
      step();
    }
  }

  void pass() { pass_forward(plan_, model_, inputs_, *this, chain_, outputs_); }

  void warm_up() {
    const auto through = [&] {
      at::Tensor value = inputs_.first;
      for (size_t i = 0; i < plan_.layers.size(); ++i)
        value = plan_.layers[i].forward(*model_.layers[i], inputs_.of_layer(i, value)).front();
    };
    try {
      if (plan_.warmup == Warmup::no_grad) {
        const torch::NoGradGuard no_grad;
        through();
      } else {
        const AutocastRegion nested(plan_.device, plan_.autocast);
        through();
        throw std::runtime_error("ends the nested region");
      }
    } catch (const std::exception&) {
    }
  }

  void backward() {
    Tensors roots = roots_of(outputs_);
    if (roots.empty()) return;
    training_.scale(roots);
    torch::autograd::backward(roots, ones_beside(roots), plan_.optimizer && plan_.optimizer->needs_closure);
  }

  void step() {
    const Tensors parameters = model_.parameters();
    if (training_.has_scaler() && training_.has_optimizer()) training_.unscale(parameters);
    if (plan_.clip != Clip::none) Training::clip(plan_.clip, parameters);
    if (training_.has_optimizer() && !training_.skips_step()) training_.step([&] { return closure(); });
  }

  at::Tensor closure() {
    training_.zero_grad();
    pass();
    const at::Tensor total = sum_of(roots_of(outputs_));
    if (!total.defined()) throw std::runtime_error("there is no loss to work with");
    total.backward();
    return total.detach();
  }

  const Plan& plan_;
  Model model_;
  Inputs inputs_;
  Tensors chain_, outputs_;
  Training training_, saved_training_;
  int iteration_ = 0;
};

}  // namespace

std::optional<Dtype> run_bare(const Plan& plan) {
  const CleanSlate slate(plan);
  try {
    return Program(plan).run();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace dtypefuzz
