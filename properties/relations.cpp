#include "properties/relations.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/violation.h"

namespace dtypefuzz {
namespace {

/// What a sibling's layer did, as far as siblings are comparable.
struct Outcome {
  enum Kind : uint8_t { kNone, kAccepted, kRefused } kind = kNone;
  std::vector<Dtype> given = {};
  bool clean = false;  ///< refused as unsupported
  std::string family = {};
  bool names_operands = true;  ///< the refusal is about operands that disagree
};

Outcome outcome_of(const Observation& seen) {
  if (!seen.not_applicable.empty() || seen.calls.empty()) return {};
  const CallFacts& call = seen.calls.front();
  if (!call.threw) return {Outcome::kAccepted, call.given};
  const auto known = recognize(seen.error->message);
  if (known && (not_about_dtypes(*known) || restricts_autograd(*known))) return {};
  const auto is = [&](MessageKind kind) { return known && known->family->kind == kind; };
  return {
      Outcome::kRefused, {}, is(MessageKind::unsupported), family_of(seen.error), is(MessageKind::mismatch)};
}

/// What differs between two siblings, in words, and the family that a signature names; nothing where they
/// agree.
struct Difference {
  std::string family, words;
  bool names_operands = true;
  bool a_refused = false;
};
std::optional<Difference> difference(const Outcome& a, const Outcome& b, std::string_view name_a,
                                     std::string_view name_b, bool support_counts) {
  if (a.kind == Outcome::kNone || b.kind == Outcome::kNone) return std::nullopt;
  if (a.kind == Outcome::kAccepted && b.kind == Outcome::kAccepted) {
    if (a.given == b.given) return std::nullopt;
    return Difference{"accepted", fmt::format("{} gives {}, {} gives {}", name_a, name_of(a.given.front()),
                                              name_b, name_of(b.given.front()))};
  }
  if (a.kind == b.kind) return std::nullopt;
  const Outcome& refused = a.kind == Outcome::kRefused ? a : b;
  if (refused.clean && !support_counts) return std::nullopt;
  const bool a_refused = a.kind == Outcome::kRefused;
  return Difference{
      refused.family,
      fmt::format("{} accepts, {} refuses", a_refused ? name_b : name_a, a_refused ? name_a : name_b),
      refused.names_operands, a_refused};
}

bool exotic(const CallFacts& call) {
  return std::any_of(call.received.begin(), call.received.end(), [](const OperandFacts& operand) {
    return category_of(operand.dtype) == Category::other;
  });
}

class Relations {
 public:
  Relations(const Related& base, std::span<const Related> related)
      : base_(base), related_(related), call_(base.seen.calls.front()) {}

  std::vector<Violation> judge(std::span<const ValueFacts> values) {
    modes();
    for (const Related& other : related_) {
      if (other.kin == Kin::device) pair("devices_agree", other, "cpu", "meta");
      if (other.kin == Kin::autocast)
        pair("autocast_dtypes_agree", other, name_of(*base_.plan.autocast), name_of(*other.plan.autocast));
    }
    numbers(values);
    repair();
    return std::move(out_);
  }

 private:
  /// `autocast`: the region that the signature names. A refusal that is not about operands that disagree is
  /// one finding, whichever of them do.
  void add(std::string_view property, Severity severity, std::string family, bool names_operands,
           std::optional<Dtype> autocast, std::string promised, std::string seen) {
    Disagreement operands = base_.promise.kind == Promise::kUnspecified
                                ? disagreement_of({}, call_)
                                : disagreement_of(base_.promise, call_);
    if (!names_operands && !call_.received.empty())
      operands = {"-", std::string(to_string(category_of(call_.received.front().dtype)))};
    out_.push_back(violation(property, base_.plan, severity, {Culprit::kLayer, 0}, Phase::forward,
                             std::move(family), operands, autocast, std::move(promised), std::move(seen)));
  }

  /// Each mode against train, and those without gradients against eval for layers that are random in train.
  void modes() {
    if (!base_.sound || exotic(call_)) return;
    const bool random = base_.plan.layers.front().contract->random;
    const Related* reference = random ? nullptr : &base_;
    for (const Related& other : related_) {
      if (other.kin != Kin::mode || !other.sound) continue;
      if (reference) {
        const auto differ = difference(outcome_of(reference->seen), outcome_of(other.seen),
                                       to_string(reference->plan.mode), to_string(other.plan.mode), true);
        if (differ)
          return add("modes_agree", Severity::silent, differ->family, differ->names_operands, call_.autocast,
                     fmt::format("modes accept and refuse alike: {}", list(call_.received)), differ->words);
      } else {
        reference = &other;  // the first one is eval
      }
    }
  }

  void pair(std::string_view property, const Related& other, std::string_view name, std::string_view its) {
    if (!base_.sound || !other.sound || exotic(call_)) return;
    const auto differ = difference(outcome_of(base_.seen), outcome_of(other.seen), name, its, false);
    if (!differ) return;
    // A region's own dtype is what its outputs have.
    if (other.kin == Kin::autocast && differ->family == "accepted") return;
    // What one region refuses and the other accepts is the refusing one's, from whichever it is seen.
    const auto autocast =
        other.kin != Kin::autocast || differ->a_refused ? call_.autocast : other.plan.autocast;
    add(property, Severity::silent, differ->family, differ->names_operands, autocast,
        fmt::format("{} and {} accept alike and give the same dtype: {}", name, its, list(call_.received)),
        differ->words);
  }

  void numbers(std::span<const ValueFacts> values) {
    if (base_.promise.kind != Promise::kAccepts || base_.plan.layers.front().contract->random ||
        base_.plan.fill == Fill::extremes)
      return;
    for (const ValueFacts& value : values) {
      const auto& outputs = base_.promise.outputs;
      if (outputs.empty() || value.worst <= 1) continue;
      const Dtype wanted = outputs[std::min(static_cast<size_t>(value.output), outputs.size() - 1)];
      if (wanted != value.dtype) continue;  // unspecified, or another property's
      return add("values_agree_with_float64", Severity::wrong_bits, "values", true, call_.autocast,
                 fmt::format("output {} is that of float64 within the bound of {}: {}", value.output,
                             name_of(value.dtype), list(call_.received)),
                 fmt::format("{} instead of {}", value.got, value.want));
    }
  }

  void repair() {
    const Related* last = nullptr;
    for (const Related& other : related_)
      if (other.kin == Kin::repair) last = &other;
    if (!last || !call_.threw || last->promise.kind != Promise::kAccepts) return;
    const Outcome outcome = outcome_of(last->seen);
    if (outcome.kind != Outcome::kRefused || outcome.clean) return;
    add("suggested_repair_works", Severity::refusal, outcome.family, true, call_.autocast,
        fmt::format("after the cast that it needs it succeeds: {}", base_.promise.reason),
        fmt::format("then {}", last->seen.error->message));
  }

  const Related& base_;
  std::span<const Related> related_;
  const CallFacts& call_;
  std::vector<Violation> out_;
};

}  // namespace

std::vector<std::pair<Kin, Plan>> relatives_of(const Plan& base) {
  std::vector<std::pair<Kin, Plan>> relatives;
  const auto with = [&](Kin kin, const auto& change) {
    relatives.emplace_back(kin, base);
    change(relatives.back().second);
  };
  for (const Mode mode : {Mode::eval, Mode::no_grad, Mode::inference})
    with(Kin::mode, [&](Plan& plan) { plan.mode = mode; });
  if (!base.autocast) with(Kin::device, [](Plan& plan) { plan.device = kMeta; });
  if (base.autocast == Dtype::BFloat16 || base.autocast == Dtype::Half)
    with(Kin::autocast, [&](Plan& plan) {
      // The operands change with the region, so that what was its own dtype is so again.
      const auto swap = [](Dtype dtype) {
        return dtype == Dtype::Half ? Dtype::BFloat16 : dtype == Dtype::BFloat16 ? Dtype::Half : dtype;
      };
      plan.autocast = swap(*plan.autocast);
      plan.params_dtype = swap(plan.params_dtype);
      if (plan.input_dtype) plan.input_dtype = swap(*plan.input_dtype);
      for (auto& [name, dtype] : plan.layers.front().operand_dtypes) dtype = swap(dtype);
      for (InputSpec& input : plan.layers.front().drawn.inputs)
        if (input.dtype) input.dtype = swap(*input.dtype);
    });
  return relatives;
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
  LayerPlan& layer = repaired.layers.front();
  for (const OperandFacts& operand : call.received) {
    if (!in_group(operand.name)) continue;
    if (operand.role != Role::input) {
      std::erase_if(layer.operand_dtypes, [&](const auto& own) { return own.first == operand.name; });
      layer.operand_dtypes.emplace_back(operand.name, to);
    } else if (operand.name == layer.input_name) {
      repaired.input_dtype = to;
    } else {
      for (InputSpec& input : layer.drawn.inputs)
        if (input.name == operand.name) input.dtype = to;
    }
  }
  return repaired;
}

std::vector<Violation> judge_relations(const Related& base, std::span<const Related> related,
                                       std::span<const ValueFacts> values) {
  if (base.seen.calls.empty() || !base.seen.not_applicable.empty()) return {};
  return Relations(base, related).judge(values);
}

}  // namespace dtypefuzz
