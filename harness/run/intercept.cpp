#include "harness/run/intercept.h"

#include <ATen/core/boxing/KernelFunction.h>
#include <torch/library.h>

namespace dtypefuzz {
namespace {

constexpr auto kKey = c10::DispatchKey::TESTING_ONLY_GenericMode;

thread_local bool on_meta = false;
thread_local Dtype rounds_to = Dtype::Undefined;

void redirect(const c10::FunctionSchema& schema, torch::jit::Stack& stack) {
  const auto& arguments = schema.arguments();
  const auto base = stack.size() - arguments.size();
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].name() == "device") stack[base + i] = c10::Device(c10::DeviceType::Meta);
}

void round_in_place(at::Tensor tensor) {
  if (tensor.defined() && tensor.scalar_type() == Dtype::Float) tensor.copy_(tensor.to(rounds_to));
}

void intercept(const c10::OperatorHandle& op, c10::DispatchKeySet, torch::jit::Stack* stack) {
  if (on_meta) redirect(op.schema(), *stack);
  const c10::impl::ExcludeDispatchKeyGuard once(kKey);
  op.callBoxed(stack);
  if (rounds_to == Dtype::Undefined) return;
  const size_t results = op.schema().returns().size();
  for (size_t i = stack->size() - results; i < stack->size(); ++i) {
    const c10::IValue& value = (*stack)[i];
    if (value.isTensor()) round_in_place(value.toTensor());
    if (value.isTensorList())
      for (const at::Tensor& tensor : value.toTensorVector()) round_in_place(tensor);
  }
}

TORCH_LIBRARY_IMPL(_, TESTING_ONLY_GenericMode, m) {
  m.fallback(torch::CppFunction::makeFromBoxedFunction<&intercept>());
}

}  // namespace

MadeOnMeta::MadeOnMeta() : intercepted_(kKey) {
  on_meta = true;
}
MadeOnMeta::~MadeOnMeta() {
  on_meta = false;
}
Rounded::Rounded(Dtype dtype) : intercepted_(kKey) {
  rounds_to = dtype;
}
Rounded::~Rounded() {
  rounds_to = Dtype::Undefined;
}

}  // namespace dtypefuzz
