#include "harness/run/arithmetic.h"

#include <ATen/Dispatch_v2.h>

#include <algorithm>
#include <cmath>

#include "harness/run/numbers.h"
#include "harness/run/training.h"
#include "harness/run/values.h"

namespace dtypefuzz {
namespace {

/// A number as it is in this dtype: of a complex one, of its real type.
double cast(double number, Dtype dtype) {
  double is = number;
  AT_DISPATCH_V2(c10::toRealValueType(dtype), "cast",
                 AT_WRAP([&] { is = static_cast<double>(c10::convert<scalar_t>(number)); }),
                 AT_EXPAND(AT_FLOATING_TYPES), AT_EXPAND(AT_FLOAT8_TYPES), at::kHalf, at::kBFloat16);
  return is;
}

/// Whether a cast has one result that C++ defines.
bool is_castable(double number, Dtype to) {
  return c10::isFloatingType(c10::toRealValueType(to)) && std::isfinite(number);
}

/// The smallest normal number: below it numbers lie apart by as much however small they are.
double least_of(Dtype dtype) {
  switch (c10::toRealValueType(dtype)) {
    case Dtype::Double:
      return 0x1p-1022;
    case Dtype::Half:
      return 0x1p-14;
    default:
      return 0x1p-126;
  }
}

/// Numbers of parameters that have plain gradients; nothing is said of sparse ones.
std::vector<double> gradient_of(const at::Tensor& parameter) {
  const at::Tensor& gradient = parameter.grad();
  const bool plain =
      gradient.defined() && !gradient.is_sparse() && category_of(gradient.scalar_type()) != Category::other;
  return plain ? numbers_of(gradient) : std::vector<double>{};
}

void consider(ArithmeticFacts& facts, double got, double want, double allowed) {
  if (!std::isfinite(got) || !std::isfinite(want)) return;  // of those says `steps_keep_values_finite`
  const double error = std::abs(got - want) / std::max(allowed, 1e-300);
  if (error > facts.worst) facts.worst = error, facts.got = got, facts.want = want;
}

}  // namespace

HeldNumbers::HeldNumbers(const Plan& plan, const Model& model) {
  for (size_t i = 0; i < model.held.size(); ++i) {
    if (plan.layers[i].reuse) continue;
    for (size_t k = 0; k < model.held[i].size(); ++k) {
      const at::Tensor& tensor = model.held[i][k].tensor;
      if (category_of(tensor.scalar_type()) == Category::other) continue;
      kept_.push_back({i, k, tensor.scalar_type(), numbers_of(tensor)});
    }
  }
}

std::vector<ConversionFacts> HeldNumbers::changed_by_conversion(const Model& model) const {
  for (const Kept& kept : kept_) {
    const Held& held = model.held[kept.layer][kept.held];
    const Dtype now = held.tensor.scalar_type();
    if (category_of(now) == Category::other) continue;
    const std::vector<double> numbers = numbers_of(held.tensor);
    const bool was_complex = c10::isComplexType(kept.dtype), is_complex = c10::isComplexType(now);
    const size_t count = kept.numbers.size() / (was_complex ? 2 : 1);
    if (numbers.size() != count * (is_complex ? 2 : 1)) continue;
    for (size_t n = 0; n < count; ++n)
      for (size_t part = 0; part < (is_complex ? 2u : 1u); ++part) {
        const double was = was_complex ? kept.numbers[2 * n + part] : part ? 0 : kept.numbers[n];
        const double is = is_complex ? numbers[2 * n + part] : numbers[n];
        const bool same_dtype = now == kept.dtype;
        if (!same_dtype && !is_castable(was, now)) continue;
        const double wanted = same_dtype ? was : cast(was, now);
        if (is == wanted || (std::isnan(is) && std::isnan(wanted))) continue;
        return {{held.role == Role::buffer ? "buffer" : "parameter", held.name, static_cast<int>(kept.layer),
                 kept.dtype, now, was, is}};
      }
  }
  return {};
}

ClippedNumbers::ClippedNumbers(Clip clip, const Tensors& parameters) : clip_(clip) {
  for (const at::Tensor& parameter : parameters) gradients_.push_back(gradient_of(parameter));
}

void ClippedNumbers::compare(double norm, const Tensors& parameters,
                             std::vector<ArithmeticFacts>& facts) const {
  double epsilon = 0, squares = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].grad().defined() && parameters[i].grad().is_sparse()) return;
    if (gradients_[i].empty()) continue;
    epsilon = std::max(epsilon, epsilon_of(parameters[i].grad().scalar_type()));
    for (const double gradient : gradients_[i]) squares += gradient * gradient;
  }
  if (epsilon == 0 || !std::isfinite(squares)) return;
  const double exact = std::sqrt(squares);
  double factor = 1;
  if (clip_ == Clip::norm) {
    // Half a unit in the last place is at most this part of a number; what float32 adds up costs a little.
    ArithmeticFacts of_norm{.phase = Phase::clip, .dtype = Dtype::Undefined};
    for (const at::Tensor& parameter : parameters)
      if (parameter.grad().defined() && epsilon_of(parameter.grad().scalar_type()) == epsilon)
        of_norm.dtype = parameter.grad().scalar_type();
    consider(of_norm, norm, exact, exact * (epsilon / 2 + 16 * 0x1p-23));
    facts.push_back(of_norm);
    if (of_norm.worst > 1) return;  // what it does to gradients follows from it
    factor = std::min(1.0, kMostNorm / (exact + 1e-6));
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (gradients_[i].empty()) continue;
    const std::vector<double> now = gradient_of(parameters[i]);
    if (now.size() != gradients_[i].size()) continue;
    ArithmeticFacts of_gradient{.phase = Phase::clip, .dtype = parameters[i].grad().scalar_type()};
    const double own = epsilon_of(of_gradient.dtype);
    for (size_t n = 0; n < now.size(); ++n) {
      const double was = gradients_[i][n];
      const double want = clip_ == Clip::norm ? was * factor : std::clamp(was, -kMostValue, kMostValue);
      consider(of_gradient, now[n], want,
               std::abs(want) * (own + 2 * epsilon) + 4 * own * least_of(of_gradient.dtype));
    }
    facts.push_back(of_gradient);
  }
}

StepInFloat64::StepInFloat64(const OptimizerRow& row, const Tensors& parameters) {
  Tensors all;
  for (const at::Tensor& parameter : parameters) {
    before_.emplace_back();
    gradients_.emplace_back();
    const at::Tensor& gradient = parameter.grad();
    exact_.emplace_back();
    const bool plain = gradient.defined() && !gradient.is_sparse() && parameter.is_floating_point() &&
                       gradient.is_floating_point() &&
                       category_of(parameter.scalar_type()) != Category::other;
    if (!plain) continue;
    before_.back() = numbers_of(parameter);
    gradients_.back() = numbers_of(gradient);
    exact_.back() = parameter.detach().to(at::kDouble).clone().requires_grad_(true);
    exact_.back().mutable_grad() = gradient.detach().to(at::kDouble).clone();
    all.push_back(exact_.back());
  }
  if (!all.empty()) optimizer_ = row.make(std::move(all));
}

void StepInFloat64::compare(const Tensors& parameters, std::vector<ArithmeticFacts>& facts) {
  if (!optimizer_) return;
  optimizer_->step();
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (!exact_[i].defined()) continue;
    const std::vector<double> got = numbers_of(parameters[i]), want = numbers_of(exact_[i]);
    ArithmeticFacts fact{.phase = Phase::step, .dtype = parameters[i].scalar_type()};
    const double epsilon = epsilon_of(fact.dtype);
    const double least = least_of(parameters[i].grad().scalar_type());
    for (size_t n = 0; n < got.size() && n < want.size(); ++n) {
      if (gradients_[i][n] != 0 && std::abs(gradients_[i][n]) < least)
        continue;  // what is left of it is chance
      const double change = std::abs(want[n] - before_[i][n]);
      consider(fact, got[n], want[n],
               epsilon * (4 * std::max(std::abs(want[n]), std::abs(before_[i][n])) + 64 * change));
    }
    facts.push_back(fact);
  }
}

}  // namespace dtypefuzz
