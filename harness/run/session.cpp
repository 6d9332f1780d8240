#include "harness/run/session.h"

#include <algorithm>
#include <utility>

#include "harness/run/arithmetic.h"
#include "harness/run/checkpoint.h"
#include "harness/run/finite.h"
#include "harness/run/leaves.h"
#include "harness/run/position.h"
#include "harness/run/stages.h"
#include "harness/run/trail.h"

namespace dtypefuzz {
namespace {

/// Forward was refused within an optimizer's step: a call of the run like any other, not the optimizer's
/// doing.
struct RefusedInClosure {
  CallFacts call;
  ErrorFacts error;
};

}  // namespace

template <class Work>
bool Session::attempt(Phase phase, Culprit culprit, Work&& work, Dtype input) {
  seen_.reached = phase;
  write_position(phase, culprit, input);
  const InsideLibTorch inside;
  try {
    work();
    return true;
  } catch (const RefusedInClosure& e) {
    seen_.reached = e.error.phase;
    seen_.calls.push_back(e.call);
    seen_.error = e.error;
  } catch (const std::exception& e) {
    if (culprit.kind == Culprit::kLayer && culprit.layer < 0) {
      culprit.layer = at_layer_;
      if (at_layer_ < 0) culprit.kind = plan_.loss ? Culprit::kLoss : Culprit::kStage;
    }
    seen_.error = ErrorFacts{phase, culprit, iteration_, type_name(e), message_of(e)};
    if (records_trail()) seen_.error->site = site_of(e);
  }
  return false;
}

template <class Work>
bool Session::attempt_stage(Phase phase, Work&& work) {
  stamps_of_stage();
  const bool done = attempt(phase, {Culprit::kStage}, std::forward<Work>(work));
  if (!done && (looks_.traces || phase >= Phase::backward)) note_traces({Culprit::kStage});
  return done;
}

Observation Session::go(bool set_up_only) {
  const AutocastFacts before = autocast_now(plan_.device);
  try {
    if (construct() && convert_to(plan_.params_dtype, /*always=*/plan_.params_dtype != plan_.default_dtype)) {
      set_operands();
      if (load() && convert(Convert::before_forward) && !set_up_only && flatten()) iterate();
    }
  } catch (const NotApplicable& e) {
    seen_.not_applicable = e.reason;
  }
  note_autocast(before);
  return std::move(seen_);
}

// Before the first step
bool Session::construct() {
  return attempt(Phase::construct, {Culprit::kLayer, -1},
                 [&] { model_ = stock_ ? stock_->fresh(plan_, at_layer_) : make_model(plan_, at_layer_); });
}

bool Session::convert_to(Dtype dtype, bool always) {
  if (!always) return true;
  std::optional<HeldNumbers> before;
  if (compares_numbers()) before.emplace(plan_, model_);
  const bool done =
      attempt(Phase::convert, {Culprit::kStage}, [&] { model_.to(dtype, [&] { stamps_of_stage(); }); });
  if (!done && looks_.traces) note_traces({Culprit::kStage});
  if (done && before && seen_.conversions.empty()) seen_.conversions = before->changed_by_conversion(model_);
  if (done && watch_.expects_dtypes()) note_dtypes(Phase::convert, /*belongings=*/true);
  watch_.expect_dtypes(model_);
  return done;
}

bool Session::convert(Convert when) {
  return plan_.convert != when || convert_to(plan_.convert_dtype, true);
}

void Session::set_operands() {
  const InsideLibTorch inside;
  try {
    apply_operand_dtypes(plan_, model_);
  } catch (const std::exception& e) {
    throw NotApplicable{"an operand cannot be given its dtype: " + message_of(e)};
  }
  model_.train(plan_.mode == Mode::train);
  watch_.expect_dtypes(model_);
}

bool Session::load() {
  if (plan_.load == Load::none) return true;
  const Plan plan = saved_plan(plan_);
  at::manual_seed(plan.seed);
  Session saved(plan);
  const Observation seen = saved.go(/*set_up_only=*/plan.steps == 0);
  if (saved.model_.layers.size() != plan.layers.size() || (plan.steps && seen.error))
    throw NotApplicable{"the saved model cannot be made or trained: " +
                        (seen.error ? seen.error->message : seen.not_applicable)};
  if (seen.error && seen.error->phase <= Phase::load)
    throw NotApplicable{"the saved model cannot be made: " + seen.error->message};
  const auto before = held_dtypes(model_);
  const bool loaded = attempt(Phase::load, {Culprit::kStage}, [&] {
    load_model(plan_.load, saved.model_, model_, [&] { stamps_of_stage(); });
  });
  if (!loaded && looks_.traces) note_traces({Culprit::kStage});
  if (loaded) {
    seen_.loaded = loaded_facts(plan_, saved.model_, model_, before);
    note_dtypes(Phase::load);
  }
  watch_.expect_dtypes(model_);
  saved_training_ = std::move(saved.training_);
  return loaded;
}

bool Session::flatten() {
  const Tensors parameters = plan_.flat_vector ? model_.parameters() : Tensors{};
  if (parameters.empty()) return true;
  const bool done = attempt_stage(Phase::flatten, [&] {
    const torch::NoGradGuard no_grad;
    const at::Tensor flat = torch::nn::utils::parameters_to_vector(parameters);
    torch::nn::utils::vector_to_parameters(flat, parameters);
  });
  if (done) note_dtypes(Phase::flatten);
  watch_.expect_dtypes(model_);
  return done;
}

// Steps
void Session::iterate() {
  std::optional<c10::InferenceMode> inference;
  std::optional<torch::NoGradGuard> no_grad;
  prepare_inputs();
  if (plan_.mode == Mode::inference) inference.emplace();
  if (plan_.mode == Mode::no_grad) no_grad.emplace();
  if (!prepare_training()) return;
  for (iteration_ = 0; iteration_ < std::max(plan_.steps, 1); ++iteration_) {
    if (iteration_ > 0 && !convert(Convert::between_steps)) return;
    training_.zero_grad();
    take_stamps();
    Tensors outputs;
    if (!forward(outputs) || looks_.forward_alone) return;
    note_changes(plan_.loss ? Phase::loss : Phase::forward, {Culprit::kStage});
    if (!convert(Convert::after_forward)) return;
    if (plan_.convert == Convert::after_forward)
      take_stamps();  // its changes are no traces of a later refusal
    if (!plan_.has_backward()) continue;
    if (!backward(outputs)) return;
    note_dtypes(Phase::backward);
    if (!convert(Convert::after_backward)) return;
    if (plan_.convert == Convert::after_backward) take_stamps();
    if (!unscale() || !clip() || !step()) return;
  }
}

void Session::prepare_inputs() {
  const InsideLibTorch inside;
  try {
    inputs_ = make_inputs(plan_);
  } catch (const std::exception& e) {
    throw NotApplicable{"an input cannot be made: " + message_of(e)};
  }
}

bool Session::prepare_training() {
  if (!attempt(Phase::construct, {Culprit::kStage}, [&] { training_ = Training(plan_, model_); }))
    return false;
  if (!plan_.load_optimizer || !saved_training_.has_optimizer() || !training_.has_optimizer()) return true;
  const bool loaded = attempt_stage(Phase::load, [&] { training_.load_optimizer(saved_training_); });
  if (loaded) note_dtypes(Phase::load, /*belongings=*/true);
  return loaded;
}

// Forward
struct Session::Turns {
  Session& session;
  void begins() { session.warm_up(); }
  bool call(const Turn& turn, const Tensors& inputs, Tensors& outputs) {
    return session.call(turn, inputs, outputs);
  }
  bool add(int layer, Tensors& outputs, const at::Tensor& residual) {
    return session.add_residual(layer, outputs, residual);
  }
  void ends(int layer, const Tensors& outputs) {
    if (session.looks_.traces) session.watch_.follow_gradient(layer, outputs, session.chain_.back());
  }
};

bool Session::forward(Tensors& outputs) {
  return pass_forward(plan_, model_, inputs_, Turns{*this}, chain_, outputs);
}

/// A pass that nobody observes: what it leaves in autocast's cache of weights is what the pass that counts
/// begins with.
void Session::warm_up() {
  if (plan_.warmup == Warmup::none || iteration_ > 0) return;
  const auto pass = [&] {
    at::Tensor value = inputs_.first;
    for (size_t i = 0; i < plan_.layers.size(); ++i) {
      write_position(Phase::forward, {Culprit::kLayer, static_cast<int>(i)},
                     value.defined() ? value.scalar_type() : Dtype::Undefined);
      value = plan_.layers[i].forward(*model_.layers[i], inputs_.of_layer(i, value)).front();
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
  } catch (const std::exception&) {  // a stack that is refused is refused again in the pass that counts
  }
  take_stamps();
}

bool Session::call(const Turn& turn, const Tensors& inputs, Tensors& outputs) {
  const LayerPlan& layer = turn.layer;
  CallFacts facts{.culprit = turn.culprit, .iteration = iteration_};
  const AutocastFacts state = autocast_now(plan_.device);
  if (state.enabled) facts.autocast = state.dtype;
  const auto add = [&](std::string_view name, const at::Tensor& tensor, Role role) {
    facts.received.push_back({std::string(name), tensor.scalar_type(), static_cast<int>(tensor.dim()), role});
    facts.mixed_devices |= tensor.device().type() != plan_.device->type;
    note_operand(name, tensor);
  };
  facts.received.reserve(inputs.size() + turn.held.size());
  add(layer.input_name, inputs[0], Role::input);
  for (size_t i = 1; i < inputs.size(); ++i)
    if (inputs[i].defined()) add(layer.drawn.inputs[i - 1].name, inputs[i], Role::input);
  for (const Held& operand : turn.held) add(operand.name, operand.tensor, operand.role);
  facts.input_requires_grad = inputs[0].requires_grad();
  const bool done = attempt(
      turn.culprit.kind == Culprit::kLoss ? Phase::loss : Phase::forward, turn.culprit,
      [&] { outputs = layer.forward(turn.module, inputs); }, inputs[0].scalar_type());
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
  if (!done) note_traces(turn.culprit);
  if (layer.drawn.in_place && done) watch_.stamp_input_anew();
  if (done && looks_.traces) note_changes(seen_.reached, turn.culprit);
  return done;
}

bool Session::add_residual(int layer, Tensors& outputs, const at::Tensor& other) {
  CallFacts facts{.culprit = {Culprit::kResidual, layer}, .iteration = iteration_};
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
  if (!done) note_traces({Culprit::kResidual, layer});
  return done;
}

// Backward and step
bool Session::backward(const Tensors& outputs) {
  Tensors roots = roots_of(outputs);
  if (roots.empty()) return true;
  const bool done = attempt_stage(Phase::backward, [&] {
    training_.scale(roots);
    const Tensors gradients = ones_beside(roots);
    seen_.backward_ran = true;
    torch::autograd::backward(roots, gradients,
                              /*retain_graph=*/plan_.optimizer && plan_.optimizer->needs_closure);
  });
  if (done) note_changes(Phase::backward, {Culprit::kStage});
  if (done) seen_.leaves = leaves_of(plan_, model_, inputs_.first, seen_.calls, iteration_);
  return done;
}

bool Session::unscale() {
  if (!training_.has_scaler() || !training_.has_optimizer()) return true;
  return attempt_stage(Phase::unscale, [&] { training_.unscale(model_.parameters()); });
}

bool Session::clip() {
  if (plan_.clip == Clip::none) return true;
  const Tensors parameters = model_.parameters();
  std::optional<ClippedNumbers> before;
  if (compares_numbers()) before.emplace(plan_.clip, parameters);
  double norm = 0;
  const bool done = attempt_stage(Phase::clip, [&] { norm = Training::clip(plan_.clip, parameters); });
  if (done && before) before->compare(norm, parameters, seen_.arithmetic);
  return done;
}

bool Session::step() {
  if (!training_.has_optimizer()) return true;
  if (training_.skips_step()) {
    ++seen_.skipped_steps;
    seen_.scale = training_.scale();
    return true;
  }
  const Tensors parameters = plan_.device->has_values ? model_.parameters() : Tensors{};
  StepFacts facts;
  for (const at::Tensor& parameter : parameters) {
    facts.parameters_before = facts.parameters_before && is_finite(parameter);
    facts.gradients = facts.gradients && is_finite(parameter.grad());
  }
  std::optional<StepInFloat64> exact;
  if (compares_numbers() && iteration_ == 0 && !plan_.load_optimizer && !plan_.optimizer->needs_closure)
    exact.emplace(*plan_.optimizer, parameters);
  const bool done = attempt_stage(Phase::step, [&] { training_.step([&] { return closure(); }); });
  if (done && exact) exact->compare(parameters, seen_.arithmetic);
  if (training_.has_scaler()) seen_.scale = training_.scale();
  if (!done) return false;
  facts.gradients = facts.gradients && closure_is_finite_;
  for (const at::Tensor& parameter : parameters)
    if (facts.parameters_after && !is_finite(parameter)) {
      facts.parameters_after = false;
      facts.dtype = parameter.scalar_type();
    }
  seen_.steps.push_back(std::move(facts));
  note_dtypes(Phase::step, /*belongings=*/true);
  return true;
}

at::Tensor Session::closure() {
  training_.zero_grad();
  Session again(plan_);
  again.iteration_ = iteration_;
  again.model_ = model_;
  again.inputs_ = inputs_;
  Tensors outputs;
  if (!again.forward(outputs)) throw RefusedInClosure{again.seen_.calls.back(), *again.seen_.error};
  const at::Tensor total = sum_of(roots_of(outputs));
  if (!total.defined()) throw NotApplicable{std::string(plan_.optimizer->name) + " has no loss to work with"};
  total.backward();
  const Tensors parameters = plan_.device->has_values ? model_.parameters() : Tensors{};
  if (std::ranges::all_of(parameters, is_finite))
    for (const at::Tensor& parameter : parameters)
      closure_is_finite_ = closure_is_finite_ && is_finite(parameter.grad());
  return total.detach();
}

// What is noted
void Session::note_traces(Culprit culprit) {
  const auto traces = watch_.traces(seen_.error->phase, culprit);
  seen_.traces.insert(seen_.traces.end(), traces.begin(), traces.end());
}

void Session::note_changes(Phase phase, Culprit culprit) {
  const auto changes = watch_.changes(phase, culprit);
  seen_.changes.insert(seen_.changes.end(), changes.begin(), changes.end());
}

/// The first change explains those after it.
void Session::note_dtypes(Phase phase, bool belongings) {
  if (!seen_.dtype_changes.empty()) return;
  if (auto change = watch_.changed_dtype(phase, model_, training_, belongings))
    seen_.dtype_changes.push_back(std::move(*change));
}

void Session::note_autocast(const AutocastFacts& before) {
  if (autocast_now(plan_.device) == before) return;
  seen_.autocast_restored = false;
  if (seen_.autocast_left.empty()) seen_.autocast_left = "at the end of the run";
}

}  // namespace dtypefuzz
