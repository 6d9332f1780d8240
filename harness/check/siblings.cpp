#include "harness/check/siblings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <xxhash.h>

#include <algorithm>

#include "generators/stack.h"
#include "harness/check/lone_layer.h"
#include "harness/run/position.h"
#include "harness/run/run.h"
#include "harness/run/values.h"
#include "properties/property.h"
#include "properties/siblings.h"

namespace dtypefuzz {
namespace {

constexpr uint64_t kOneOf = 16;  // layers held against siblings: ten runs for one, beside the case's own
constexpr size_t kMostRemembered = 1 << 18;  // some 10 MB

/// The call's layer with the dtypes that its operands really had, in train on the CPU.
Plan as_received(const Plan& plan, const CallFacts& call) {
  Plan lone = lone_layer(plan, call);
  lone.device = kCpu;
  lone.mode = Mode::train;
  lone.params_dtype = lone.default_dtype;  // what to() did to buffers is not this layer's
  give_dtypes(lone, call.received);
  return lone;
}

/// A layer by itself, all of it in one dtype but what has one by nature, or keeps the one that it has here.
Plan alone_in(const Plan& lone, LayerPlan layer, Dtype dtype) {
  Plan plan = lone;
  plan.input_shape = layer.in;
  const bool converts = !is_whole(dtype);
  plan.params_dtype = converts ? dtype : plan.default_dtype;
  plan.input_dtype.reset();
  if (!layer.input_natural) plan.input_dtype = dtype;
  layer.operand_dtypes.clear();
  if (!converts)
    for (const std::string& parameter : layer.drawn.parameters)
      layer.operand_dtypes.emplace_back(parameter, dtype);
  for (InputSpec& input : layer.drawn.inputs) {
    if (!input.natural) input.dtype = dtype;
    for (const InputSpec& own : lone.layers.front().drawn.inputs)
      if (own.name == input.name && own.dtype) input.dtype = own.dtype;
  }
  plan.layers = {std::move(layer)};
  return plan;
}

Site site_of(const Shape& in) {
  return {.batch = in.empty() ? 1 : in.front(), .train = true, .device = kCpu, .first = true};
}

/// The answers that choose an operator: what is held against the layer keeps them.
Case choosing_answers(const LayerPlan& layer) {
  Case kept;
  for (const Choice& answer : layer.answers)
    if (std::ranges::find(layer.row->other_operators, answer.name, &OtherOperator::option) !=
        layer.row->other_operators.end())
      kept.set(answer.name, answer.value);
  return kept;
}

/// The same module with the simplest options, those aside that choose another operator. Nothing where these
/// are the simplest.
std::optional<LayerPlan> simplest(const LayerPlan& layer) {
  LayerPlan simple = layer_with(*layer.row, layer.in, site_of(layer.in), choosing_answers(layer));
  return simple.answers == layer.answers ? std::nullopt : std::optional(std::move(simple));
}

/// The family that a module belongs to whose name ends in its number of dimensions; empty: none.
std::string_view family_of(std::string_view module) {
  if (module.size() < 3 || !module.ends_with('d') || module[module.size() - 2] < '1' ||
      module[module.size() - 2] > '3')
    return {};
  return module.substr(0, module.size() - 2);
}

/// The simplest layers for inputs of other ranks, and of the family's other members.
std::vector<LayerPlan> other_dimensions(const LayerPlan& layer) {
  constexpr int kRanks = 5;
  std::vector<LayerPlan> others;
  const Site site = site_of({2});
  const Case choosing = choosing_answers(layer);
  const auto add = [&](LayerPlan other) {
    // Not where this number of dimensions has no such operator.
    if (choosing_answers(other) == choosing) others.push_back(std::move(other));
  };
  for (int rank = 1; rank <= kRanks; ++rank) {
    Case answers = choosing;
    answers.set("input.rank", std::to_string(rank));
    LayerPlan other = layer_alone(*layer.row, site, answers);
    if (other.in.size() == static_cast<size_t>(rank) && other.in.size() != layer.in.size())
      add(std::move(other));
  }
  const std::string_view family = family_of(layer.module);
  if (family.empty()) return others;
  for (const Row* row : module_rows())
    if (row->name != layer.module && family_of(row->name) == family) add(layer_alone(*row, site, choosing));
  return others;
}

/// The plan with every operand that has a documented dtype in the one that it has by nature, or in that of
/// the rest; nothing where none has another.
std::optional<Plan> in_natural_dtypes(const Plan& lone) {
  Plan plan = lone;
  LayerPlan& layer = plan.layers.front();
  bool changed = false;
  for (const CategoryRule& rule : layer.contract->takes) {
    for (InputSpec& input : layer.drawn.inputs) {
      if (input.name != rule.operand || !input.dtype || !rule.has(*input.dtype)) continue;
      // Documents that say "floating" are older than what only stores, and mean the dtype of the rest.
      const Dtype rest = lone.input_dtype.value_or(lone.params_dtype);
      if (c10::isFloatingType(*input.dtype) && *input.dtype != rest) continue;
      const Dtype usual = input.natural.value_or(lone.params_dtype);
      if (*input.dtype == usual) continue;
      input.dtype = usual, changed = true;
    }
    if (layer.input_name == rule.operand && layer.input_natural && lone.input_dtype &&
        rule.has(*lone.input_dtype) && *lone.input_dtype != *layer.input_natural)
      plan.input_dtype = layer.input_natural, changed = true;
  }
  return changed ? std::optional(std::move(plan)) : std::nullopt;
}

Sibling ran(Sibling::Kind kind, Plan plan, Support& support) {
  Sibling sibling{kind, std::move(plan), {}, {}};
  sibling.seen = run(sibling.plan);
  const Expectation promised = expectation_of(sibling.plan, sibling.seen, support);
  sibling.sound = judge(Facts(sibling.plan, promised, sibling.seen)).empty();
  if (!promised.calls.empty()) sibling.promise = promised.calls.front();
  return sibling;
}

}  // namespace

Facts LayerWithSiblings::facts() const {
  Facts facts(plan, promised, seen);
  facts.siblings = siblings;
  facts.values = values;
  facts.sound = sound;
  return facts;
}

bool has_siblings(const Plan& plan, const CallFacts& call) {
  return layer_of(plan, call.culprit) && call.culprit.kind != Culprit::kResidual && !call.mixed_devices &&
         call.iteration == 0 && !(call.autocast && !plan.device->autocast_documents(*call.autocast));
}

namespace {

/// A layer that refused: what is without its region, its options, its dimensions or its documented dtype.
void add_those_that_may_take_it(LayerWithSiblings& layer, Support& support) {
  const LayerPlan& own = layer.plan.layers.front();
  const auto add = [&](Sibling::Kind kind, Plan plan) {
    layer.siblings.push_back(ran(kind, std::move(plan), support));
    return outcome_of(layer.siblings.back().seen).kind;
  };
  if (auto natural = in_natural_dtypes(layer.plan))
    if (add(Sibling::kNatural, std::move(*natural)) == Reaction::kAccepted) return;
  const auto dtype = agreeing_dtype(layer.plan, layer.seen.calls.front());
  if (!dtype || category_of(*dtype) == Category::float8)
    return;  // float8 stores, and few kernels compute in it
  if (layer.plan.autocast && c10::isFloatingType(*dtype)) {
    Plan outside = layer.plan;
    outside.autocast.reset();
    if (add(Sibling::kNoRegion, std::move(outside)) == Reaction::kAccepted) return;
  }
  if (numel(own.in) == 0) return;
  if (auto simple = simplest(own))
    if (add(Sibling::kSimplest, alone_in(layer.plan, std::move(*simple), *dtype)) != Reaction::kRefused)
      return;
  for (LayerPlan& other : other_dimensions(own)) {
    if (add(Sibling::kDimensions, alone_in(layer.plan, std::move(other), *dtype)) == Reaction::kAccepted)
      return;
    layer.siblings.pop_back();  // refused as well
  }
}

}  // namespace

LayerWithSiblings run_siblings(const Plan& plan, const CallFacts& call, Support& support, bool with_numbers) {
  const RunsFor this_layer(call.culprit);
  LayerWithSiblings layer;
  layer.plan = as_received(plan, call);
  layer.seen = run(layer.plan);
  layer.promised = expectation_of(layer.plan, layer.seen, support);
  layer.sound = judge(Facts(layer.plan, layer.promised, layer.seen)).empty();
  for (auto& [kind, its] : siblings_of(layer.plan))
    layer.siblings.push_back(ran(kind, std::move(its), support));
  if (layer.seen.calls.empty()) return layer;

  const Promise& promise = layer.promised.calls.front();
  // One group of operands after another, as a person would.
  std::optional<Plan> next = repaired(layer.plan, layer.seen.calls.front(), promise);
  for (size_t turn = 0; next && turn < call.received.size(); ++turn) {
    layer.siblings.push_back(ran(Sibling::kRepair, std::move(*next), support));
    const Sibling& last = layer.siblings.back();
    next.reset();
    if (!last.seen.calls.empty()) next = repaired(last.plan, last.seen.calls.front(), last.promise);
  }
  if (outcome_of(layer.seen).kind == Reaction::kRefused) add_those_that_may_take_it(layer, support);
  if (with_numbers && !layer.seen.calls.front().threw && !promise.refuses())
    layer.values = compare_values(layer.plan);
  return layer;
}

bool SampledLayers::picks(const Plan& plan, const CallFacts& call) {
  // By the layer alone, so that a campaign finds the same on any number of jobs.
  const LayerPlan& layer = *layer_of(plan, call.culprit);
  std::string key = fmt::format("{}|{}|{}|{}|{}", layer.module, variant_of(layer), fmt::join(layer.in, ","),
                                static_cast<int>(plan.fill), call.autocast ? name_of(*call.autocast) : "off");
  for (const OperandFacts& operand : call.received) key += name_of(operand.dtype);
  const uint64_t hash = XXH3_64bits(key.data(), key.size());
  if (hash % kOneOf != 0) return false;
  if (met_.size() >= kMostRemembered) met_.clear();
  return met_.insert(hash).second;  // the same layer again would show the same
}

bool SampledLayers::picks(const Plan& plan) {
  const std::string key =
      fmt::format("{}|{}|{}|{}|{}|{}|{}|{}|{}", name_of(plan.params_dtype), name_of(plan.default_dtype),
                  static_cast<int>(plan.convert), name_of(plan.convert_dtype), static_cast<int>(plan.clip),
                  plan.optimizer ? plan.optimizer->name : "", static_cast<int>(plan.fill), plan.seed,
                  plan.layers.front().module);
  return XXH3_64bits(key.data(), key.size()) % kOneOf == 0;
}

std::vector<std::pair<Sibling::Kind, Plan>> siblings_of(const Plan& base) {
  std::vector<std::pair<Sibling::Kind, Plan>> siblings;
  const auto with = [&](Sibling::Kind kind, const auto& change) {
    siblings.emplace_back(kind, base);
    change(siblings.back().second);
  };
  for (const Mode mode : {Mode::eval, Mode::no_grad, Mode::inference})
    with(Sibling::kMode, [&](Plan& plan) { plan.mode = mode; });
  if (!base.autocast) with(Sibling::kDevice, [](Plan& plan) { plan.device = kMeta; });
  if (base.autocast == Dtype::BFloat16 || base.autocast == Dtype::Half)
    with(Sibling::kAutocast,
         [&](Plan& plan) { plan.autocast = *base.autocast == Dtype::Half ? Dtype::BFloat16 : Dtype::Half; });
  return siblings;
}

std::optional<Plan> repaired(const Plan& plan, const CallFacts& call, const Promise& promise) {
  if (promise.kind != Promise::kRefusesMismatch) return std::nullopt;
  const auto in_group = [&](std::string_view name) {
    return std::any_of(promise.group.begin(), promise.group.end(), [&](auto& o) { return o.name == name; });
  };
  // What is passed is cast to what the module has; a module in two dtypes to that of its first parameter.
  Dtype to = Dtype::Undefined;
  for (const bool held : {true, false})
    for (const OperandFacts& operand : call.received)
      if (to == Dtype::Undefined && (operand.role == Role::parameter) == held && in_group(operand.name) &&
          (c10::isFloatingType(operand.dtype) || c10::isComplexType(operand.dtype)))
        to = operand.dtype;
  if (to == Dtype::Undefined) return std::nullopt;  // nobody computes in integers
  Plan repaired = plan;
  for (OperandFacts operand : call.received)
    if (in_group(operand.name)) {
      operand.dtype = to;
      give_dtype(repaired, operand);
    }
  return repaired;
}

}  // namespace dtypefuzz
