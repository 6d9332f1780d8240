#include "harness/faults/plant.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "dtypefuzz/error.h"

namespace dtypefuzz {
namespace {

c10::OperatorHandle handle_of(const std::string& op) {
  const size_t dot = op.find('.');
  const std::string name = "aten::" + op.substr(0, dot),
                    overload = dot == std::string::npos ? "" : op.substr(dot + 1);
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found) fail("planted fault: this LibTorch has no operator '{}'", op);
  return *found;
}

void change_value(c10::IValue& value, const std::function<at::Tensor(const at::Tensor&)>& change) {
  if (value.isTensor()) {
    if (value.toTensor().defined()) value = change(value.toTensor());
  } else if (value.isTensorList()) {
    c10::List<at::Tensor> changed;
    for (const at::Tensor& tensor : value.toTensorVector())
      changed.push_back(tensor.defined() ? change(tensor) : tensor);
    value = changed;
  }
}

/// The kernel that LibTorch calls: remembers the real one, which stays registered underneath.
class Replacement : public c10::OperatorKernel {
 public:
  Replacement(const Kernel& kernel, const c10::OperatorHandle& op)
      : does_(kernel.does), real_(op.getComputedKernelForDispatchKey(kernel.key)) {}
  void operator()(const c10::OperatorHandle& op, c10::DispatchKeySet keys, torch::jit::Stack* stack) const {
    Call call(*stack, op.schema().arguments().size(),
              [&](torch::jit::Stack* arguments) { real_.callBoxed(op, keys, arguments); });
    does_(call);
  }

 private:
  std::function<void(Call&)> does_;
  c10::SafeKernelFunction real_;
};

}  // namespace

Call::Call(torch::jit::Stack& stack, size_t arguments, Real real)
    : stack_(stack),
      given_(stack.end() - static_cast<std::ptrdiff_t>(arguments), stack.end()),
      real_(std::move(real)),
      results_from_(stack.size() - arguments) {
  stack_.resize(results_from_);
}

at::Tensor Call::tensor(size_t argument) const {
  return given_[argument].isTensor() ? given_[argument].toTensor() : at::Tensor();
}

std::vector<at::Tensor> Call::tensors() const {
  std::vector<at::Tensor> all;
  for (c10::IValue value : given_)
    change_value(value, [&](const at::Tensor& tensor) {
      all.push_back(tensor);
      return tensor;
    });
  return all;
}

void Call::change_tensors(const std::function<at::Tensor(const at::Tensor&)>& change) {
  for (c10::IValue& value : given_) change_value(value, change);
}

void Call::change_tensor(size_t argument, const at::Tensor& to) {
  given_[argument] = to;
}

void Call::proceed() {
  stack_.insert(stack_.end(), given_.begin(), given_.end());
  real_(&stack_);
}

void Call::change_results(const std::function<at::Tensor(const at::Tensor&)>& change) {
  for (size_t i = results_from_; i < stack_.size(); ++i) change_value(stack_[i], change);
}

Planted::Planted(const std::vector<Kernel>& kernels) {
  for (const Kernel& kernel : kernels) {
    auto replacement = std::make_unique<Replacement>(kernel, handle_of(kernel.op));
    libraries_.push_back(
        std::make_unique<torch::Library>(torch::Library::IMPL, "aten", kernel.key, __FILE__, __LINE__));
    libraries_.back()->impl(kernel.op.c_str(),
                            torch::CppFunction::makeFromBoxedFunctor(std::move(replacement)));
  }
}

std::string kernels_of(const std::string& op) {
  return handle_of(op).dumpComputedTable();
}

}  // namespace dtypefuzz
