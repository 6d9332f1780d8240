#include "harness/run/pass.h"

namespace dtypefuzz {

Tensors roots_of(const Tensors& outputs) {
  Tensors roots;
  for (const at::Tensor& output : outputs)
    if (can_have_gradient(output) && output.requires_grad()) roots.push_back(output);
  return roots;
}

at::Tensor sum_of(const Tensors& roots) {
  at::Tensor total;
  for (const at::Tensor& root : roots) {
    const auto sum = root.is_complex() ? at::real(root).sum() : root.sum();
    total = total.defined() ? total + sum : sum;
  }
  return total;
}

Tensors ones_beside(const Tensors& roots) {
  Tensors gradients;
  for (const at::Tensor& root : roots)
    gradients.push_back(at::ones(root.sizes(), root.options().dtype(at::kFloat)).to(root.scalar_type()));
  return gradients;
}

}  // namespace dtypefuzz
