#include "generators/settings.h"

#include <algorithm>
#include <array>

#include "generators/optimizers.h"

namespace dtypefuzz {
namespace {

/// An enumeration whose words stand in the order of its enumerators.
template <class E>
E draw_word(Draw& draw, std::string_view name, std::initializer_list<std::string_view> words) {
  const auto taken = draw.word(name, words);
  return static_cast<E>(std::find(words.begin(), words.end(), taken) - words.begin());
}

void draw_device_and_mode(Draw& draw, const Space& space, Plan& plan) {
  std::vector<std::string_view> devices;
  for (const Device device : space.devices) devices.push_back(to_string(device));
  plan.device = *space.device(draw.pick<std::string_view>(Ask::setting, "device", devices));
  plan.mode = draw_word<Mode>(draw, "mode", {"train", "eval", "no_grad", "inference"});
}

void draw_parameters(Draw& draw, const Space& space, Plan& plan) {
  const Dtype defaults[] = {Dtype::Float, Dtype::Double, Dtype::BFloat16, Dtype::Half};
  plan.default_dtype = draw.pick<Dtype>(Ask::default_dtype, "default_dtype", defaults);
  const Draw::Scope scope(draw, "params");
  plan.params_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
}

void draw_input(Draw& draw, const Space& space, Plan& plan) {
  const Draw::Scope scope(draw, "input");
  plan.input_dtype = draw.dtype_or(Ask::input_dtype, "dtype", "same", space.dtypes);
  std::vector<std::string_view> elsewhere = {"same"};
  for (const Device other : space.devices)
    if (other != plan.device && other->takes_stray_input) elsewhere.push_back(other->name);
  plan.input_device = space.device(draw.pick<std::string_view>(Ask::stray_device, "device", elsewhere));
  plan.input_requires_grad = draw.flag("requires_grad", false);
  plan.input_contiguous = draw.flag("contiguous", true);
  plan.fill = draw_word<Fill>(draw, "fill", {"ramp", "normal", "extremes", "zeros", "limits"});
  const int64_t seeds[] = {0, 1, 2, 3};
  plan.seed = static_cast<uint64_t>(draw.pick<int64_t>(Ask::size, "seed", seeds));
}

void draw_region(Draw& draw, const Space& space, Plan& plan) {
  if (!plan.device->has_autocast()) return;
  plan.autocast = draw.dtype_or(Ask::region, "autocast", "off", autocast_dtypes(space));
  if (!plan.autocast) return;
  const Draw::Scope scope(draw, "autocast");
  plan.warmup = draw_word<Warmup>(draw, "warmup", {"none", "no_grad", "exception"});
}

void draw_conversion(Draw& draw, const Space& space, Plan& plan) {
  plan.flat_vector = draw.flag("flat_vector", false);
  plan.convert = draw_word<Convert>(
      draw, "convert", {"none", "before_forward", "after_forward", "after_backward", "between_steps"});
  if (plan.convert == Convert::none) return;
  const Draw::Scope scope(draw, "convert");
  plan.convert_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
}

void draw_checkpoint(Draw& draw, const Space& space, Plan& plan) {
  if (!plan.device->has_values) return;
  plan.load = draw_word<Load>(draw, "load", {"none", "archive", "copy"});
  if (plan.load == Load::none) return;
  const Draw::Scope scope(draw, "load");
  plan.load_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
  plan.load_steps = static_cast<int>(draw.size("steps", {0, 1, 3, 10}));
}

/// Null for none. Where tensors have no values there are fewer.
const OptimizerRow* draw_optimizer(Draw& draw, bool has_values) {
  c10::SmallVector<std::string_view, 16> names = {"none"};
  for (const OptimizerRow& row : optimizers())
    if (has_values || !row.reads_values) names.push_back(row.name);
  return optimizer_named(
      draw.pick<std::string_view>(Ask::setting, "optimizer", {names.data(), names.size()}));
}

void draw_training(Draw& draw, Plan& plan) {
  if (!plan.has_backward()) return;
  const bool has_values = plan.device->has_values;
  plan.steps =
      static_cast<int>(draw.pick<int64_t>(Ask::setting, "steps", std::array<int64_t, 5>{0, 1, 2, 3, 10}));
  if (plan.steps > 0) {
    plan.optimizer = draw_optimizer(draw, has_values);
    if (has_values && (!plan.optimizer || plan.optimizer->works_with_scaler()))
      plan.scaler = draw_word<bool>(draw, "scaler", {"off", "on"});
    if (plan.optimizer && plan.load_steps > 0) {
      const Draw::Scope scope(draw, "optimizer");
      plan.load_optimizer = draw.flag("load", false);
    }
  }
  plan.clip = draw_word<Clip>(draw, "clip", {"none", "norm", "value"});
}

}  // namespace

Site draw_settings(Draw& draw, const Space& space, Plan& plan) {
  draw_device_and_mode(draw, space, plan);
  draw_parameters(draw, space, plan);
  draw_input(draw, space, plan);
  const Site site{.batch = draw.size("batch", {1, 2, 3, 0, 17}),
                  .train = plan.mode == Mode::train,
                  .device = plan.device};
  draw_region(draw, space, plan);
  draw_conversion(draw, space, plan);
  draw_checkpoint(draw, space, plan);
  draw_training(draw, plan);
  if (plan.load_steps > 0) plan.load_trainer = plan.load_optimizer ? plan.optimizer : optimizer_named("Adam");
  return site;
}

}  // namespace dtypefuzz
