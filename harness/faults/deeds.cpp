#include "harness/faults/deeds.h"

#include <fmt/format.h>

#include <algorithm>

namespace dtypefuzz {
namespace {

bool computes(const at::Tensor& tensor) {
  return tensor.defined() && (tensor.is_floating_point() || tensor.is_complex());
}

}  // namespace

std::vector<Kernel> on_cpu_each(std::initializer_list<const char*> ops, const Does& does) {
  std::vector<Kernel> kernels;
  for (const char* op : ops) kernels.push_back(on_cpu(op, does));
  return kernels;
}

bool disagree(const Call& call) {
  at::ScalarType seen = at::ScalarType::Undefined;
  for (const at::Tensor& tensor : call.tensors()) {
    if (!computes(tensor)) continue;
    if (seen != at::ScalarType::Undefined && tensor.scalar_type() != seen) return true;
    seen = tensor.scalar_type();
  }
  return false;
}

bool any_has(const Call& call, at::ScalarType dtype) {
  const auto tensors = call.tensors();
  return std::any_of(tensors.begin(), tensors.end(),
                     [&](auto& tensor) { return tensor.scalar_type() == dtype; });
}

Does accepts_any_dtype() {
  return [](Call& call) {
    const auto tensors = call.tensors();
    const auto reference = std::find_if(tensors.begin(), tensors.end(), computes);
    if (reference != tensors.end())
      call.change_tensors([dtype = reference->scalar_type()](const at::Tensor& tensor) {
        return tensor.scalar_type() == dtype ? tensor : tensor.to(dtype);
      });
    call.proceed();
  };
}

Does accepts_any_dtype_of(size_t argument, size_t like) {
  return [=](Call& call) {
    const at::Tensor tensor = call.tensor(argument);
    if (tensor.defined()) call.change_tensor(argument, tensor.to(call.tensor(like).scalar_type()));
    call.proceed();
  };
}

Does accepts_any_index(size_t index) {
  return [=](Call& call) {
    const at::Tensor indices = call.tensor(index);
    if (indices.defined() && indices.scalar_type() != at::kInt)
      call.change_tensor(index, indices.to(at::kLong));
    call.proceed();
  };
}

Does where_operands_disagree_throws(std::string message) {
  return where(disagree, throws(std::move(message)));
}

Does names_in_the_wrong_order(std::string message, size_t first, size_t second) {
  return [=](Call& call) {
    const at::Tensor a = call.tensor(first), b = call.tensor(second);
    if (a.defined() && b.defined() && a.scalar_type() != b.scalar_type())
      TORCH_CHECK(false, fmt::format(fmt::runtime(message), c10::toString(b.scalar_type()),
                                     c10::toString(a.scalar_type())));
    call.proceed();
  };
}

Does throws_for(at::ScalarType dtype, std::string message) {
  return where([dtype](const Call& call) { return any_has(call, dtype); }, throws(std::move(message)));
}

Does throws(std::string message) {
  return [message = std::move(message)](Call&) { TORCH_CHECK(false, message); };
}

Does gives(at::ScalarType dtype) {
  return afterwards([dtype](Call& call) {
    call.change_results(
        [dtype](const at::Tensor& result) { return computes(result) ? result.to(dtype) : result; });
  });
}

Does is_off_in_float16() {
  return afterwards([](Call& call) {
    call.change_results([](const at::Tensor& result) {
      return result.scalar_type() == at::kHalf ? (result.to(at::kFloat) * 1.125).to(at::kHalf) : result;
    });
  });
}

Does before_it_throws(std::function<void(Call&)> act) {
  return [act = std::move(act)](Call& call) {
    try {
      call.proceed();
    } catch (const std::exception&) {
      act(call);
      throw;
    }
  };
}

Does first(std::function<void(Call&)> act) {
  return [act = std::move(act)](Call& call) {
    act(call);
    call.proceed();
  };
}

Does afterwards(std::function<void(Call&)> act) {
  return [act = std::move(act)](Call& call) {
    call.proceed();
    act(call);
  };
}

Does where(std::function<bool(const Call&)> holds, Does does) {
  return [holds = std::move(holds), does = std::move(does)](Call& call) {
    if (holds(call))
      does(call);
    else
      call.proceed();
  };
}

}  // namespace dtypefuzz
