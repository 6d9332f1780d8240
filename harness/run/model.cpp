#include "harness/run/model.h"

#include <torch/library.h>

#include "harness/run/fill.h"
#include "harness/run/intercept.h"
#include "harness/run/slate.h"

namespace dtypefuzz {
namespace {

torch::nn::AnyModule make_one(const LayerPlan& layer, Device device) {
  if (device->has_values) {
    auto any = layer.drawn.make();
    if (device != kCpu) any.ptr()->to(device->type);
    return any;
  }
  const MadeOnMeta on_meta;
  return layer.drawn.make();
}

std::shared_ptr<torch::nn::Module> empty_container(Container::Kind kind) {
  switch (kind) {
    case Container::Sequential:
      return torch::nn::Sequential().ptr();
    case Container::ModuleList:
      return torch::nn::ModuleList().ptr();
    case Container::ModuleDict:
      return torch::nn::ModuleDict().ptr();
  }
  return nullptr;
}

void put_into(torch::nn::Module& container, Container::Kind kind, const torch::nn::AnyModule& child) {
  switch (kind) {
    case Container::Sequential:
      return static_cast<torch::nn::SequentialImpl&>(container).push_back(child);
    case Container::ModuleList:
      return static_cast<torch::nn::ModuleListImpl&>(container).push_back(child.ptr());
    case Container::ModuleDict: {
      auto& dict = static_cast<torch::nn::ModuleDictImpl&>(container);
      using Items = std::vector<std::pair<std::string, std::shared_ptr<torch::nn::Module>>>;
      return dict.update(Items{{"layer" + std::to_string(dict.size()), child.ptr()}});
    }
  }
}

std::vector<Held> held_by(const torch::nn::Module& module) {
  std::vector<Held> held;
  for (auto& item : module.named_parameters(/*recurse=*/true))
    if (item.value().defined()) held.push_back({item.key(), item.value(), Role::parameter});
  for (auto& item : module.named_buffers(/*recurse=*/true))
    if (item.value().defined()) held.push_back({item.key(), item.value(), Role::buffer});
  return held;
}

}  // namespace

void Model::to(Dtype dtype, const std::function<void()>& begins) {
  const auto convert = [&](torch::nn::Module& module) {
    if (begins) begins();
    module.to(dtype);
  };
  for (const auto& unit : units) convert(*unit);
  if (loss) convert(*loss);
}

void Model::train(bool on) {
  for (const auto& unit : units) unit->train(on);
  if (loss) loss->train(on);
}

std::vector<at::Tensor> Model::parameters() const {
  std::vector<at::Tensor> all;
  for (const auto& unit : units)
    for (auto& parameter : unit->parameters()) all.push_back(parameter);
  return all;
}

Model make_model(const Plan& plan, int& at_layer) {
  Model model;
  std::vector<std::shared_ptr<torch::nn::Module>> containers(plan.containers.size());
  std::vector<torch::nn::AnyModule> modules;
  for (at_layer = 0; at_layer < static_cast<int>(plan.layers.size()); ++at_layer) {
    const auto i = static_cast<size_t>(at_layer);
    const LayerPlan& layer = plan.layers[i];
    modules.push_back(layer.reuse ? modules[i - static_cast<size_t>(layer.reuse)]
                                  : make_one(layer, plan.device));
    const auto module = modules.back().ptr();
    model.layers.push_back(module);
    model.held.push_back(layer.reuse ? model.held[i - static_cast<size_t>(layer.reuse)] : held_by(*module));
    if (layer.reuse) continue;
    if (layer.container < 0) {
      model.units.push_back(module);
    } else {
      auto& container = containers[static_cast<size_t>(layer.container)];
      const auto kind = plan.containers[static_cast<size_t>(layer.container)].kind;
      if (!container) {
        container = empty_container(kind);
        model.units.push_back(container);
      }
      put_into(*container, kind, modules.back());
    }
  }
  at_layer = -1;
  if (plan.loss) {
    model.loss = make_one(*plan.loss, plan.device).ptr();
    model.loss_held = held_by(*model.loss);
  }
  return model;
}

Model Stock::fresh(const Plan& plan, int& at_layer) {
  if (model_ && restore()) return *model_;
  originals_.clear();
  model_.reset();
  Model made = make_model(plan, at_layer);
  seed_random_numbers(plan.seed);
  const torch::NoGradGuard no_grad;
  const auto keep = [&](const std::vector<Held>& held) {
    auto& originals = originals_.emplace_back();
    for (const Held& h : held) originals.push_back(h.tensor.detach().clone());
  };
  for (const auto& held : made.held) keep(held);
  keep(made.loss_held);
  model_ = std::move(made);
  return *model_;
}

/// False where a tensor cannot be what it was (it is of another implementation now, quantized say).
bool Stock::restore() {
  const torch::NoGradGuard no_grad;
  const auto put_back = [](std::vector<Held>& held, const std::vector<at::Tensor>& originals) {
    for (size_t i = 0; i < held.size(); ++i) {
      at::Tensor& tensor = held[i].tensor;
      if (tensor.grad().defined()) tensor.mutable_grad().reset();
      tensor.set_data(originals[i].clone());
      if (held[i].role == Role::parameter && !tensor.requires_grad()) tensor.requires_grad_(true);
    }
  };
  try {
    for (size_t i = 0; i < model_->held.size(); ++i) put_back(model_->held[i], originals_[i]);
    put_back(model_->loss_held, originals_.back());
  } catch (const std::exception&) {
    return false;
  }
  return true;
}

void apply_operand_dtypes(const Plan& plan, Model& model) {
  const auto apply = [](const LayerPlan& layer, std::vector<Held>& held) {
    for (const auto& [name, dtype] : layer.operand_dtypes)
      for (Held& operand : held) {
        if (operand.name != name) continue;
        const torch::NoGradGuard no_grad;
        // Only floating and complex tensors may require gradients; a person gets an integral one without
        // them.
        if (!c10::isFloatingType(dtype) && !c10::isComplexType(dtype)) operand.tensor.requires_grad_(false);
        operand.tensor.set_data(in_dtype(operand.tensor.detach(), dtype));
      }
  };
  for (size_t i = 0; i < plan.layers.size(); ++i)
    if (plan.layers[i].reuse == 0) apply(plan.layers[i], model.held[i]);
  if (plan.loss) apply(*plan.loss, model.loss_held);
}

Model ready_model(const Plan& plan) {
  int unused = -1;
  Model model = make_model(plan, unused);
  if (plan.params_dtype != plan.default_dtype) model.to(plan.params_dtype);
  apply_operand_dtypes(plan, model);
  model.train(plan.mode == Mode::train);
  return model;
}

}  // namespace dtypefuzz
