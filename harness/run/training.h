#pragma once
#include <torch/torch.h>

#include <functional>
#include <memory>
#include <optional>

#include "dtypefuzz/plan.h"
#include "harness/run/model.h"
#include "harness/run/scaler.h"

namespace dtypefuzz {

/// To what gradients are clipped.
constexpr double kMostNorm = 1, kMostValue = 0.5;

/// What a step of training does beside forward and backward: the optimizer, the scaler of gradients,
/// clipping. Each call throws what LibTorch throws.
class Training {
 public:
  Training() = default;  ///< nothing is trained
  /// No optimizer where the plan takes no steps or the model has no parameters.
  Training(const Plan&, const Model&);

  bool has_optimizer() const { return optimizer_ != nullptr; }
  bool has_scaler() const { return scaler_.has_value(); }

  void zero_grad();
  /// Through an archive in memory.
  void load_optimizer(const Training& saved);
  /// The loss times the scale.
  void scale(Tensors& roots) const;
  void unscale(const Tensors& parameters) { scaler_->unscale(parameters); }
  /// What torch::nn::utils does to gradients; for a norm, what it gives back: the norm before.
  static double clip(Clip, const Tensors& parameters);
  /// Whether the scaler skips this step: a gradient is not finite. It backs off.
  bool skips_step();
  /// `closure`: forward and backward again, for an optimizer that needs it.
  void step(const std::function<at::Tensor()>& closure);
  /// The scaler's.
  double scale() const { return scaler_->scale(); }

  /// The tensors that the optimizer keeps for this parameter.
  Tensors state_of(const at::Tensor& parameter) const;

 private:
  const OptimizerRow* row_ = nullptr;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::optional<GradScaler> scaler_;
};

}  // namespace dtypefuzz
