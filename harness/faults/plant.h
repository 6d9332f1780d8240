#pragma once
#include <ATen/core/stack.h>
#include <torch/library.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace dtypefuzz {

/// One call of an operator whose kernel is replaced: what it was given, and the real kernel to go on with.
class Call {
 public:
  using Real = std::function<void(torch::jit::Stack*)>;
  /// `stack` ends in `arguments` values, as boxed kernels get them.
  Call(torch::jit::Stack& stack, size_t arguments, Real real);

  size_t arguments() const { return given_.size(); }
  /// Undefined where the argument is left out or is no tensor.
  at::Tensor tensor(size_t argument) const;
  double number(size_t argument) const { return given_[argument].toScalar().toDouble(); }
  /// All tensors among the arguments, those in lists included.
  std::vector<at::Tensor> tensors() const;
  /// Every tensor among the arguments as `change` has it, lists included.
  void change_tensors(const std::function<at::Tensor(const at::Tensor&)>& change);
  void change_tensor(size_t argument, const at::Tensor& to);
  /// The real kernel, with the arguments as they are now. What it throws passes through.
  void proceed();
  /// After `proceed`: every tensor among the results as `change` has it.
  void change_results(const std::function<at::Tensor(const at::Tensor&)>& change);

 private:
  torch::jit::Stack& stack_;
  std::vector<c10::IValue> given_;
  Real real_;
  size_t results_from_;
};

/// What takes the place of one operator's kernel for one dispatch key of LibTorch's.
struct Kernel {
  std::string op;  ///< `addmm`, `add_.Tensor`
  c10::DispatchKey key;
  std::function<void(Call&)> does;
};

/// These kernels replaced while this lives, here and in the processes that are forked meanwhile.
class Planted {
 public:
  explicit Planted(const std::vector<Kernel>&);

 private:
  std::vector<std::unique_ptr<torch::Library>> libraries_;
};

/// Which kernel an operator has for each dispatch key, as LibTorch prints it: equal before and after a scope.
std::string kernels_of(const std::string& op);

}  // namespace dtypefuzz
