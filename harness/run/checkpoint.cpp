#include "harness/run/checkpoint.h"

#include <torch/torch.h>

#include <cstring>

namespace dtypefuzz {
namespace {

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.nbytes() == y.nbytes() && std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

/// Whether `now` is `was` cast to its dtype; where no such cast exists nothing could have kept the values.
bool holds_values_of(const at::Tensor& now, const at::Tensor& was) {
  try {
    return same_bytes(now.scalar_type() == was.scalar_type() ? was : was.to(now.scalar_type()), now);
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace

Plan saved_plan(const Plan& plan) {
  // Whatever is not named here is as a plan has it by default: in train, in one dtype, nothing scaled or
  // clipped.
  Plan saved;
  saved.device = plan.device;
  saved.default_dtype = plan.default_dtype;
  saved.params_dtype = plan.load_dtype;
  saved.input_requires_grad = plan.input_requires_grad;
  saved.input_contiguous = plan.input_contiguous;
  saved.fill = plan.fill;
  saved.seed = plan.seed + 17;  // other numbers than any plan's own, whose seed is at most 3
  saved.steps = plan.load_steps;
  saved.optimizer = plan.load_trainer;
  saved.input_shape = plan.input_shape;
  saved.layers = plan.layers;
  saved.containers = plan.containers;
  saved.loss = plan.loss;
  saved.loss_autocast = plan.loss_autocast;
  for (Container& container : saved.containers) container.autocast = {};
  for (LayerPlan& layer : saved.layers) {
    layer.operand_dtypes.clear();
    layer.autocast = {};
    for (InputSpec& input : layer.drawn.inputs) input.dtype.reset();
  }
  if (saved.loss)
    for (InputSpec& input : saved.loss->drawn.inputs) input.dtype.reset();
  return saved;
}

void load_model(Load how, const Model& saved, const Model& model, const std::function<void()>& begins) {
  if (how == Load::archive) {
    for (size_t unit = 0; unit < model.units.size(); ++unit) {
      begins();
      const torch::NoGradGuard no_grad;
      through_an_archive(*saved.units[unit], *model.units[unit]);
    }
  } else {
    for (size_t i = 0; i < model.held.size(); ++i)
      for (size_t k = 0; k < model.held[i].size(); ++k) {
        begins();
        const torch::NoGradGuard no_grad;
        model.held[i][k].tensor.copy_(saved.held[i][k].tensor);
      }
  }
}

std::vector<std::vector<Dtype>> held_dtypes(const Model& model) {
  std::vector<std::vector<Dtype>> dtypes(model.held.size());
  for (size_t i = 0; i < model.held.size(); ++i)
    for (const Held& held : model.held[i]) dtypes[i].push_back(held.tensor.scalar_type());
  return dtypes;
}

std::vector<LoadedFacts> loaded_facts(const Plan& plan, const Model& saved, const Model& model,
                                      const std::vector<std::vector<Dtype>>& before) {
  std::vector<LoadedFacts> facts;
  for (size_t i = 0; i < model.held.size(); ++i) {
    if (plan.layers[i].reuse) continue;
    for (size_t k = 0; k < model.held[i].size(); ++k) {
      const at::Tensor& now = model.held[i][k].tensor;
      const at::Tensor& was = saved.held[i][k].tensor;
      facts.push_back({static_cast<int>(i), model.held[i][k].name, was.scalar_type(), before[i][k],
                       now.scalar_type(), holds_values_of(now.detach(), was.detach())});
    }
  }
  return facts;
}

}  // namespace dtypefuzz
