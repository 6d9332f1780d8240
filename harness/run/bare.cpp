#include "harness/run/bare.h"

#include <torch/torch.h>

#include "harness/run/pass.h"
#include "harness/run/slate.h"

namespace dtypefuzz {
namespace {

struct Unobserved {
  void begins() {}
  bool call(const Turn& turn, const Tensors& inputs, Tensors& outputs) {
    outputs = turn.layer.forward(turn.module, inputs);
    return true;
  }
  bool add(int, Tensors& outputs, const at::Tensor& residual) {
    outputs.front() = outputs.front() + residual;
    return true;
  }
  void ends(int, const Tensors&) {}
};

}  // namespace

std::optional<Dtype> run_bare(const Plan& plan) {
  const CleanSlate slate(plan);
  try {
    const Model model = ready_model(plan);
    const Inputs inputs = make_inputs(plan);
    std::optional<c10::InferenceMode> inference;
    std::optional<torch::NoGradGuard> no_grad;
    if (plan.mode == Mode::inference) inference.emplace();
    if (plan.mode == Mode::no_grad) no_grad.emplace();
    Tensors chain, outputs;
    pass_forward(plan, model, inputs, Unobserved{}, chain, outputs);
    if (plan.has_backward())
      if (const Tensors roots = roots_of(outputs); !roots.empty())
        torch::autograd::backward(roots, ones_beside(roots));
    return outputs.front().scalar_type();
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace dtypefuzz
