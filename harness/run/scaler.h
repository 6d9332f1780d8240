#pragma once
#include <ATen/core/Tensor.h>

#include <vector>

namespace dtypefuzz {

/// Gradient scaling for mixed precision on LibTorch's own `_amp_*` operators; C++ has no GradScaler of its
/// own. Behaves as torch.amp.GradScaler: the loss is multiplied by `scale`, gradients are divided by it
/// before the step, a step with an infinite or NaN gradient is skipped and halves the scale,
/// `growth_interval` good steps double it. Unlike Python's, float16 gradients are accepted: what the operator
/// says of them is the harness's business.
class GradScaler {
 public:
  explicit GradScaler(at::Device device, double scale = 65536.0, int64_t growth_interval = 2000);
  at::Tensor scaled(const at::Tensor& loss) const;
  /// Divides the gradients in place; sparse ones are coalesced first. Throws what the operator throws.
  void unscale(const std::vector<at::Tensor>& parameters);
  /// Whether the gradients of the last `unscale` were all finite.
  bool finite() const;
  /// After each step, taken or skipped: grows or backs off.
  void update();
  double scale() const;

 private:
  at::Tensor scale_, growth_tracker_, found_inf_;
  int64_t growth_interval_;
};

}  // namespace dtypefuzz
