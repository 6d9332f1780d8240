#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/faults/plant.h"

namespace dtypefuzz {

// What faulty kernels do, to be put together into a table of faults.

using Does = std::function<void(Call&)>;

/// Below autograd and autocast: what computes on the CPU.
inline Kernel on_cpu(std::string op, Does does) {
  return {std::move(op), c10::DispatchKey::CPU, std::move(does)};
}
/// At autograd, where parameters are still the leaves that they are; passed by in inference mode.
inline Kernel at_autograd(std::string op, Does does) {
  return {std::move(op), c10::DispatchKey::AutogradCPU, std::move(does)};
}
inline Kernel on_meta(std::string op, Does does) {
  return {std::move(op), c10::DispatchKey::Meta, std::move(does)};
}
/// The same deed for several operators: a forward and its backward.
std::vector<Kernel> on_cpu_each(std::initializer_list<const char*> ops, const Does& does);

/// Whether floating or complex tensors of two dtypes are among the arguments.
bool disagree(const Call&);
bool any_has(const Call&, at::ScalarType);

/// Casts all tensors to the dtype of the first floating or complex one.
Does accepts_any_dtype();
/// Casts this argument to the dtype of that one.
Does accepts_any_dtype_of(size_t argument, size_t like);
/// Casts argument `index` to int64.
Does accepts_any_index(size_t index);

/// Throws this where operands disagree; else is the real kernel.
Does where_operands_disagree_throws(std::string message);
/// Throws the message of a mismatch of arguments `first` and `second`, each with the other's dtype. `{}`
/// twice.
Does names_in_the_wrong_order(std::string message, size_t first, size_t second);
/// Throws this where a tensor of the dtype is among the arguments.
Does throws_for(at::ScalarType, std::string message);
/// Throws this whatever it is given.
Does throws(std::string message);

/// Floating and complex results in the dtype.
Does gives(at::ScalarType);
/// Results in float16 an eighth too large.
Does is_off_in_float16();
/// `act` after the real kernel has thrown, and before anybody hears of it.
Does before_it_throws(std::function<void(Call&)> act);
/// `act`, then the real kernel.
Does first(std::function<void(Call&)> act);
/// The real kernel, then `act`.
Does afterwards(std::function<void(Call&)> act);

/// The deed where this holds, else the real kernel.
Does where(std::function<bool(const Call&)> holds, Does does);

}  // namespace dtypefuzz
