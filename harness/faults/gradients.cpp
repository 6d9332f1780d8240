// Gradients of the wrong dtype, which a hook has to plant: autograd casts what kernels give to the leaf's
// dtype. And gradients that do not come.
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <algorithm>

#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

constexpr std::string_view kOfGradients = "gradients_match_their_leaves";

/// Where a gradient is in its leaf, another one takes its place.
struct CastsGradient : torch::autograd::PostAccumulateGradHook {
  void operator()(const at::Tensor& leaf) override {
    const at::Tensor gradient = leaf.grad();
    if (gradient.defined())
      leaf.mutable_grad() = gradient.to(gradient.scalar_type() == at::kDouble ? at::kFloat : at::kDouble);
  }
};

bool is_leaf(const at::Tensor& tensor) {
  return tensor.defined() && tensor.requires_grad() && tensor.is_leaf();
}

Does gives_gradients_another_dtype() {
  return first([](Call& call) {
    for (const at::Tensor& tensor : call.tensors())
      if (is_leaf(tensor))
        torch::autograd::impl::set_post_acc_grad_hooks(tensor, std::make_unique<CastsGradient>());
  });
}

/// The real kernel does not see that this argument wants a gradient.
Does drops_gradient_of(size_t argument) {
  return first([=](Call& call) {
    if (is_leaf(call.tensor(argument))) call.change_tensor(argument, call.tensor(argument).detach());
  });
}

/// The same for one tensor of a list of them.
Does drops_gradient_of_the_last() {
  return first([](Call& call) {
    const auto tensors = call.tensors();
    const auto last = std::find_if(tensors.rbegin(), tensors.rend(), is_leaf);
    if (last == tensors.rend()) return;
    call.change_tensors(
        [&](const at::Tensor& tensor) { return tensor.is_same(*last) ? tensor.detach() : tensor; });
  });
}

}  // namespace

std::vector<Fault> faults_of_gradients() {
  const Does casts = gives_gradients_another_dtype();
  constexpr auto kCast = Wrong::gradient_dtype;
  constexpr auto kDrop = Wrong::drops_gradient;
  return {
      {"addmm's bias gets a gradient of another dtype",
       kCast,
       kOfGradients,
       {at_autograd("addmm", casts)},
       "Linear"},
      {"layer_norm's parameters get gradients of another dtype",
       kCast,
       kOfGradients,
       {at_autograd("layer_norm", casts)},
       "LayerNorm"},
      {"prelu's weight gets a gradient of another dtype",
       kCast,
       kOfGradients,
       {at_autograd("prelu", casts)},
       "PReLU"},
      {"embedding's weight gets a gradient of another dtype",
       kCast,
       kOfGradients,
       {at_autograd("embedding", casts)},
       "Embedding"},
      {"conv2d's parameters get gradients of another dtype",
       kCast,
       kOfGradients,
       {at_autograd("conv2d", casts)},
       "Conv2d"},
      {"addmm drops its bias's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("addmm", drops_gradient_of(0))},
       "Linear"},
      {"addmm drops its input's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("addmm", drops_gradient_of(1))},
       "Linear"},
      {"layer_norm drops its weight's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("layer_norm", drops_gradient_of(2))},
       "LayerNorm"},
      {"group_norm drops its bias's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("group_norm", drops_gradient_of(3))},
       "GroupNorm"},
      {"bilinear drops its bias's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("bilinear", drops_gradient_of(3))},
       "Bilinear"},
      {"gru drops its last parameter's gradient",
       kDrop,
       kOfGradients,
       {at_autograd("gru.input", drops_gradient_of_the_last())},
       "GRU"},
  };
}

}  // namespace dtypefuzz
