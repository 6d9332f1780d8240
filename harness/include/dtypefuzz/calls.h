#pragma once
#include <torch/torch.h>

#include <span>
#include <vector>

namespace dtypefuzz {

/// The common way to call a module: one tensor in, one tensor out.
template <class Impl>
std::vector<at::Tensor> one_tensor_in_one_out(torch::nn::Module& module, std::span<const at::Tensor> inputs) {
  return {static_cast<Impl&>(module).forward(inputs[0])};
}

/// Two tensors in, one out: losses, Bilinear.
template <class Impl>
std::vector<at::Tensor> two_tensors_in_one_out(torch::nn::Module& module,
                                               std::span<const at::Tensor> inputs) {
  return {static_cast<Impl&>(module).forward(inputs[0], inputs[1])};
}

/// One tensor in; out come the values and where each of them was.
template <class Impl>
std::vector<at::Tensor> with_indices_out(torch::nn::Module& module, std::span<const at::Tensor> inputs) {
  auto [output, indices] = static_cast<Impl&>(module).forward_with_indices(inputs[0]);
  return {output, indices};
}

/// Makes the module with these options: `make<nn::Conv2d>(options)`.
template <class Module, class... Options>
std::function<torch::nn::AnyModule()> make(Options... options) {
  return [=] { return torch::nn::AnyModule(Module(options...)); };
}

}  // namespace dtypefuzz
