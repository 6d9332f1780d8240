// A layer's results held against the same layer in float64, on the exact numbers that it got.
#include <cmath>
#include <limits>

#include "harness/run/fill.h"
#include "harness/run/session.h"

namespace dtypefuzz {
namespace {

/// The distance from 1 to the next number, of the real type for complex ones; 0 for integers.
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

/// Every floating number a little larger or smaller, by its index.
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

std::vector<double> numbers_of(const at::Tensor& tensor) {
  at::Tensor real = tensor.detach();
  if (real.is_complex()) real = at::view_as_real(real.to(at::kComplexDouble));
  real = real.to(at::kDouble).contiguous();
  const auto* data = real.const_data_ptr<double>();
  return {data, data + real.numel()};
}

}  // namespace

std::vector<ValueFacts> Session::values() {
  std::vector<ValueFacts> facts;
  try {
    const torch::NoGradGuard no_grad;
    const LayerPlan& layer = plan_.layers.front();
    model_ = make_model(plan_, at_layer_);
    if (plan_.params_dtype != plan_.default_dtype) model_.to(plan_.params_dtype);
    set_operands();
    make_inputs();
    double epsilon = plan_.autocast ? epsilon_of(*plan_.autocast) : 0;
    Tensors inputs = {input_};
    inputs.insert(inputs.end(), extras_[0].begin(), extras_[0].end());
    for (const at::Tensor& input : inputs)
      if (input.defined()) epsilon = std::max(epsilon, epsilon_of(input.scalar_type()));
    for (const Held& held : model_.held[0])
      epsilon = std::max(epsilon, epsilon_of(held.tensor.scalar_type()));

    // The references are made first: a forward may change statistics and, in place, its input.
    int unused = -1;
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kDouble));
    Model exact = make_model(plan_, unused);
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(plan_.default_dtype));
    std::vector<at::Tensor> kept;
    for (size_t k = 0; k < model_.held[0].size(); ++k) {
      const Held& held = model_.held[0][k];
      const bool counts = held.role == Role::buffer && is_integral(held.tensor.scalar_type()) &&
                          is_integral(exact.held[0][k].tensor.scalar_type());
      kept.push_back(as_reference(held.tensor, counts ? std::optional(Dtype::Long) : std::nullopt));
    }
    Tensors reference_inputs = {as_reference(inputs[0], layer.input_natural)};
    for (size_t i = 1; i < inputs.size(); ++i)
      reference_inputs.push_back(as_reference(inputs[i], layer.drawn.inputs[i - 1].natural));
    double largest_input = 1;
    for (const at::Tensor& input : reference_inputs)
      if (can_have_gradient(input) && input.numel() > 0)
        largest_input = std::max(largest_input, input.abs().max().item<double>());
    // No tame numbers: uint64 of a negative one, whose square float32 does not hold.
    if (largest_input > 1e6) return {};
    const auto reference = [&](double relative, uint64_t turn) {
      for (size_t k = 0; k < kept.size(); ++k)
        exact.held[0][k].tensor.set_data(disturbed(kept[k], relative, turn + k).clone());
      Tensors own;
      for (size_t i = 0; i < reference_inputs.size(); ++i)
        own.push_back(reference_inputs[i].defined()
                          ? disturbed(reference_inputs[i], relative, turn + 17 * i).clone()
                          : at::Tensor());
      for (const auto& unit : exact.units) unit->train(plan_.mode == Mode::train);
      std::vector<std::vector<double>> numbers;
      write_position({Phase::forward, {Culprit::kLayer, 0}, Dtype::Double});
      for (const at::Tensor& output : layer.forward(*exact.layers[0], own))
        numbers.push_back(output.defined() ? numbers_of(output) : std::vector<double>{});
      return numbers;
    };
    const auto wanted = reference(0, 0);

    Tensors outputs;
    {
      std::optional<AutocastRegion> region;
      if (plan_.autocast) region.emplace(plan_.device, plan_.autocast);
      write_position(
          {Phase::forward, {Culprit::kLayer, 0}, input_.defined() ? input_.scalar_type() : Dtype::Undefined});
      for (const at::Tensor& output : layer.forward(*model_.layers[0], inputs)) outputs.push_back(output);
    }
    for (const at::Tensor& output : outputs)
      if (output.defined()) epsilon = std::max(epsilon, epsilon_of(output.scalar_type()));
    constexpr int kTurns = 3;
    std::vector<std::vector<std::vector<double>>> near;
    for (int turn = 1; turn <= kTurns; ++turn)
      near.push_back(reference(epsilon, static_cast<uint64_t>(turn) * 101));

    // What rounding in between does where the exact result cancels out (a group of equal numbers normalized:
    // 316 times the error of their mean). Low precision is accumulated in float32.
    const double rounding = 512 * std::min(epsilon, 0x1p-23) * largest_input;
    for (size_t o = 0; o < outputs.size() && o < wanted.size(); ++o) {
      if (!outputs[o].defined()) continue;
      ValueFacts fact{.output = static_cast<int>(o), .dtype = outputs[o].scalar_type()};
      const auto got = numbers_of(outputs[o]);
      const auto& want = wanted[o];
      if (got.size() != want.size()) continue;
      double moved = 0;  // the most that such small changes of the operands can do
      for (const auto& other : near)
        for (size_t i = 0; i < want.size(); ++i)
          if (std::isfinite(other[o][i] - want[i])) moved = std::max(moved, std::abs(other[o][i] - want[i]));
      for (size_t i = 0; i < want.size(); ++i) {
        const bool steady = std::all_of(near.begin(), near.end(), [&](const auto& other) {
          return std::isfinite(other[o][i]) == std::isfinite(want[i]);
        });
        if (is_integral(fact.dtype)) {
          // Where the exact result is no whole number nothing says how it is rounded, and beyond the range it
          // wraps.
          const double limit = fact.dtype == Dtype::Bool
                                   ? 2
                                   : std::ldexp(1.0, static_cast<int>(c10::elementSize(fact.dtype)) * 8 - 1);
          if (want[i] != std::nearbyint(want[i]) || std::abs(want[i]) >= std::min(limit, 0x1p52) ||
              moved != 0 || (want[i] < 0 && !c10::isSignedType(fact.dtype)))
            continue;
          if (got[i] != want[i] && fact.worst < 1e9) fact.worst = 1e9, fact.got = got[i], fact.want = want[i];
          continue;
        }
        if (!steady || std::abs(want[i]) > 0.5 * largest_of(fact.dtype)) continue;
        const bool alike = std::isfinite(got[i]) == std::isfinite(want[i]);
        const double allowed = 32 * moved + 8 * epsilon * std::abs(want[i]) + rounding;
        const double worst = !alike ? 1e9
                             : !std::isfinite(want[i])
                                 ? 0
                                 : std::abs(got[i] - want[i]) / std::max(allowed, 1e-300);
        if (worst > fact.worst) fact.worst = worst, fact.got = got[i], fact.want = want[i];
      }
      facts.push_back(fact);
    }
  } catch (const std::exception&) {  // what is refused has no values
    facts.clear();
  } catch (const NotApplicable&) {
    facts.clear();
  }
  return facts;
}

}  // namespace dtypefuzz
