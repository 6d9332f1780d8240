#include "harness/run/values.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "harness/run/autocast.h"
#include "harness/run/inputs.h"
#include "harness/run/model.h"
#include "harness/run/numbers.h"
#include "harness/run/position.h"
#include "harness/run/slate.h"

namespace dtypefuzz {

double epsilon_of(Dtype dtype) {
  switch (c10::toRealValueType(dtype)) {
    case Dtype::Double:
      return 0x1p-52;
    case Dtype::Float:
      return 0x1p-23;
    case Dtype::Half:
      return 0x1p-10;
    case Dtype::BFloat16:
      return 0x1p-7;
    case Dtype::Float8_e4m3fn:
    case Dtype::Float8_e4m3fnuz:
      return 0x1p-3;
    case Dtype::Float8_e5m2:
    case Dtype::Float8_e5m2fnuz:
      return 0x1p-2;
    case Dtype::Float8_e8m0fnu:
      return 1;
    default:
      return 0;
  }
}

static double epsilon_of(const at::Tensor& tensor) {
  return tensor.defined() ? epsilon_of(tensor.scalar_type()) : 0;
}

namespace {

/// The largest finite number; of the dtypes that a kernel computes with.
double largest_of(Dtype dtype) {
  switch (c10::toRealValueType(dtype)) {
    case Dtype::Double:
      return std::numeric_limits<double>::max();
    case Dtype::Float:
    case Dtype::BFloat16:
      return 3.3e38;
    case Dtype::Half:
      return 65504;
    default:
      return 240;  // the smallest of the float8 variants
  }
}

bool is_integral(Dtype dtype) {
  return category_of(dtype) == Category::integral || category_of(dtype) == Category::boolean;
}

Dtype reference_dtype(Dtype dtype) {
  return c10::isComplexType(dtype) ? Dtype::ComplexDouble : Dtype::Double;
}

/// `tensor` as the reference gets it. What is natural in whole numbers (indices, masks) stays so.
at::Tensor as_reference(const at::Tensor& tensor, std::optional<Dtype> natural) {
  if (!tensor.defined()) return tensor;
  const at::Tensor value = tensor.detach();
  if (natural && is_integral(*natural) && is_integral(value.scalar_type())) return value.to(*natural).clone();
  return value.to(reference_dtype(value.scalar_type())).clone();
}

/// Every floating number moved up or down by this part of itself; `turn` says which go up.
at::Tensor disturbed(const at::Tensor& tensor, double relative, uint64_t turn) {
  if (!can_have_gradient(tensor)) return tensor;
  const auto n = tensor.numel();
  const auto sign = (at::arange(n, at::kDouble).mul(static_cast<double>(turn) * 0.7 + 1.3).sin() > 0)
                        .to(at::kDouble)
                        .mul(2)
                        .sub(1)
                        .view(tensor.sizes());
  return tensor + tensor * sign * relative;
}

using Numbers = std::vector<double>;

/// The first layer's module made in float64, with what the given one holds and gets.
class Reference {
 public:
  Reference(const Plan& plan, const Model& model, const Tensors& inputs) : plan_(plan) {
    const LayerPlan& layer = plan.layers.front();
    int unused = -1;
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kDouble));
    exact_ = make_model(plan, unused);
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(plan.default_dtype));
    exact_.train(plan.mode == Mode::train);
    for (size_t k = 0; k < model.held[0].size(); ++k) {
      const Held& held = model.held[0][k];
      const bool counts = held.role == Role::buffer && is_integral(held.tensor.scalar_type()) &&
                          is_integral(exact_.held[0][k].tensor.scalar_type());
      held_.push_back(as_reference(held.tensor, counts ? std::optional(Dtype::Long) : std::nullopt));
    }
    inputs_.push_back(as_reference(inputs[0], layer.input_natural));
    for (size_t i = 1; i < inputs.size(); ++i)
      inputs_.push_back(as_reference(inputs[i], layer.drawn.inputs[i - 1].natural));
  }

  /// At least 1.
  double largest_input() const {
    double largest = 1;
    for (const at::Tensor& input : inputs_)
      if (can_have_gradient(input) && input.numel() > 0)
        largest = std::max(largest, input.abs().max().item<double>());
    return largest;
  }

  /// The numbers of each output, after every operand was disturbed.
  std::vector<Numbers> outputs(double relative, uint64_t turn) {
    write_position(Phase::construct, {Culprit::kStage});  // what follows is no part of the forward
    for (size_t k = 0; k < held_.size(); ++k)
      exact_.held[0][k].tensor.set_data(disturbed(held_[k], relative, turn + k).clone());
    Tensors own;
    for (size_t i = 0; i < inputs_.size(); ++i)
      own.push_back(inputs_[i].defined() ? disturbed(inputs_[i], relative, turn + 17 * i).clone()
                                         : at::Tensor());
    write_position(Phase::forward, {Culprit::kLayer, 0}, Dtype::Double);
    std::vector<Numbers> numbers;
    for (const at::Tensor& output : plan_.layers.front().forward(*exact_.layers[0], own))
      numbers.push_back(numbers_of(output));
    return numbers;
  }

 private:
  const Plan& plan_;
  Model exact_;
  Tensors held_;
  Tensors inputs_;
};

/// The largest epsilon of what the layer gets and holds, and of the region it runs in.
double epsilon_before(const Plan& plan, const Model& model, const Tensors& inputs) {
  double epsilon = plan.autocast ? epsilon_of(*plan.autocast) : 0;
  for (const at::Tensor& input : inputs) epsilon = std::max(epsilon, epsilon_of(input));
  for (const Held& held : model.held[0]) epsilon = std::max(epsilon, epsilon_of(held.tensor));
  return epsilon;
}

Tensors outputs_of(const Plan& plan, const Model& model, const Tensors& inputs) {
  std::optional<AutocastRegion> region;
  if (plan.autocast) region.emplace(plan.device, plan.autocast);
  write_position(Phase::forward, {Culprit::kLayer, 0},
                 inputs[0].defined() ? inputs[0].scalar_type() : Dtype::Undefined);
  return plan.layers.front().forward(*model.layers[0], inputs);
}

std::vector<ValueFacts> compared(const Plan& plan) {
  const torch::NoGradGuard no_grad;
  const Model model = ready_model(plan);
  const Inputs made = make_inputs(plan);
  const Tensors inputs = made.of_layer(0, made.first);
  double epsilon = epsilon_before(plan, model, inputs);
  // Before the layer runs, which may change its statistics and, in place, its input.
  Reference reference(plan, model, inputs);
  // Fills give numbers up to 65504. Above that are negative ones cast to uint64, some 1.8e19, whose square
  // float32 does not hold.
  if (reference.largest_input() > 1e6) return {};
  const auto exact = reference.outputs(0, 0);
  const Tensors outputs = outputs_of(plan, model, inputs);
  for (const at::Tensor& output : outputs) epsilon = std::max(epsilon, epsilon_of(output));
  constexpr uint64_t kTurns = 3;
  std::vector<std::vector<Numbers>> near;
  for (uint64_t turn = 1; turn <= kTurns; ++turn) near.push_back(reference.outputs(epsilon, turn * 101));
  // Low precision is accumulated in float32. For the factor see ValueFacts.
  const double rounding = 512 * std::min(epsilon, epsilon_of(Dtype::Float)) * reference.largest_input();

  std::vector<ValueFacts> facts;
  for (size_t o = 0; o < outputs.size() && o < exact.size(); ++o) {
    if (!outputs[o].defined()) continue;
    const Numbers got = numbers_of(outputs[o]);
    if (got.size() != exact[o].size()) continue;
    Wanted wanted{.exact = exact[o], .near = {}, .epsilon = epsilon, .rounding = rounding};
    for (const auto& turn : near) wanted.near.push_back(turn[o]);
    facts.push_back(worst_of(static_cast<int>(o), outputs[o].scalar_type(), got, wanted));
  }
  return facts;
}

constexpr double kPlainlyWrong = 1e9;

/// Whether float64 says what the integer must be: where the exact result is no whole number nothing says how
/// it is rounded, and beyond the range it wraps.
bool decides_integer(double exact, double moved, Dtype dtype) {
  const double range =
      dtype == Dtype::Bool ? 2 : std::ldexp(1.0, static_cast<int>(c10::elementSize(dtype)) * 8 - 1);
  return exact == std::nearbyint(exact) && std::abs(exact) < std::min(range, 0x1p52) && moved == 0 &&
         (exact >= 0 || c10::isSignedType(dtype));
}

/// The error over what is allowed; see ValueFacts.
double error_of(double got, double exact, double allowed) {
  if (std::isfinite(got) != std::isfinite(exact)) return kPlainlyWrong;
  return std::isfinite(exact) ? std::abs(got - exact) / std::max(allowed, 1e-300) : 0;
}

}  // namespace

ValueFacts worst_of(int output, Dtype dtype, const Numbers& got, const Wanted& wanted) {
  const Numbers& exact = wanted.exact;
  ValueFacts fact{.output = output, .dtype = dtype};
  const auto consider = [&](double error, size_t i) {
    if (error > fact.worst) fact.worst = error, fact.got = got[i], fact.want = exact[i];
  };
  double moved = 0;  // the most that small changes of the operands do to any number
  for (const Numbers& near : wanted.near)
    for (size_t i = 0; i < exact.size(); ++i)
      if (std::isfinite(near[i] - exact[i])) moved = std::max(moved, std::abs(near[i] - exact[i]));
  for (size_t i = 0; i < exact.size(); ++i) {
    if (is_integral(dtype)) {
      if (decides_integer(exact[i], moved, dtype) && got[i] != exact[i]) consider(kPlainlyWrong, i);
      continue;
    }
    const bool steady = std::ranges::all_of(
        wanted.near, [&](const Numbers& near) { return std::isfinite(near[i]) == std::isfinite(exact[i]); });
    if (!steady || std::abs(exact[i]) > 0.5 * largest_of(dtype)) continue;
    const double allowed = 32 * moved + 8 * wanted.epsilon * std::abs(exact[i]) + wanted.rounding;
    consider(error_of(got[i], exact[i], allowed), i);
  }
  return fact;
}

ValueTrails trails_of_values(const Plan& plan) {
  ValueTrails trails;
  begin_positions(plan.device, plan.autocast);
  const CleanSlate slate(plan);
  const torch::NoGradGuard no_grad;
  try {
    const Model model = ready_model(plan);
    const Inputs made = make_inputs(plan);
    const Tensors inputs = made.of_layer(0, made.first);
    Reference reference(plan, model, inputs);
    TrailRecorder recorder({.numbers = true});
    reference.outputs(0, 0);
    trails.exact = recorder.take();
    outputs_of(plan, model, inputs);
    trails.got = recorder.take();
  } catch (const std::exception&) {  // what is refused has no values
  }
  return trails;
}

std::vector<ValueFacts> compare_values(const Plan& plan) {
  if (plan.device != kCpu) return {};
  begin_positions(plan.device, plan.autocast);
  const CleanSlate slate(plan);
  try {
    return compared(plan);
  } catch (const std::exception&) {  // what is refused has no values
    return {};
  }
}

}  // namespace dtypefuzz
