#include "harness/run/training.h"

#include "harness/run/checkpoint.h"

namespace dtypefuzz {

Training::Training(const Plan& plan, const Model& model) : row_(plan.optimizer) {
  if (plan.steps > 0 && row_)
    if (Tensors parameters = model.parameters(); !parameters.empty())
      optimizer_ = row_->make(std::move(parameters));
  if (plan.scaler) scaler_.emplace(plan.device->type);
}

void Training::zero_grad() {
  if (optimizer_) optimizer_->zero_grad();
}

void Training::load_optimizer(const Training& saved) {
  through_an_archive(*saved.optimizer_, *optimizer_);
}

void Training::scale(Tensors& roots) const {
  if (!scaler_) return;
  for (at::Tensor& root : roots) root = scaler_->scaled(root);
}

double Training::clip(Clip how, const Tensors& parameters) {
  if (how == Clip::norm) return torch::nn::utils::clip_grad_norm_(parameters, kMostNorm);
  if (how == Clip::value) torch::nn::utils::clip_grad_value_(parameters, kMostValue);
  return 0;
}

bool Training::skips_step() {
  if (!scaler_ || scaler_->finite()) return false;
  scaler_->update();
  return true;
}

void Training::step(const std::function<at::Tensor()>& closure) {
  if (row_->needs_closure)
    optimizer_->step(closure);
  else
    optimizer_->step();
  if (scaler_) scaler_->update();
}

Tensors Training::state_of(const at::Tensor& parameter) const {
  if (!optimizer_) return {};
  const auto found = optimizer_->state().find(parameter.unsafeGetTensorImpl());
  return found == optimizer_->state().end() ? Tensors{} : row_->state_of(*found->second);
}

}  // namespace dtypefuzz
