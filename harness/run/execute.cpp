#include <c10/util/Lazy.h>
#include <c10/util/Logging.h>
#include <cxxabi.h>
#include <torch/torch.h>

#include <chrono>
#include <sstream>

#include "harness/run/autocast.h"
#include "harness/run/fill.h"
#include "harness/run/model.h"
#include "harness/run/run.h"
#include "harness/run/scaler.h"
#include "harness/run/stamps.h"

namespace dtypefuzz {
namespace {

using Tensors = std::vector<at::Tensor>;

/// The run cannot be set up as the plan says: not LibTorch's refusal of the plan, so nothing is judged.
struct NotApplicable {
  std::string reason;
};

/// The closure of an optimizer was refused in forward: a call of the run like any other, not the optimizer's
/// doing.
struct RefusedInClosure {
  CallFacts call;
  ErrorFacts error;
};

std::string type_name(const std::exception& e) {
  int status = 0;
  char* text = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? text : typeid(e).name();
  std::free(text);
  return name;
}

std::string message_of(const std::exception& e) {
  // what() of a c10::Error symbolizes the backtrace: 400 times slower.
  if (const auto* error = dynamic_cast<const c10::Error*>(&e)) return error->what_without_backtrace();
  return e.what();
}

torch::Device torch_device(Device device) {
  return device == Device::meta ? torch::kMeta : device == Device::cuda ? torch::kCUDA : torch::kCPU;
}

bool can_have_gradient(const at::Tensor& tensor) {
  return tensor.defined() && (tensor.is_floating_point() || tensor.is_complex());
}

std::atomic<uint32_t>* position_word = nullptr;
bool positions_within_backward = false;

void write_position(const Position& at) {
  if (!position_word) return;
  position_word->store(static_cast<uint32_t>(at.phase) << 28 | static_cast<uint32_t>(at.culprit.kind) << 24 |
                           static_cast<uint32_t>(at.input) << 16 |
                           static_cast<uint32_t>(at.culprit.layer + 1),
                       std::memory_order_relaxed);
}

uint64_t* ticks_inside = nullptr;

/// While it lives the time is LibTorch's, for a benchmark that asks.
class InsideLibTorch {
 public:
  InsideLibTorch() : begin_(ticks_inside && depth_++ == 0 ? ticks() : 0) {}
  ~InsideLibTorch() {
    if (ticks_inside && --depth_ == 0) *ticks_inside += ticks() - begin_;
  }
  InsideLibTorch(const InsideLibTorch&) = delete;
  InsideLibTorch& operator=(const InsideLibTorch&) = delete;

 private:
  static inline int depth_ = 0;
  uint64_t begin_;
};

class Run {
 public:
  /// `trace_late`: hooks and snapshots that backward and later phases are traced with.
  explicit Run(const Plan& plan, bool trace_late = false) : plan_(plan), trace_late_(trace_late) {}

  Observation go() {
    before_ = autocast_now();
    try {
      if (attempt(Phase::construct, {Culprit::kLayer, -1}, [&] { model_ = make_model(plan_, at_layer_); }) &&
          convert_to(plan_.params_dtype, /*always=*/plan_.params_dtype != plan_.default_dtype) &&
          set_operands() && load() && convert(Convert::before_forward) && !(keep_model_ && plan_.steps == 0))
        iterate();
    } catch (const NotApplicable& e) {
      seen_.not_applicable = e.reason;
    }
    finish();
    return std::move(seen_);
  }
  int reached_backward() const { return backward_at_; }

 private:
  template <class Work>
  bool attempt(Phase phase, Culprit culprit, Work&& work, Dtype input = Dtype::Undefined) {
    seen_.reached = phase;
    write_position({phase, culprit, input});
    const InsideLibTorch inside;
    try {
      work();
      return true;
    } catch (const NotApplicable&) {
      throw;
    } catch (const RefusedInClosure& e) {
      seen_.reached = e.error.phase;
      seen_.calls.push_back(e.call);
      seen_.error = e.error;
      return false;
    } catch (const std::exception& e) {
      if (culprit.kind == Culprit::kLayer && culprit.layer < 0) {
        culprit.layer = at_layer_;
        if (at_layer_ < 0) culprit.kind = plan_.loss ? Culprit::kLoss : Culprit::kStage;
      }
      seen_.error = ErrorFacts{phase, culprit, iteration_, type_name(e), message_of(e)};
      return false;
    }
  }

  // --- before the first step
  // -----------------------------------------------------------------------------------
  bool convert_to(Dtype dtype, bool always) {
    if (!always) return true;
    return attempt(Phase::convert, {Culprit::kStage}, [&] { model_.to(dtype); });
  }

  bool convert(Convert when) { return plan_.convert != when || convert_to(plan_.convert_dtype, true); }

  bool set_operands() {
    const InsideLibTorch inside;
    try {
      apply_operand_dtypes(plan_, model_);
    } catch (const std::exception& e) {
      throw NotApplicable{"an operand cannot be given its dtype: " + message_of(e)};
    }
    for (const auto& unit : model_.units) unit->train(plan_.mode == Mode::train);
    if (model_.loss) model_.loss->train(plan_.mode == Mode::train);
    return true;
  }

  Model saved_model() {
    Plan plan = plan_;
    plan.load = Load::none;
    plan.convert = Convert::none;
    plan.mode = Mode::train;
    plan.autocast.reset();
    plan.params_dtype = plan_.load_dtype;
    plan.input_dtype.reset();
    plan.input_device.reset();
    plan.seed = plan_.seed + 17;
    plan.steps = plan_.load_steps;
    plan.optimizer = plan_.load_steps ? Optimizer::Adam : Optimizer::none;
    plan.scaler = false;
    for (LayerPlan& layer : plan.layers) {
      layer.operand_dtypes.clear();
      layer.autocast = {};
      for (InputSpec& input : layer.drawn.inputs) input.dtype.reset();
    }
    if (plan.loss)
      for (InputSpec& input : plan.loss->drawn.inputs) input.dtype.reset();
    at::manual_seed(plan.seed);
    Run saved(plan);
    saved.keep_model_ = true;
    const Observation seen = saved.go();
    if (saved.model_.layers.size() != plan.layers.size() || (plan.steps && seen.error))
      throw NotApplicable{"the saved model cannot be made or trained: " +
                          (seen.error ? seen.error->message : seen.not_applicable)};
    if (seen.error && seen.error->phase <= Phase::load)
      throw NotApplicable{"the saved model cannot be made: " + seen.error->message};
    return std::move(saved.model_);
  }

  bool load() {
    if (plan_.load == Load::none) return true;
    Model saved = saved_model();
    std::vector<std::vector<Dtype>> before(model_.held.size());
    for (size_t i = 0; i < model_.held.size(); ++i)
      for (const Held& held : model_.held[i]) before[i].push_back(held.tensor.scalar_type());
    const bool loaded = attempt(Phase::load, {Culprit::kStage}, [&] {
      const torch::NoGradGuard no_grad;
      if (plan_.load == Load::archive) {
        for (size_t unit = 0; unit < model_.units.size(); ++unit) {
          std::stringstream file;
          torch::serialize::OutputArchive out;
          saved.units[unit]->save(out);
          out.save_to(file);
          torch::serialize::InputArchive in;
          in.load_from(file);
          model_.units[unit]->load(in);
        }
      } else {
        for (size_t i = 0; i < model_.held.size(); ++i)
          for (size_t k = 0; k < model_.held[i].size(); ++k)
            model_.held[i][k].tensor.copy_(saved.held[i][k].tensor);
      }
    });
    for (size_t i = 0; loaded && i < model_.held.size(); ++i) {
      if (plan_.layers[i].reuse) continue;
      for (size_t k = 0; k < model_.held[i].size(); ++k) {
        const at::Tensor& now = model_.held[i][k].tensor;
        const at::Tensor& was = saved.held[i][k].tensor;
        seen_.loaded.push_back({static_cast<int>(i), model_.held[i][k].name, was.scalar_type(), before[i][k],
                                now.scalar_type(),
                                holds_values_of(now.detach(), was.detach())});
      }
    }
    return loaded;
  }

  /// Whether `now` is `was` cast to its dtype; where no such cast exists nothing could have kept the values.
  static bool holds_values_of(const at::Tensor& now, const at::Tensor& was) {
    try {
      return same_bytes(now.scalar_type() == was.scalar_type() ? was : was.to(now.scalar_type()), now);
    } catch (const std::exception&) {
      return false;
    }
  }

  static bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
    const auto x = a.contiguous(), y = b.contiguous();
    return x.nbytes() == y.nbytes() && std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
  }

  // --- steps
  // ---------------------------------------------------------------------------------------------------
  void iterate() {
    std::optional<c10::InferenceMode> inference;
    std::optional<torch::NoGradGuard> no_grad;
    make_inputs();
    if (plan_.mode == Mode::inference) inference.emplace();
    if (plan_.mode == Mode::no_grad) no_grad.emplace();
    if (!attempt(Phase::construct, {Culprit::kStage}, [&] { make_optimizer(); })) return;
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
      if (!convert(Convert::after_backward)) return;
      if (plan_.convert == Convert::after_backward) take_stamps();
      if (optimizer_ && !step()) return;
    }
  }

  Dtype dtype_of(const InputSpec& input) const {
    return input.dtype.value_or(input.natural.value_or(plan_.params_dtype));
  }

  void make_inputs() {
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

  void make_optimizer() {
    if (plan_.steps == 0 || plan_.optimizer == Optimizer::none) return;
    auto parameters = model_.parameters();
    if (parameters.empty()) return;
    const double rate = 0.01;
    namespace optim = torch::optim;
    switch (plan_.optimizer) {
      case Optimizer::SGD:
        optimizer_ = std::make_unique<optim::SGD>(parameters, optim::SGDOptions(rate).momentum(0.9));
        break;
      case Optimizer::Adam:
        optimizer_ = std::make_unique<optim::Adam>(parameters, optim::AdamOptions(rate));
        break;
      case Optimizer::AdamW:
        optimizer_ = std::make_unique<optim::AdamW>(parameters, optim::AdamWOptions(rate));
        break;
      case Optimizer::RMSprop:
        optimizer_ = std::make_unique<optim::RMSprop>(parameters, optim::RMSpropOptions(rate));
        break;
      case Optimizer::Adagrad:
        optimizer_ = std::make_unique<optim::Adagrad>(parameters, optim::AdagradOptions(rate));
        break;
      case Optimizer::LBFGS:
        optimizer_ = std::make_unique<optim::LBFGS>(parameters, optim::LBFGSOptions(rate).max_iter(2));
        break;
      case Optimizer::none:
        break;
    }
  }

  // --- forward
  // -------------------------------------------------------------------------------------------------
  bool forward(Tensors& outputs) {
    std::optional<AutocastRegion> region;
    if (plan_.autocast) region.emplace(plan_.device, plan_.autocast);
    chain_.assign(1, input_);
    layer_outputs_.clear();
    for (int i = 0; i < static_cast<int>(plan_.layers.size()); ++i) {
      const auto at = static_cast<size_t>(i);
      const LayerPlan& layer = plan_.layers[at];
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

  bool call(Culprit culprit, Phase phase, const LayerPlan& layer, torch::nn::Module& module,
            const std::vector<Held>& held, const Tensors& inputs, const Region& wanted, Tensors& outputs) {
    std::optional<AutocastRegion> region;
    if (wanted.kind != Region::kSame && plan_.device != Device::meta)
      region.emplace(plan_.device, wanted.kind == Region::kOn ? std::optional(wanted.dtype) : std::nullopt);
    CallFacts facts{.culprit = culprit, .iteration = iteration_};
    const AutocastFacts state = autocast_now();
    if (plan_.device == Device::cpu && state.cpu) facts.autocast = state.cpu_dtype;
    if (plan_.device == Device::cuda && state.cuda) facts.autocast = state.cuda_dtype;
    const auto add = [&](std::string_view name, const at::Tensor& tensor, Role role) {
      facts.received.push_back(
          {std::string(name), tensor.scalar_type(), static_cast<int>(tensor.dim()), role});
      facts.mixed_devices |= tensor.device() != inputs[0].device();
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
    if (autocast_now() != state) {
      seen_.autocast_restored = false;
      seen_.autocast_left = "by " + std::string(layer.module);
    }
    seen_.calls.push_back(std::move(facts));
    if (!done) find_traces(culprit);
    return done;
  }

  bool add_residual(int i, Tensors& outputs, const at::Tensor& other) {
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

  /// A gradient that reaches a layer's output says that everything behind it went well.
  void trace(int layer, const Tensors& outputs) {
    for (const at::Tensor& output : outputs)
      if (output.defined() && output.requires_grad() && !output.is_leaf() && !output.is_same(chain_.back()))
        output.register_hook([this, layer](const at::Tensor& gradient) {
          backward_at_ = layer;
          if (positions_within_backward)
            write_position({Phase::backward, {Culprit::kLayer, layer}, gradient.scalar_type()});
        });
  }

  // --- backward and step
  // ---------------------------------------------------------------------------------------
  bool backward(Tensors& outputs) {
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
      torch::autograd::backward(roots, gradients, /*retain_graph=*/plan_.optimizer == Optimizer::LBFGS);
    });
    if (done) {
      find_leaves();
    } else {
      find_traces({Culprit::kStage});
    }
    return done;
  }

  /// Whether the graph from the roots reaches what layer `i` holds: no later layer cuts it.
  std::vector<bool> reached_layers() const {
    std::vector<bool> reached(plan_.layers.size(), true);
    bool open = true;
    for (const CallFacts& call : seen_.calls) {
      if (call.iteration != iteration_ || call.culprit.kind != Culprit::kLoss) continue;
      open = call.output_requires_grad && plan_.loss->contract->carries_gradient && call.input_requires_grad;
    }
    for (size_t i = plan_.layers.size(); i-- > 0;) {
      const CallFacts* call = nullptr;
      for (const CallFacts& c : seen_.calls)
        if (c.iteration == iteration_ && c.culprit == Culprit{Culprit::kLayer, static_cast<int>(i)})
          call = &c;
      reached[i] = open && call && call->output_requires_grad;
      open = reached[i] && call->input_requires_grad && plan_.layers[i].contract->carries_gradient;
    }
    return reached;
  }

  void find_leaves() {
    const bool plain = std::none_of(plan_.layers.begin(), plan_.layers.end(),
                                    [](const LayerPlan& layer) { return layer.residual || layer.reuse; });
    const auto reached = reached_layers();
    seen_.leaves.clear();
    const auto add = [&](Culprit owner, const std::string& name, const at::Tensor& leaf, bool must) {
      if (!leaf.requires_grad() || !leaf.is_leaf()) return;
      const at::Tensor& gradient = leaf.grad();
      seen_.leaves.push_back({owner, name, leaf.scalar_type(), must, gradient.defined(),
                              gradient.defined() ? gradient.scalar_type() : Dtype::Undefined});
    };
    for (size_t i = 0; i < plan_.layers.size(); ++i)
      for (const Held& held : model_.held[i])
        if (held.role == Role::parameter)
          add({Culprit::kLayer, static_cast<int>(i)}, held.name, held.tensor, plain && reached[i]);
    const CallFacts& first = seen_.calls.front();
    add({Culprit::kStage}, "input", input_,
        plain && reached[0] && first.output_requires_grad && plan_.layers[0].contract->carries_gradient);
  }

  bool step() {
    if (trace_late_) take_stamps();
    if (scaler_) {
      if (!attempt(Phase::unscale, {Culprit::kStage}, [&] { scaler_->unscale(model_.parameters()); })) {
        find_traces({Culprit::kStage});
        return false;
      }
      if (!scaler_->finite()) {
        ++seen_.skipped_steps;
        scaler_->update();
        seen_.scale = scaler_->scale();
        return true;
      }
    }
    if (trace_late_ && scaler_) take_stamps();  // unscaling is done
    const bool done = attempt(Phase::step, {Culprit::kStage}, [&] {
      if (plan_.optimizer == Optimizer::LBFGS) {
        optimizer_->step([&] { return again(); });
      } else {
        optimizer_->step();
      }
      if (scaler_) scaler_->update();
    });
    if (scaler_) seen_.scale = scaler_->scale();
    if (!done) find_traces({Culprit::kStage});
    return done;
  }

  /// The closure that LBFGS wants: the same forward and backward, unobserved unless forward refuses (after
  /// `to()` the parameters may disagree with the input).
  at::Tensor again() {
    optimizer_->zero_grad();
    Run closure(plan_);
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
    if (!total.defined()) throw NotApplicable{"LBFGS has no loss to work with"};
    total.backward();
    return total.detach();
  }

  // --- traces
  // --------------------------------------------------------------------------------------------------
  struct Watched {
    std::string name;
    at::Tensor tensor;
    int layer;
    Role role;
    Stamp stamp, gradient;
    bool has_gradient = false;
  };

  void take_stamps() {
    watched_.clear();
    const auto watch = [&](const std::string& name, const at::Tensor& tensor, int layer, Role role) {
      Watched w{name, tensor, layer, role, stamp_of(tensor), {}, false};
      if (role == Role::parameter && tensor.grad().defined() && !tensor.grad().is_sparse()) {
        w.gradient = stamp_of(tensor.grad());
        w.has_gradient = true;
      }
      watched_.push_back(std::move(w));
    };
    watch("input", input_, -1, Role::input);
    for (size_t i = 0; i < plan_.layers.size(); ++i)
      if (!plan_.layers[i].reuse)
        for (const Held& held : model_.held[i]) watch(held.name, held.tensor, static_cast<int>(i), held.role);
    grad_mode_ = at::GradMode::is_enabled();
  }

  void stamp_input_anew() {
    for (Watched& w : watched_)
      if (w.role == Role::input) w.stamp = stamp_of(w.tensor);
  }

  /// What the phase that threw had changed. Layers that had completed may have changed their statistics.
  void find_traces(Culprit culprit) {
    const Phase phase = seen_.error->phase;
    const int from =
        culprit.kind == Culprit::kLayer || culprit.kind == Culprit::kResidual ? culprit.layer : -1;
    const bool completed = phase == Phase::loss || culprit.kind == Culprit::kResidual;
    for (const Watched& w : watched_) {
      // Completed layers may have changed what they hold: statistics, and weights that `max_norm`
      // renormalizes.
      const bool ran = completed || from < 0 || (w.layer >= 0 && w.layer < from) || reused(w.layer);
      const bool settled = ran && (w.role == Role::buffer || (w.layer >= 0 && phase <= Phase::loss));
      if (!settled && stamp_of(w.tensor) != w.stamp)
        seen_.traces.push_back({w.role == Role::input    ? "input"
                                : w.role == Role::buffer ? "buffer"
                                                         : "parameter",
                                w.name, w.layer});
      if (phase == Phase::backward && w.role == Role::parameter && !w.has_gradient &&
          w.tensor.grad().defined())
        seen_.traces.push_back({"gradient", w.name, w.layer});
    }
    if (at::GradMode::is_enabled() != grad_mode_) seen_.traces.push_back({"mode", "grad mode"});
    if (c10::get_default_dtype_as_scalartype() != plan_.default_dtype)
      seen_.traces.push_back({"mode", "default dtype"});
  }

  bool reused(int layer) const {
    for (size_t i = 0; i < plan_.layers.size(); ++i)
      if (plan_.layers[i].reuse && static_cast<int>(i) - plan_.layers[i].reuse == layer) return true;
    return false;
  }

  void finish() {
    if (autocast_now() != before_) {
      seen_.autocast_restored = false;
      if (seen_.autocast_left.empty()) seen_.autocast_left = "at the end of the run";
    }
  }

  const Plan& plan_;
  const bool trace_late_;
  bool keep_model_ = false;
  Observation seen_;
  AutocastFacts before_;
  Model model_;
  int at_layer_ = -1;
  int iteration_ = 0;
  int backward_at_ = -1;
  bool grad_mode_ = true;
  at::Tensor input_;
  std::vector<Tensors> extras_;
  Tensors loss_extras_;
  Tensors chain_;  // chain_[i] is what layer i gets
  std::vector<Tensors> layer_outputs_;
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
  std::optional<GradScaler> scaler_;
  std::vector<Watched> watched_;
};

/// Everything that a case could have left behind.
void reset(const Plan& plan) {
  at::autocast::set_autocast_enabled(at::kCPU, false);
  at::autocast::set_autocast_enabled(at::kCUDA, false);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::clear_cache();
  at::GradMode::set_enabled(true);
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(plan.default_dtype));
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(plan.seed);
}

struct RestoreDefaultDtype {
  ~RestoreDefaultDtype() { c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kFloat)); }
};

class CountWarnings : public c10::WarningHandler {
 public:
  void process(const c10::Warning&) override { ++count; }
  uint64_t count = 0;
};

}  // namespace

Position position_of(uint32_t word) {
  return {.phase = static_cast<Phase>(word >> 28),
          .culprit = {static_cast<Culprit::Kind>(word >> 24 & 0xF), static_cast<int>(word & 0xFFFF) - 1},
          .input = static_cast<Dtype>(word >> 16 & 0xFF)};
}

void write_positions_to(std::atomic<uint32_t>* word, bool within_backward) {
  position_word = word;
  positions_within_backward = within_backward;
}

uint64_t ticks() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}
void count_ticks_inside(uint64_t* sum) {
  ticks_inside = sum;
}

void prepare_process() {
  // Flat memory in bfloat16 and float16; read before the first operation.
  setenv("LRU_CACHE_CAPACITY", "64", /*overwrite=*/0);
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", /*overwrite=*/0);
  at::set_num_threads(1);
  static CountWarnings handler;
  c10::WarningUtils::set_warning_handler(&handler);
  // Nobody reads the backtraces of LibTorch's exceptions, and walking the stack costs more than the rest of a
  // refused case.
  c10::SetStackTraceFetcher([]() -> c10::Backtrace {
    static const c10::Backtrace none = std::make_shared<c10::PrecomputedLazyValue<std::string>>("");
    return none;
  });
}

bool device_in_reach(Device device) {
  return device != Device::cuda || torch::cuda::is_available();
}

Observation run(const Plan& plan) {
  if (!device_in_reach(plan.device)) {
    Observation seen;
    seen.not_applicable = "no " + std::string(to_string(plan.device)) + " device here";
    return seen;
  }
  const RestoreDefaultDtype restore;
  reset(plan);
  Observation seen = Run(plan, positions_within_backward).go();
  if (seen.error && seen.error->phase >= Phase::backward) {
    // Again, with hooks that say whose backward it was, and with a snapshot at the entry of each late phase:
    // what forward had changed (weights that `max_norm` renormalizes) is no trace of a later refusal.
    reset(plan);
    Run traced(plan, /*trace_late=*/true);
    const Observation again = traced.go();
    if (again.error && again.error->phase == seen.error->phase) {
      seen.traces = again.traces;
      if (seen.error->phase == Phase::backward)
        seen.error->culprit =
            traced.reached_backward() >= 0 ? Culprit{Culprit::kLayer, traced.reached_backward()}
            : plan.loss                    ? Culprit{Culprit::kLoss}
                        : Culprit{Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
    }
  }
  return seen;
}

bool run_bare(const Plan& plan) {
  const RestoreDefaultDtype restore;
  reset(plan);
  try {
    int at_layer = 0;
    Model model = make_model(plan, at_layer);
    if (plan.params_dtype != plan.default_dtype) model.to(plan.params_dtype);
    apply_operand_dtypes(plan, model);
    for (const auto& unit : model.units) unit->train(plan.mode == Mode::train);
    const auto make = [&](const Shape& shape, Content content, int64_t limit, Dtype dtype, uint64_t seed) {
      return filled(shape, content, limit, dtype, plan.device, plan.fill, seed);
    };
    const auto call = [&](const LayerPlan& layer, torch::nn::Module& module, const Region& region,
                          at::Tensor value) {
      std::optional<AutocastRegion> nested;
      if (region.kind != Region::kSame && plan.device != Device::meta)
        nested.emplace(plan.device, region.kind == Region::kOn ? std::optional(region.dtype) : std::nullopt);
      Tensors inputs = {std::move(value)};
      for (const InputSpec& input : layer.drawn.inputs)
        inputs.push_back(input.present
                             ? make(input.shape, input.content, input.limit,
                                    input.dtype.value_or(input.natural.value_or(plan.params_dtype)), 1)
                             : at::Tensor());
      return layer.forward(module, inputs).front();
    };
    std::optional<c10::InferenceMode> inference;
    std::optional<torch::NoGradGuard> no_grad;
    const LayerPlan& first = plan.layers.front();
    Tensors chain = {make(plan.input_shape, first.input_content, first.drawn.input_limit,
                          plan.input_dtype.value_or(first.input_natural.value_or(plan.params_dtype)),
                          plan.seed)};
    if (plan.input_requires_grad && can_have_gradient(chain[0])) chain[0].requires_grad_(true);
    if (plan.mode == Mode::inference) inference.emplace();
    if (plan.mode == Mode::no_grad) no_grad.emplace();
    std::optional<AutocastRegion> region;
    if (plan.autocast) region.emplace(plan.device, plan.autocast);
    for (size_t i = 0; i < plan.layers.size(); ++i) {
      const LayerPlan& layer = plan.layers[i];
      at::Tensor out = call(layer, *model.layers[i], layer.autocast, chain.back());
      if (layer.residual) out = out + chain[i + 1 - static_cast<size_t>(layer.residual)];
      chain.push_back(out);
    }
    at::Tensor value = chain.back();
    if (plan.loss) value = call(*plan.loss, *model.loss, plan.loss_autocast, value);
    region.reset();
    if (plan.has_backward() && value.requires_grad())
      torch::autograd::backward(
          {value}, {at::ones(value.sizes(), value.options().dtype(at::kFloat)).to(value.scalar_type())});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace dtypefuzz
