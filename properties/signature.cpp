#include "properties/signature.h"

#include <fmt/format.h>

#include <algorithm>

#include "properties/signature_table.h"

namespace dtypefuzz {
namespace {

std::string text_of(Category category) {
  return std::string(to_string(category));
}

/// The call with its operands as its operator saw them: what they were before its region's casts is not
/// behind its error.
CallFacts cast_by_its_region(const Plan& plan, CallFacts call) {
  if (auto cast = effective_operands(contract_of(plan, call), received_by(plan, call)))
    call.received = std::move(*cast);
  return call;
}

Disagreement operands_by(From::Operands from, const Facts& facts, const Breach& breach) {
  switch (from) {
    case From::Operands::none:
      break;
    case From::Operands::disagreeing:
      return breach.call ? disagreement_of(*breach.promise, *breach.call) : Disagreement{};
    case From::Operands::disagreeing_after_casts:
      return disagreement_of(*breach.promise, cast_by_its_region(facts.plan, *breach.call));
    case From::Operands::first:
      return {"-", text_of(category_of(breach.call->received.front().dtype))};
    case From::Operands::thing:
      return {role_of(std::string(breach.thing)), "-"};
  }
  return {};
}

Culprit culprit_by(From::Culprit from, const Facts& facts, const Breach& breach) {
  switch (from) {
    case From::Culprit::call:
      return breach.call->culprit;
    case From::Culprit::error:
      return facts.seen.error->culprit;
    case From::Culprit::owner:
      return breach.owner;
    case From::Culprit::stage:
      break;
  }
  return {};
}

Phase phase_by(From::Phase from, const Facts& facts, const Breach& breach) {
  switch (from) {
    case From::Phase::call:
      return phase_of(*breach.call);
    case From::Phase::error:
      return facts.seen.error->phase;
    case From::Phase::given:
      break;
  }
  return breach.phase;
}

/// The family that tells of a breach, as text and, where a message did, as its row.
std::pair<std::string_view, const Family*> family_by(From::Family from, const Facts& facts,
                                                     const Breach& breach) {
  const auto of = [](const Family* told) {
    return std::pair<std::string_view, const Family*>(told ? told->name : "unrecognized", told);
  };
  if (from == From::Family::message && facts.seen.error)
    return of(facts.message ? facts.message->family : nullptr);
  if (from == From::Family::message) return {"accepted", nullptr};
  if (from == From::Family::sibling && breach.how.empty()) return of(breach.told);
  return {breach.how, nullptr};
}

std::optional<Dtype> autocast_by(From::Autocast from, const Facts& facts, const Breach& breach) {
  switch (from) {
    case From::Autocast::off:
      break;
    case From::Autocast::call:
      return breach.call->autocast;
    case From::Autocast::call_or_plan:
      return breach.call ? breach.call->autocast : facts.plan.autocast;
    case From::Autocast::plan:
      return facts.plan.autocast;
    case From::Autocast::given:
      return breach.autocast;
  }
  return std::nullopt;
}

/// Where breaches are one finding whatever the category of their operands.
bool has_no_category(const Facts& facts, const Breach& breach, const Family* told) {
  if (breach.what == Broken::process_ended) return false;  // whatever the device, it ended on that dtype
  // Kernels for meta compute shapes and do not branch on dtypes; a tensor that is not there has none.
  return !facts.plan.device->has_values || (told && told->mark == Family::kNoOperand);
}

}  // namespace

Violation violation_of(std::string_view property, const Facts& facts, Breach&& breach) {
  const Naming& naming = naming_of(facts, breach);
  const From& from = naming.from;
  const Naming::Words& words = naming.words;
  const Phase phase = words.phase ? *words.phase : phase_by(from.phase, facts, breach);
  Disagreement operands = operands_by(from.operands, facts, breach);
  if (!words.operands.empty()) operands.operands = words.operands;
  if (from.category == From::Category::given) operands.category = text_of(breach.category);
  if (!words.category.empty()) operands.category = words.category;
  auto [family, told] = family_by(from.family, facts, breach);
  if (!words.family.empty()) family = words.family, told = nullptr;
  if (has_no_category(facts, breach, told)) operands.category = "-";
  const Culprit culprit = culprit_by(from.culprit, facts, breach);
  const Device device = facts.ending ? facts.ending->device : facts.plan.device;
  return {.signature = {.property = std::string(property),
                        .culprit = culprit_name(facts.plan, culprit, phase),
                        .operands = std::move(operands.operands),
                        .category = std::move(operands.category),
                        .phase = std::string(to_string(phase)),
                        .family = std::string(family),
                        .device = std::string(to_string(device)),
                        .autocast = autocast_class(autocast_by(from.autocast, facts, breach))},
          .severity = naming.severity,
          .promised = std::move(breach.promised),
          .seen = std::move(breach.seen),
          .broken = breach.what,
          .culprit = breach.call ? breach.call->culprit : culprit,
          .iteration = breach.call        ? breach.call->iteration
                       : facts.seen.error ? facts.seen.error->iteration
                                          : 0};
}

std::string culprit_name(const Plan& plan, const Culprit& culprit, Phase phase) {
  if (culprit.kind == Culprit::kResidual) return "add";
  if (const auto* layer = layer_of(plan, culprit)) return std::string(layer->module);
  switch (phase) {
    case Phase::convert:
      return "to";
    case Phase::load:
      return "load";
    case Phase::flatten:
      return "vector_to_parameters";
    case Phase::clip:
      return plan.clip == Clip::norm ? "clip_grad_norm_" : "clip_grad_value_";
    case Phase::region:
      return "autocast";
    case Phase::unscale:
      return "scaler";
    case Phase::step:
      return std::string(plan.optimizer ? plan.optimizer->name : "none");
    default:
      return std::string(to_string(phase));
  }
}

std::string culprit_name(const Plan& plan, const CallFacts& call) {
  return culprit_name(plan, call.culprit, phase_of(call));
}

Phase phase_of(const CallFacts& call) {
  return call.culprit.kind == Culprit::kLoss ? Phase::loss : Phase::forward;
}

std::string autocast_class(std::optional<Dtype> dtype) {
  if (!dtype) return "off";
  if (*dtype == Dtype::BFloat16 || *dtype == Dtype::Half) return std::string(name_of(*dtype));
  return "other";
}

/// `weight_ih_l1_reverse` is `weight_ih`: the layers and directions of a recurrent module are alike. So are
/// those of a list of layers: `encoder.layers.1.norm1.bias` is `encoder.norm1.bias`.
std::string role_of(std::string operand) {
  const auto digit = [&](size_t at) {
    return at < operand.size() && operand[at] >= '0' && operand[at] <= '9';
  };
  constexpr std::string_view kList = "layers.";
  for (size_t at = 0; (at = operand.find(kList, at)) != std::string::npos;) {
    size_t end = at + kList.size();
    while (digit(end)) ++end;
    const bool numbered = end > at + kList.size() && end < operand.size() && operand[end] == '.';
    if (numbered && (at == 0 || operand[at - 1] == '.'))
      operand.erase(at, end + 1 - at);
    else
      at = end;
  }
  if (const size_t at = operand.rfind("_l"); at != std::string::npos && digit(at + 2)) operand.resize(at);
  return operand;
}

std::string list(std::span<const OperandFacts> operands) {
  std::string text;
  for (const auto& o : operands)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", o.name, name_of(o.dtype));
  return text;
}

Disagreement disagreement_of(const Promise& promise, const CallFacts& call) {
  if (promise.kind == Promise::kRefusesMismatch)
    return {role_of(promise.first) + "/" + role_of(promise.second), text_of(promise.category)};
  if (promise.kind == Promise::kRefusesCategory) return {role_of(promise.first), text_of(promise.category)};
  if (call.received.empty()) return {};
  const OperandFacts& first = call.received.front();
  for (const auto& operand : call.received)
    if (operand.role != Role::buffer && operand.dtype != first.dtype)
      return {first.name + "/" + role_of(operand.name), text_of(stranger(first.dtype, operand.dtype))};
  return {"-", text_of(category_of(first.dtype))};
}

}  // namespace dtypefuzz
