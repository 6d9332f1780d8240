#include "harness/run/session.h"

#include <cxxabi.h>

#include "harness/run/fill.h"

namespace dtypefuzz {

std::string type_name(const std::exception& e) {
  int status = 0;
  char* text = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : typeid(e).name();
  std::free(text);
  return name;
}

std::string message_of(const std::exception& e) {
  if (const auto* error = dynamic_cast<const c10::Error*>(&e)) return error->what_without_backtrace();
  return e.what();
}

torch::Device torch_device(Device device) {
  return device->type;
}

bool can_have_gradient(const at::Tensor& tensor) {
  return tensor.defined() && (tensor.is_floating_point() || tensor.is_complex());
}

Observation Session::go() {
  before_ = autocast_now(plan_.device);
  try {
    const auto make = [&] {
      model_ = stock_ ? stock_->fresh(plan_, at_layer_) : make_model(plan_, at_layer_);
    };
    if (attempt(Phase::construct, {Culprit::kLayer, -1}, make) &&
        convert_to(plan_.params_dtype, /*always=*/plan_.params_dtype != plan_.default_dtype) &&
        set_operands() && load() && convert(Convert::before_forward) && !(keep_model_ && plan_.steps == 0) &&
        flatten())
      iterate();
  } catch (const NotApplicable& e) {
    seen_.not_applicable = e.reason;
  }
  finish();
  return std::move(seen_);
}

// Before the first step
bool Session::convert_to(Dtype dtype, bool always) {
  if (!always) return true;
  const bool done = attempt(Phase::convert, {Culprit::kStage}, [&] { model_.to(dtype); });
  if (done && !expected_dtypes_.empty()) note_dtypes(Phase::convert, /*belongings=*/true);
  expect_dtypes();
  return done;
}

bool Session::convert(Convert when) {
  return plan_.convert != when || convert_to(plan_.convert_dtype, true);
}

bool Session::set_operands() {
  const InsideLibTorch inside;
  try {
    apply_operand_dtypes(plan_, model_);
  } catch (const std::exception& e) {
    throw NotApplicable{"an operand cannot be given its dtype: " + message_of(e)};
  }
  for (const auto& unit : model_.units) unit->train(plan_.mode == Mode::train);
  if (model_.loss) model_.loss->train(plan_.mode == Mode::train);
  expect_dtypes();
  return true;
}

bool Session::flatten() {
  const Tensors parameters = plan_.flat_vector ? model_.parameters() : Tensors{};
  if (parameters.empty()) return true;
  const bool done = attempt(Phase::flatten, {Culprit::kStage}, [&] {
    const torch::NoGradGuard no_grad;
    const at::Tensor flat = torch::nn::utils::parameters_to_vector(parameters);
    torch::nn::utils::vector_to_parameters(flat, parameters);
  });
  if (done) note_dtypes(Phase::flatten);
  expect_dtypes();
  return done;
}

// Steps
void Session::iterate() {
  std::optional<c10::InferenceMode> inference;
  std::optional<torch::NoGradGuard> no_grad;
  make_inputs();
  if (plan_.mode == Mode::inference) inference.emplace();
  if (plan_.mode == Mode::no_grad) no_grad.emplace();
  if (!attempt(Phase::construct, {Culprit::kStage}, [&] { make_optimizer(); }) || !load_optimizer()) return;
  if (plan_.scaler) scaler_.emplace(torch_device(plan_.device));
  for (iteration_ = 0; iteration_ < std::max(plan_.steps, 1); ++iteration_) {
    if (iteration_ > 0 && !convert(Convert::between_steps)) return;
    if (optimizer_) optimizer_->zero_grad();
    take_stamps();
    Tensors outputs;
    if (!forward(outputs)) return;
    if (!convert(Convert::after_forward)) return;
    if (plan_.convert == Convert::after_forward)
      take_stamps();  // its changes are no trace of a later refusal
    if (!plan_.has_backward()) continue;
    if (!backward(outputs)) return;
    note_dtypes(Phase::backward);
    if (!convert(Convert::after_backward)) return;
    if (plan_.convert == Convert::after_backward) take_stamps();
    if (scaler_ && optimizer_ && !unscale()) return;
    if (!clip()) return;
    if (optimizer_ && !step()) return;
  }
}

void Session::make_inputs() {
  const InsideLibTorch inside;
  try {
    const LayerPlan& first = plan_.layers.front();
    const Dtype dtype = plan_.input_dtype.value_or(first.input_natural.value_or(plan_.params_dtype));
    const Device device = plan_.input_device.value_or(plan_.device);
    input_ = filled(plan_.input_shape, first.input_content, first.drawn.input_limit, dtype, device,
                    plan_.fill, plan_.seed);
    if (!plan_.input_contiguous && input_.dim() > 0)
      input_ = input_.unsqueeze(-1)
                   .expand([&] {
                     auto sizes = input_.sizes().vec();
                     sizes.push_back(2);
                     return sizes;
                   }())
                   .contiguous()
                   .select(-1, 0);
    if (plan_.input_requires_grad && can_have_gradient(input_)) input_.requires_grad_(true);
    const auto extras = [&](const LayerPlan& layer) {
      Tensors made;
      for (const InputSpec& input : layer.drawn.inputs)
        made.push_back(input.present ? filled(input.shape, input.content, input.limit, dtype_of(input),
                                              plan_.device, plan_.fill, plan_.seed + made.size() + 1)
                                     : at::Tensor());
      return made;
    };
    for (const LayerPlan& layer : plan_.layers) extras_.push_back(extras(layer));
    if (plan_.loss) loss_extras_ = extras(*plan_.loss);
  } catch (const std::exception& e) {
    throw NotApplicable{"an input cannot be made: " + message_of(e)};
  }
}

void Session::make_optimizer() {
  if (plan_.steps == 0 || !plan_.optimizer) return;
  if (Tensors parameters = model_.parameters(); !parameters.empty())
    optimizer_ = plan_.optimizer->make(std::move(parameters));
}

// Forward
/// Unobserved: what it leaves in the cache of weights is what the pass that counts begins with.
void Session::warm_up() {
  if (plan_.warmup == Warmup::none || iteration_ > 0) return;
  const auto pass = [&] {
    at::Tensor value = input_;
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      Tensors inputs = {value};
      inputs.insert(inputs.end(), extras_[i].begin(), extras_[i].end());
      write_position({Phase::forward,
                      {Culprit::kLayer, static_cast<int>(i)},
                      value.defined() ? value.scalar_type() : Dtype::Undefined});
      value = plan_.layers[i].forward(*model_.layers[i], inputs).front();
    }
  };
  const InsideLibTorch inside;
  try {
    if (plan_.warmup == Warmup::no_grad) {
      const torch::NoGradGuard no_grad;
      pass();
    } else {
      const AutocastRegion nested(plan_.device, plan_.autocast);
      pass();
      throw std::runtime_error("ends the nested region");
    }
  } catch (const std::exception&) {  // a stack that is refused is refused again below, observed
  }
  take_stamps();
}

bool Session::forward(Tensors& outputs) {
  std::optional<AutocastRegion> region;
  if (plan_.autocast) region.emplace(plan_.device, plan_.autocast);
  warm_up();
  std::optional<AutocastRegion> inner;  // of the container that the layer lies in
  int container = -1;
  chain_.assign(1, input_);
  for (int i = 0; i < static_cast<int>(plan_.layers.size()); ++i) {
    const auto at = static_cast<size_t>(i);
    const LayerPlan& layer = plan_.layers[at];
    if (layer.container != container) {
      container = layer.container;
      inner.reset();
      if (container >= 0)
        enter(inner, plan_.device, plan_.containers[static_cast<size_t>(container)].autocast);
    }
    Tensors inputs = {chain_.back()};
    inputs.insert(inputs.end(), extras_[at].begin(), extras_[at].end());
    outputs.clear();
    if (!call({Culprit::kLayer, i}, Phase::forward, layer, *model_.layers[at], model_.held[at], inputs,
              layer.autocast, outputs))
      return false;
    if (layer.drawn.in_place) stamp_input_anew();  // as it should: no trace of a later refusal
    if (layer.residual) {
      const at::Tensor& other = chain_[at + 1 - static_cast<size_t>(layer.residual)];
      if (!add_residual(i, outputs, other)) return false;
    }
    if (trace_late_) trace(i, outputs);
    chain_.push_back(outputs.front());
  }
  inner.reset();
  if (!plan_.loss) return true;
  region.reset();
  const Region& wanted = plan_.loss_autocast;
  if (wanted.kind == Region::kSame && plan_.autocast) region.emplace(plan_.device, plan_.autocast);
  Tensors inputs = {chain_.back()};
  inputs.insert(inputs.end(), loss_extras_.begin(), loss_extras_.end());
  outputs.clear();
  return call({Culprit::kLoss}, Phase::loss, *plan_.loss, *model_.loss, model_.loss_held, inputs, wanted,
              outputs);
}

bool Session::call(Culprit culprit, Phase phase, const LayerPlan& layer, torch::nn::Module& module,
                   const std::vector<Held>& held, const Tensors& inputs, const Region& wanted,
                   Tensors& outputs) {
  std::optional<AutocastRegion> region;
  enter(region, plan_.device, wanted);
  CallFacts facts{.culprit = culprit, .iteration = iteration_};
  const AutocastFacts state = autocast_now(plan_.device);
  if (state.enabled) facts.autocast = state.dtype;
  const auto add = [&](std::string_view name, const at::Tensor& tensor, Role role) {
    facts.received.push_back({std::string(name), tensor.scalar_type(), static_cast<int>(tensor.dim()), role});
    facts.mixed_devices |= tensor.device().type() != torch_device(plan_.device).type();
  };
  facts.received.reserve(inputs.size() + held.size());
  add(layer.input_name, inputs[0], Role::input);
  for (size_t i = 1; i < inputs.size(); ++i)
    if (inputs[i].defined()) add(layer.drawn.inputs[i - 1].name, inputs[i], Role::input);
  for (const Held& operand : held) add(operand.name, operand.tensor, operand.role);
  facts.input_requires_grad = inputs[0].requires_grad();
  const bool done =
      attempt(phase, culprit, [&] { outputs = layer.forward(module, inputs); }, inputs[0].scalar_type());
  facts.threw = !done;
  for (const at::Tensor& output : outputs) {
    facts.given.push_back(output.defined() ? output.scalar_type() : Dtype::Undefined);
    facts.output_requires_grad |= output.defined() && output.requires_grad();
  }
  if (autocast_now(plan_.device) != state) {
    seen_.autocast_restored = false;
    seen_.autocast_left = "by " + std::string(layer.module);
  }
  seen_.calls.push_back(std::move(facts));
  if (!done) find_traces(culprit);
  return done;
}

bool Session::add_residual(int i, Tensors& outputs, const at::Tensor& other) {
  CallFacts facts{.culprit = {Culprit::kResidual, i}, .iteration = iteration_};
  for (const auto& [name, tensor] : {std::pair("input", outputs.front()), std::pair("residual", other)})
    facts.received.push_back({name, tensor.scalar_type(), static_cast<int>(tensor.dim()), Role::input});
  facts.mixed_devices = outputs.front().device() != other.device();
  facts.input_requires_grad = outputs.front().requires_grad() || other.requires_grad();
  const bool done =
      attempt(Phase::forward, facts.culprit, [&] { outputs.front() = outputs.front() + other; });
  facts.threw = !done;
  if (done) facts.given.push_back(outputs.front().scalar_type());
  facts.output_requires_grad = done && outputs.front().requires_grad();
  seen_.calls.push_back(std::move(facts));
  if (!done) find_traces({Culprit::kResidual, i});
  return done;
}

// Backward and step
bool Session::backward(Tensors& outputs) {
  Tensors roots, gradients;
  for (const at::Tensor& output : outputs)
    if (can_have_gradient(output) && output.requires_grad()) roots.push_back(output);
  if (roots.empty()) return true;
  if (trace_late_) take_stamps();
  const bool done = attempt(Phase::backward, {Culprit::kStage}, [&] {
    if (scaler_)
      for (at::Tensor& root : roots) root = scaler_->scaled(root);
    for (const at::Tensor& root : roots)
      gradients.push_back(at::ones(root.sizes(), root.options().dtype(at::kFloat)).to(root.scalar_type()));
    seen_.backward_ran = true;
    torch::autograd::backward(roots, gradients,
                              /*retain_graph=*/plan_.optimizer && plan_.optimizer->needs_closure);
  });
  if (done) {
    find_leaves();
  } else {
    find_traces({Culprit::kStage});
  }
  return done;
}

bool Session::unscale() {
  if (trace_late_) take_stamps();
  if (!attempt(Phase::unscale, {Culprit::kStage}, [&] { scaler_->unscale(model_.parameters()); })) {
    find_traces({Culprit::kStage});
    return false;
  }
  return true;
}

bool Session::clip() {
  if (plan_.clip == Clip::none) return true;
  const Tensors parameters = model_.parameters();
  if (trace_late_) take_stamps();
  const bool done = attempt(Phase::clip, {Culprit::kStage}, [&] {
    if (plan_.clip == Clip::norm)
      torch::nn::utils::clip_grad_norm_(parameters, 1.0);
    else
      torch::nn::utils::clip_grad_value_(parameters, 0.5);
  });
  if (!done) find_traces({Culprit::kStage});
  return done;
}

bool Session::step() {
  if (scaler_ && !scaler_->finite()) {
    ++seen_.skipped_steps;
    scaler_->update();
    seen_.scale = scaler_->scale();
    return true;
  }
  if (trace_late_) take_stamps();
  const Tensors parameters = plan_.device->has_values ? model_.parameters() : Tensors{};
  StepFacts facts;
  for (const at::Tensor& parameter : parameters) {
    facts.parameters_before = facts.parameters_before && is_finite(parameter);
    facts.gradients = facts.gradients && is_finite(parameter.grad());
  }
  const bool done = attempt(Phase::step, {Culprit::kStage}, [&] {
    if (plan_.optimizer->needs_closure) {
      optimizer_->step([&] { return again(); });
    } else {
      optimizer_->step();
    }
    if (scaler_) scaler_->update();
  });
  if (scaler_) seen_.scale = scaler_->scale();
  if (!done) {
    find_traces({Culprit::kStage});
    return false;
  }
  for (const at::Tensor& parameter : parameters)
    if (facts.parameters_after && !is_finite(parameter)) {
      facts.parameters_after = false;
      facts.dtype = parameter.scalar_type();
    }
  seen_.steps.push_back(std::move(facts));
  note_dtypes(Phase::step, /*belongings=*/true);
  return true;
}

at::Tensor Session::again() {
  optimizer_->zero_grad();
  Session closure(plan_);
  closure.iteration_ = iteration_;
  closure.model_ = model_;
  closure.input_ = input_, closure.extras_ = extras_, closure.loss_extras_ = loss_extras_;
  Tensors outputs;
  if (!closure.forward(outputs)) throw RefusedInClosure{closure.seen_.calls.back(), *closure.seen_.error};
  at::Tensor total;
  for (const at::Tensor& output : outputs)
    if (can_have_gradient(output) && output.requires_grad()) {
      const auto sum = output.is_complex() ? at::real(output).sum() : output.sum();
      total = total.defined() ? total + sum : sum;
    }
  if (!total.defined()) throw NotApplicable{std::string(plan_.optimizer->name) + " has no loss to work with"};
  total.backward();
  return total.detach();
}

}  // namespace dtypefuzz
