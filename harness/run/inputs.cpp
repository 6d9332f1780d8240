#include "harness/run/inputs.h"

#include <torch/torch.h>

#include "harness/run/fill.h"

namespace dtypefuzz {
namespace {

Tensors before_all(const at::Tensor& chained, const Tensors& others) {
  Tensors all;
  all.reserve(1 + others.size());
  all.push_back(chained);
  all.insert(all.end(), others.begin(), others.end());
  return all;
}

/// The same numbers in every second place of a last dimension.
at::Tensor with_gaps(const at::Tensor& tensor) {
  auto sizes = tensor.sizes().vec();
  sizes.push_back(2);
  return tensor.unsqueeze(-1).expand(sizes).contiguous().select(-1, 0);
}

at::Tensor first_input(const Plan& plan) {
  const LayerPlan& layer = plan.layers.front();
  const Dtype dtype = plan.input_dtype.value_or(layer.input_natural.value_or(plan.params_dtype));
  at::Tensor made = filled(plan.input_shape, layer.input_content, layer.drawn.input_limit, dtype,
                           plan.input_device.value_or(plan.device), plan.fill, plan.seed);
  if (!plan.input_contiguous && made.dim() > 0) made = with_gaps(made);
  if (plan.input_requires_grad && can_have_gradient(made)) made.requires_grad_(true);
  return made;
}

Tensors further_inputs(const Plan& plan, const LayerPlan& layer) {
  Tensors made;
  for (const InputSpec& input : layer.drawn.inputs) {
    const Dtype dtype = input.dtype.value_or(input.natural.value_or(plan.params_dtype));
    const uint64_t seed = plan.seed + made.size() + 1;
    made.push_back(input.present
                       ? filled(input.shape, input.content, input.limit, dtype, plan.device, plan.fill, seed)
                       : at::Tensor());
  }
  return made;
}

}  // namespace

Tensors Inputs::of_layer(size_t i, const at::Tensor& chained) const {
  return before_all(chained, others[i]);
}

Tensors Inputs::of_loss(const at::Tensor& chained) const {
  return before_all(chained, loss);
}

Inputs make_inputs(const Plan& plan) {
  Inputs inputs{.first = first_input(plan), .others = {}, .loss = {}};
  for (const LayerPlan& layer : plan.layers) inputs.others.push_back(further_inputs(plan, layer));
  if (plan.loss) inputs.loss = further_inputs(plan, *plan.loss);
  return inputs;
}

bool can_have_gradient(const at::Tensor& tensor) {
  return tensor.defined() && (tensor.is_floating_point() || tensor.is_complex());
}

}  // namespace dtypefuzz
