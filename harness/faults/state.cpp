// What a refusal changes, what a call leaves behind, and what checkpoints and steps do to the model.
#include <ATen/autocast_mode.h>

#include <limits>

#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

/// Adds one to an argument, as a kernel does that writes directly.
std::function<void(Call&)> changes(size_t argument) {
  return [=](Call& call) {
    const at::Tensor tensor = call.tensor(argument);
    if (tensor.defined()) tensor.detach().add_(1);
  };
}

std::vector<Fault> traces() {
  constexpr auto kWrong = Wrong::changes_before_throw;
  constexpr std::string_view kProperty = "refusal_leaves_no_trace";
  return {
      {"instance_norm changes its running mean before it throws",
       kWrong,
       kProperty,
       {at_autograd("instance_norm", before_it_throws(changes(3)))},
       "InstanceNorm1d,InstanceNorm2d,InstanceNorm3d"},
      {"addmm changes its bias before it throws",
       kWrong,
       kProperty,
       {on_cpu("addmm", before_it_throws(changes(0)))},
       "Linear"},
      {"addmm changes its input before it throws",
       kWrong,
       kProperty,
       {on_cpu("addmm", before_it_throws(changes(1)))},
       "Linear"},
      {"layer_norm changes its weight before it throws",
       kWrong,
       kProperty,
       {on_cpu("native_layer_norm", before_it_throws(changes(2)))},
       "LayerNorm"},
      {"bilinear leaves gradients off where it throws",
       kWrong,
       kProperty,
       {at_autograd("bilinear", before_it_throws([](Call&) { at::GradMode::set_enabled(false); }))},
       "Bilinear"},
      {"prelu leaves another default dtype where it throws",
       kWrong,
       kProperty,
       {at_autograd("prelu", before_it_throws([](Call&) {
                      c10::set_default_dtype(c10::scalarTypeToTypeMeta(
                          c10::get_default_dtype_as_scalartype() == at::kDouble ? at::kFloat : at::kDouble));
                    }))},
       "PReLU"},
  };
}

std::vector<Fault> leaks() {
  constexpr auto kWrong = Wrong::leaks_autocast;
  constexpr std::string_view kProperty = "autocast_state_is_restored";
  const auto switches_on = [](Call&) { at::autocast::set_autocast_enabled(at::kCPU, true); };
  return {
      {"gelu leaves autocast on", kWrong, kProperty, {on_cpu("gelu", afterwards(switches_on))}, "GELU"},
      {"softmax leaves float16 as autocast's dtype",
       kWrong,
       kProperty,
       {on_cpu("_softmax", afterwards([](Call&) { at::autocast::set_autocast_dtype(at::kCPU, at::kHalf); }))},
       "Softmax"},
      {"layer_norm leaves autocast's cache off where it throws",
       kWrong,
       kProperty,
       {on_cpu("native_layer_norm",
               before_it_throws([](Call&) { at::autocast::set_autocast_cache_enabled(false); }))},
       "LayerNorm"},
      {"addmm leaves autocast on where it throws",
       kWrong,
       kProperty,
       {on_cpu("addmm", before_it_throws(switches_on))},
       "Linear"},
      {"silu_backward leaves autocast's cache off",
       kWrong,
       kProperty,
       {on_cpu("silu_backward", afterwards([](Call&) { at::autocast::set_autocast_cache_enabled(false); }))},
       "SiLU"},
  };
}

std::vector<Fault> checkpoints() {
  const auto changed = [](Call& call) {
    const at::Tensor to = call.tensor(0), from = call.tensor(1);
    if (to.scalar_type() != from.scalar_type() && to.is_floating_point()) to.detach().add_(1);
  };
  return {{"copy_ adds one where it casts",
           Wrong::loses_loaded_values,
           "loading_preserves_values",
           {at_autograd("copy_", afterwards(changed))},
           "Linear"},
          {"copy_ leaves the target as it was where it casts",
           Wrong::loses_loaded_values,
           "loading_preserves_values",
           {at_autograd("copy_", where([](const Call& call) { return disagree(call); }, first([](Call& call) {
                                         call.change_tensor(1, call.tensor(0).clone());
                                       })))},
           "LayerNorm"}};
}

/// Another floating dtype for what an argument holds, and for whoever holds it.
std::function<void(Call&)> recasts(size_t argument) {
  return [=](Call& call) {
    at::Tensor tensor = call.tensor(argument);
    if (!tensor.defined() || !tensor.is_floating_point()) return;
    const at::NoGradGuard no_grad;
    tensor.set_data(tensor.detach().to(tensor.scalar_type() == at::kDouble ? at::kFloat : at::kDouble));
  };
}

std::vector<Fault> conversions() {
  constexpr auto kWrong = Wrong::changes_dtypes;
  constexpr std::string_view kProperty = "only_conversion_changes_dtypes";
  return {
      {"native_batch_norm gives its running mean another dtype",
       kWrong,
       kProperty,
       {on_cpu("native_batch_norm", afterwards(recasts(3)))},
       "BatchNorm1d,BatchNorm2d"},
      {"addmm gives its bias another dtype",
       kWrong,
       kProperty,
       {at_autograd("addmm", afterwards(recasts(0)))},
       "Linear"},
      {"the optimizers' zeros_like gives float64",
       kWrong,
       kProperty,
       {on_cpu("zeros_like", gives(at::kDouble))},
       "Linear"},
  };
}

std::vector<Fault> steps() {
  constexpr auto kWrong = Wrong::spoils_steps;
  constexpr std::string_view kProperty = "steps_keep_values_finite";
  const auto spoils = [](Call& call) {
    const at::Tensor tensor = call.tensor(0);
    if (tensor.is_floating_point() && tensor.scalar_type() == at::kFloat)
      tensor.detach().fill_(std::numeric_limits<double>::infinity());
  };
  // SGD adds the gradient times the negative learning rate, as nobody else does.
  const auto is_sgd = [](const Call& call) { return call.number(2) == -0.01; };
  return {{"addcdiv_ gives infinities in float32",
           kWrong,
           kProperty,
           {on_cpu("addcdiv_", afterwards(spoils))},
           "Linear"},
          {"SGD's add_ gives infinities in float32",
           kWrong,
           kProperty,
           {on_cpu("add_.Tensor", where(is_sgd, afterwards(spoils)))},
           "PReLU"}};
}

}  // namespace

std::vector<Fault> faults_of_state() {
  return joined({traces(), leaks(), checkpoints(), conversions(), steps()});
}

}  // namespace dtypefuzz
