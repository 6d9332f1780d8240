#include "harness/run/values.h"

#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "harness/run/autocast.h"
#include "harness/run/inputs.h"
#include "harness/run/intercept.h"
#include "harness/run/model.h"
#include "harness/run/numbers.h"
#include "harness/run/pass.h"
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

/// A mask as what it means: what is not zero is left out, by adding -inf to its score.
at::Tensor left_out(const at::Tensor& mask, Dtype wide) {
  const double nothing = -std::numeric_limits<double>::infinity();
  return at::zeros(mask.sizes(), at::TensorOptions(wide)).masked_fill(mask.ne(0), nothing);
}

/// An operand as the reference in `wide` gets it. What is natural in whole numbers (indices, masks) stays so.
at::Tensor as_reference(const at::Tensor& tensor, std::optional<Dtype> natural, Dtype wide,
                        const Contract& contract, std::string_view name) {
  if (!tensor.defined()) return tensor;
  const at::Tensor value = tensor.detach();
  for (const Equivalence& same : contract.equivalents)
    if (same.operand == name && same.dtypes.has(value.scalar_type(), {})) return left_out(value, wide);
  if (natural && is_whole(*natural) && is_whole(value.scalar_type())) return value.to(*natural).clone();
  return value.to(value.is_complex() ? c10::toComplexType(wide) : wide).clone();
}

/// Every floating number moved up or down by up to this part of itself; `turn` says which go up.
at::Tensor disturbed(const at::Tensor& tensor, double relative, uint64_t turn) {
  if (!can_have_gradient(tensor)) return tensor;
  // Without a period, and by half of it to all of it: what moves alike cancels out and would not be seen.
  const at::Tensor spread =
      ((at::arange(tensor.numel(), at::kDouble) * 12.9898 + static_cast<double>(turn) * 78.233).sin() *
       43758.5453)
          .frac();
  const at::Tensor by = ((spread + spread.sign()) / 2).to(tensor.scalar_type()).view(tensor.sizes());
  return (tensor + tensor * by * relative).where(tensor.isfinite(), tensor);
}

using Numbers = std::vector<double>;

/// What one call came to: the numbers of each output, and of the gradients of what it got and holds where
/// backward ran, by name.
struct Results {
  Tensors outputs;
  std::vector<std::pair<std::string, at::Tensor>> gradients;
};

/// The call of the plan's only layer and, if `backward`, backward from ones through all of its outputs; they
/// are disturbed as well, which tells how much of a gradient cancels out.
Results called(const Plan& plan, Model& model, const Tensors& inputs, bool backward, double relative = 0,
               uint64_t turn = 0) {
  const LayerPlan& layer = plan.layers.front();
  const at::AutoGradMode grad_mode(backward);
  for (const Held& held : model.held[0]) held.tensor.mutable_grad().reset();
  at::Tensor leaf = inputs[0];
  Tensors given = inputs;
  if (backward && can_have_gradient(leaf)) {
    leaf = leaf.detach().requires_grad_(true);
    given[0] = layer.drawn.in_place ? leaf.clone() : leaf;
  }
  Results results;
  {
    std::optional<AutocastRegion> region;
    if (plan.autocast) region.emplace(plan.device, plan.autocast);
    write_position(Phase::forward, {Culprit::kLayer, 0},
                   given[0].defined() ? given[0].scalar_type() : Dtype::Undefined);
    results.outputs = layer.forward(*model.layers[0], given);
  }
  const Tensors roots = backward ? roots_of(results.outputs) : Tensors{};
  if (roots.empty()) return results;
  write_position(Phase::backward, {Culprit::kLayer, 0});
  Tensors ones = ones_beside(roots);
  if (relative > 0)
    for (at::Tensor& one : ones) one = disturbed(one, relative, turn + 7);
  torch::autograd::backward(roots, ones);
  const auto add = [&](std::string_view name, const at::Tensor& of) {
    if (of.requires_grad() && of.grad().defined() && !of.grad().is_sparse())
      results.gradients.emplace_back(name, of.grad());
  };
  add(layer.input_name, leaf);
  for (const Held& held : model.held[0])
    if (held.role == Role::parameter) add(held.name, held.tensor);
  return results;
}

/// The first layer's module made in a wider dtype, with what the given one holds and gets.
class Reference {
 public:
  Reference(const Plan& plan, const Model& model, const Tensors& inputs, Dtype wide = Dtype::Double)
      : plan_(plan) {
    plan_.autocast.reset();
    const LayerPlan& layer = plan.layers.front();
    int unused = -1;
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(wide));
    exact_ = make_model(plan, unused);
    c10::set_default_dtype(c10::scalarTypeToTypeMeta(plan.default_dtype));
    exact_.train(plan.mode == Mode::train);
    const Contract& contract = *layer.contract;
    for (size_t k = 0; k < model.held[0].size(); ++k) {
      const Held& held = model.held[0][k];
      const bool counts = held.role == Role::buffer && is_whole(held.tensor.scalar_type()) &&
                          is_whole(exact_.held[0][k].tensor.scalar_type());
      held_.push_back(as_reference(held.tensor, counts ? std::optional(Dtype::Long) : std::nullopt, wide,
                                   contract, held.name));
    }
    inputs_.push_back(as_reference(inputs[0], layer.input_natural, wide, contract, layer.input_name));
    for (size_t i = 1; i < inputs.size(); ++i) {
      const InputSpec& input = layer.drawn.inputs[i - 1];
      inputs_.push_back(as_reference(inputs[i], input.natural, wide, contract, input.name));
    }
  }

  /// At least 1.
  double largest_input() const {
    double largest = 1;
    for (const at::Tensor& input : inputs_)
      if (can_have_gradient(input) && input.numel() > 0)
        largest = std::max(largest, input.abs().where(input.isfinite(), 0).max().item<double>());
    return largest;
  }

  /// What it comes to after every operand was disturbed.
  Results results(double relative, uint64_t turn, bool backward) {
    write_position(Phase::construct, {Culprit::kStage});  // what follows is no part of the forward
    for (size_t k = 0; k < held_.size(); ++k) {
      at::Tensor& tensor = exact_.held[0][k].tensor;
      tensor.mutable_grad().reset();
      if (!can_have_gradient(held_[k])) tensor.requires_grad_(false);
      tensor.set_data(disturbed(held_[k], relative, turn + k).clone());
    }
    Tensors own;
    for (size_t i = 0; i < inputs_.size(); ++i)
      own.push_back(inputs_[i].defined() ? disturbed(inputs_[i], relative, turn + 17 * i).clone()
                                         : at::Tensor());
    return called(plan_, exact_, own, backward, relative, turn);
  }

 private:
  Plan plan_;
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

/// Where a layer's numbers are random in train, those of eval are compared.
Plan steady(const Plan& plan) {
  Plan steady = plan;
  if (plan.layers.front().contract->random == Random::in_train && plan.mode == Mode::train)
    steady.mode = Mode::eval;
  return steady;
}

bool is_tame(Fill fill) {
  return fill != Fill::extremes && fill != Fill::limits;
}

/// What the layer gets and holds, without what is whole by nature.
std::vector<Dtype> dtypes_of(const Plan& plan, const Model& model, const Tensors& inputs) {
  std::vector<Dtype> dtypes;
  const LayerPlan& layer = plan.layers.front();
  for (size_t i = 0; i < inputs.size(); ++i) {
    const auto natural = i ? layer.drawn.inputs[i - 1].natural : layer.input_natural;
    if (inputs[i].defined() && !(natural && is_whole(*natural))) dtypes.push_back(inputs[i].scalar_type());
  }
  for (const Held& held : model.held[0])
    if (held.name != kBatchCounter) dtypes.push_back(held.tensor.scalar_type());
  return dtypes;
}

/// The one that all are; Undefined where they disagree.
Dtype common_of(const std::vector<Dtype>& dtypes) {
  const bool agree = std::ranges::adjacent_find(dtypes, std::ranges::not_equal_to()) == dtypes.end();
  return agree && !dtypes.empty() ? dtypes.front() : Dtype::Undefined;
}

constexpr double kPlainlyWrong = 1e9;

/// `numbers` moved as those of `from` were to become `to`.
Numbers moved(Numbers numbers, const Numbers& from, const Numbers& to) {
  for (size_t i = 0; i < numbers.size() && i < from.size(); ++i) numbers[i] += to[i] - from[i];
  return numbers;
}

/// One comparison of a layer with its reference in float64, and all that it needs.
class Comparison {
 public:
  Comparison(const Plan& plan, bool backward) : plan_(plan), backward_(backward), model_(ready_model(plan)) {
    const Inputs made = make_inputs(plan_);
    inputs_ = made.of_layer(0, made.first);
  }

  std::vector<ValueFacts> facts() {
    const std::vector<Dtype> dtypes = dtypes_of(plan_, model_, inputs_);
    const Dtype common = common_of(dtypes);
    // What whole numbers of any size give is right or wrong.
    const bool tame = is_tame(plan_.fill) || is_whole(common);
    // Other numbers are compared in low precision, where each operator in float32 tells what that may be held
    // to.
    const bool low = c10::isFloatingType(common) && epsilon_of(common) > epsilon_of(Dtype::Float);
    if (!tame && (plan_.autocast || !low)) return {};
    if (!tame) backward_ = false;
    double epsilon = epsilon_before(plan_, model_, inputs_);
    // Before the layer runs, which may change its statistics and, in place, its input.
    Reference reference(plan_, model_, inputs_);
    // Tame fills give small numbers, and float32 may not hold the square of a negative one cast to uint64,
    // some 1.8e19.
    if (tame && reference.largest_input() > 1e6) return {};
    const Results exact = reference.results(0, 0, backward_);
    Results witness;
    if (!tame) {
      Reference unrounded(plan_, model_, inputs_, Dtype::Float);
      const Rounded rounded(common);
      witness = unrounded.results(0, 0, false);
    }
    const Results got = called(plan_, model_, inputs_, backward_);
    for (const at::Tensor& output : got.outputs) {
      epsilon = std::max(epsilon, epsilon_of(output));
      // Whole numbers become the default dtype on their way to what is none.
      if (output.defined() && !is_whole(output.scalar_type()) &&
          std::ranges::any_of(dtypes, [](Dtype dtype) { return is_whole(dtype); }))
        epsilon = std::max(epsilon, epsilon_of(plan_.default_dtype));
    }
    constexpr uint64_t kTurns = 3;
    std::vector<Results> near;
    // The layer in float32, and what small changes do to it there: where the exact numbers cancel out,
    // float32 tells by how much its rounding moves them.
    std::vector<Results> in_float32;
    // Low precision is accumulated in float32. For the factor see ValueFacts.
    const double unit = 512 * std::min(epsilon, epsilon_of(Dtype::Float));
    const auto wanted_of = [&](const auto& tensor_of, double scale, double cancelled = 0) {
      Wanted wanted{.exact = numbers_of(tensor_of(exact)),
                    .near = {},
                    .witness = {},
                    .epsilon = epsilon,
                    .rounding = std::max(unit * std::max(reference.largest_input(), scale), cancelled),
                    .tame = tame};
      for (const Results& turn : near) wanted.near.push_back(numbers_of(tensor_of(turn)));
      for (size_t turn = 1; turn < in_float32.size(); ++turn)
        wanted.near.push_back(moved(wanted.exact, numbers_of(tensor_of(in_float32.front())),
                                    numbers_of(tensor_of(in_float32[turn]))));
      if (!tame) wanted.witness = numbers_of(tensor_of(witness));
      return wanted;
    };
    std::vector<ValueFacts> facts = facts_of(got, exact, epsilon, plan_.fill, wanted_of);
    // What small changes of the operands do only adds to what is allowed, and most need none of it.
    if (std::ranges::none_of(facts, [](const ValueFacts& fact) { return fact.worst > 1 || fact.rounded; }))
      return facts;
    for (uint64_t turn = 1; turn <= kTurns; ++turn)
      near.push_back(reference.results(epsilon, turn * 101, backward_));
    facts = facts_of(got, exact, epsilon, plan_.fill, wanted_of);
    const auto may_be_chance = [](const ValueFacts& fact) {
      return fact.worst > 1 && fact.worst < kPlainlyWrong && !is_whole(fact.dtype);
    };
    if (tame && epsilon == epsilon_of(Dtype::Float) && std::ranges::any_of(facts, may_be_chance)) {
      const Comparison again(plan_, backward_);
      Reference reference32(again.plan_, again.model_, again.inputs_, Dtype::Float);
      for (uint64_t turn = 0; turn <= kTurns; ++turn)
        in_float32.push_back(reference32.results(turn ? epsilon : 0, turn * 101, backward_));
      facts = facts_of(got, exact, epsilon, plan_.fill, wanted_of);
    }
    return facts;
  }

  ValueTrails trails() {
    ValueTrails trails;
    Reference reference(plan_, model_, inputs_);
    TrailRecorder recorder({.numbers = true});
    reference.results(0, 0, false);
    trails.exact = recorder.take();
    called(plan_, model_, inputs_, false);
    trails.got = recorder.take();
    return trails;
  }

 private:
  template <class WantedOf>
  static std::vector<ValueFacts> facts_of(const Results& got, const Results& exact, double epsilon, Fill fill,
                                          const WantedOf& wanted_of) {
    std::vector<ValueFacts> facts;
    for (size_t o = 0; o < got.outputs.size() && o < exact.outputs.size(); ++o) {
      const at::Tensor& output = got.outputs[o];
      if (!output.defined() || output.numel() != exact.outputs[o].numel()) continue;
      if (output.is_complex() != exact.outputs[o].is_complex()) continue;
      const Wanted wanted = wanted_of([&](const Results& of) { return of.outputs[o]; }, 1);
      facts.push_back(worst_of(static_cast<int>(o), output.scalar_type(), numbers_of(output), wanted));
    }
    int64_t outputs = 0;
    for (const at::Tensor& output : got.outputs) outputs += output.defined() ? output.numel() : 0;
    for (const auto& [leaf, gradient] : got.gradients) {
      const auto of_leaf = [&](const Results& of) {
        const auto at = std::ranges::find(of.gradients, leaf, &std::pair<std::string, at::Tensor>::first);
        return at == of.gradients.end() ? at::Tensor() : at->second;
      };
      const at::Tensor want = of_leaf(exact);
      if (!want.defined() || want.numel() != gradient.numel() || want.is_complex() != gradient.is_complex())
        continue;
      const double largest =
          want.numel() ? want.abs().where(want.isfinite(), 0).max().to(at::kDouble).item<double>() : 0;
      // A one for each output, which may cancel out but for its rounding. At zeros, where absolute values and
      // maxima have no gradient, and where low precision has none at all, any of them may be left.
      const double ones = std::max(
          static_cast<double>(outputs) / static_cast<double>(std::max<int64_t>(want.numel(), 1)), 1.0);
      const bool any_may_be_left =
          fill == Fill::zeros || (epsilon > epsilon_of(Dtype::Float) && largest < epsilon);
      ValueFacts fact = worst_of(-1, gradient.scalar_type(), numbers_of(gradient),
                                 wanted_of(of_leaf, largest, any_may_be_left ? ones : epsilon * ones));
      fact.leaf = leaf;
      facts.push_back(std::move(fact));
    }
    return facts;
  }

  Plan plan_;
  bool backward_;
  Model model_;
  Tensors inputs_;
};

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
  const double largest = largest_of(dtype);
  for (size_t i = 0; i < exact.size(); ++i) {
    if (is_whole(dtype)) {
      if (decides_integer(exact[i], moved, dtype) && got[i] != exact[i]) consider(kPlainlyWrong, i);
      fact.rounded |= moved == 0 && exact[i] != std::nearbyint(exact[i]) && std::abs(got[i] - exact[i]) < 1;
      continue;
    }
    // Where the result has a place in the range, and what comes before it leaves it, that is no fault.
    if (!wanted.tame && std::isinf(got[i]) && std::signbit(got[i]) == std::signbit(exact[i])) continue;
    if (!wanted.tame && !(std::abs(wanted.witness[i] - exact[i]) <= 1e-3 * std::abs(exact[i]))) continue;
    const bool steady = std::ranges::all_of(
        wanted.near, [&](const Numbers& near) { return std::isfinite(near[i]) == std::isfinite(exact[i]); });
    if (!steady) continue;
    // Beyond the range: an infinity of the same sign, or the largest number.
    if (std::isfinite(exact[i]) && std::abs(exact[i]) > 2 * largest) {
      if (std::isnan(got[i]) || std::signbit(got[i]) != std::signbit(exact[i])) consider(kPlainlyWrong, i);
      continue;
    }
    if (std::abs(exact[i]) > 0.5 * largest) continue;
    const double allowed = 32 * moved + 8 * wanted.epsilon * std::abs(exact[i]) + wanted.rounding;
    consider(error_of(got[i], exact[i], allowed), i);
  }
  return fact;
}

namespace {

/// `work` on a comparison of the plan, backward included where it has one and nothing refuses it.
template <class Work>
auto compared(const Plan& plan, const Work& work) -> decltype(work(std::declval<Comparison&>())) {
  if (plan.layers.front().contract->random == Random::always) return {};
  const Plan own = steady(plan);
  for (const bool backward : {own.has_backward(), false}) {
    begin_positions(own.device, own.autocast);
    const CleanSlate slate(own);
    try {
      const torch::NoGradGuard no_grad;
      Comparison comparison(own, backward);
      return work(comparison);
    } catch (const std::exception&) {  // what is refused has no values
    }
    if (!backward) break;
  }
  return {};
}

}  // namespace

ValueTrails trails_of_values(const Plan& plan) {
  return compared(plan, [](Comparison& comparison) { return comparison.trails(); });
}

std::vector<ValueFacts> compare_values(const Plan& plan) {
  if (plan.device != kCpu) return {};
  return compared(plan, [](Comparison& comparison) { return comparison.facts(); });
}

}  // namespace dtypefuzz
