#include "harness/run/scaler.h"

#include <torch/torch.h>

namespace dtypefuzz {

GradScaler::GradScaler(at::Device device, double scale, int64_t growth_interval)
    : scale_(at::full({}, scale, at::TensorOptions(device).dtype(at::kFloat))),
      growth_tracker_(at::zeros({}, at::TensorOptions(device).dtype(at::kInt))),
      found_inf_(at::zeros({}, at::TensorOptions(device).dtype(at::kFloat))),
      growth_interval_(growth_interval) {}

at::Tensor GradScaler::scaled(const at::Tensor& loss) const {
  return loss * scale_.to(loss.device());
}

void GradScaler::unscale(const std::vector<at::Tensor>& parameters) {
  const torch::NoGradGuard no_grad;
  found_inf_.zero_();
  const auto inverse = scale_.to(at::kDouble).reciprocal().to(at::kFloat);
  for (const at::Tensor& parameter : parameters) {
    at::Tensor gradient = parameter.grad();
    if (!gradient.defined()) continue;
    if (gradient.is_sparse()) {
      gradient = gradient.coalesce();
      parameter.mutable_grad() = gradient;
      gradient = gradient._values();
    }
    at::_amp_foreach_non_finite_check_and_unscale_(gradient, found_inf_, inverse);
  }
}

bool GradScaler::finite() const {
  return found_inf_.item<float>() == 0.0f;
}

void GradScaler::update() {
  at::_amp_update_scale_(scale_, growth_tracker_, found_inf_, /*scale_growth_factor=*/2.0,
                         /*scale_backoff_factor=*/0.5, growth_interval_);
}

double GradScaler::scale() const {
  return scale_.item<float>();
}

}  // namespace dtypefuzz
