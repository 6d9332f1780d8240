#include "harness/run/pass.h"

namespace dtypefuzz {

Tensors roots_of(const Tensors& outputs) {
  Tensors roots;
  for (const at::Tensor& output : outputs)
    if (can_have_gradient(output) && output.requires_grad()) roots.push_back(output);
  return roots;
}

Tensors ones_beside(const Tensors& roots) {
  Tensors gradients;
  for (const at::Tensor& root : roots)
    gradients.push_back(at::ones(root.sizes(), root.options().dtype(at::kFloat)).to(root.scalar_type()));
  return gradients;
}

}  // namespace dtypefuzz
