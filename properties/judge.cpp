#include <fmt/format.h>

#include <algorithm>

#include "properties/messages.h"
#include "properties/property.h"
#include "properties/violation.h"

namespace dtypefuzz {

std::string list(std::span<const OperandFacts> operands) {
  std::string text;
  for (const auto& o : operands)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", o.name, name_of(o.dtype));
  return text;
}

std::string autocast_class(std::optional<Dtype> dtype) {
  if (!dtype) return "off";
  if (*dtype == Dtype::BFloat16 || *dtype == Dtype::Half) return std::string(name_of(*dtype));
  return "other";
}

std::string family_of(const std::optional<ErrorFacts>& error) {
  if (!error) return "accepted";
  const auto known = recognize(error->message);
  return known ? std::string(known->family->name) : "unrecognized";
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

Disagreement disagreement_of(const Promise& promise, const CallFacts& call) {
  const auto category = [](Category c) { return std::string(to_string(c)); };
  if (promise.kind == Promise::kRefusesMismatch)
    return {role_of(promise.first) + "/" + role_of(promise.second), category(promise.category)};
  if (promise.kind == Promise::kRefusesCategory) return {role_of(promise.first), category(promise.category)};
  if (call.received.empty()) return {};
  Category strangest = category_of(call.received[0].dtype);
  for (const auto& operand : call.received)
    if (operand.role != Role::buffer && operand.dtype != call.received[0].dtype) {
      strangest = std::max(strangest, category_of(operand.dtype));
      return {call.received[0].name + "/" + role_of(operand.name), category(strangest)};
    }
  return {"-", category(strangest)};
}

Violation violation(std::string_view property, const Plan& plan, Severity severity, const Culprit& culprit,
                    Phase phase, std::string family, const Disagreement& operands,
                    std::optional<Dtype> autocast, std::string promised, std::string seen) {
  return {
      .signature = {.property = std::string(property),
                    .culprit = culprit_name(plan, culprit, phase),
                    .operands = operands.operands,
                    // Kernels for meta compute shapes and do not branch on dtypes; a tensor that is not there
                    // has none.
                    .category =
                        !plan.device->has_values || family == "undefined_tensor" ? "-" : operands.category,
                    .phase = std::string(to_string(phase)),
                    .family = std::move(family),
                    .device = std::string(to_string(plan.device)),
                    .autocast = autocast_class(autocast)},
      .severity = severity,
      .promised = std::move(promised),
      .seen = std::move(seen)};
}

/// Refusals that say nothing about dtypes' consistency.
bool not_about_dtypes(const Recognized& known) {
  const auto kind = known.family->kind;
  return kind == MessageKind::range || kind == MessageKind::device || kind == MessageKind::no_meta ||
         kind == MessageKind::autograd;
}

namespace {

bool some_unsupported(const Expectation& promised) {
  return std::any_of(promised.supported.begin(), promised.supported.end(), [](auto& s) { return !s.second; });
}

/// `to()` ran while a graph or gradients of the old dtype were alive: what follows from that is its doing,
/// and one finding, whatever module the graph went through.
bool converted_in_step(const Plan& plan) {
  return plan.convert == Convert::after_forward || plan.convert == Convert::after_backward ||
         plan.convert == Convert::between_steps;
}
constexpr Culprit kConversion{Culprit::kStage, -1};

Phase phase_of(const CallFacts& call) {
  return call.culprit.kind == Culprit::kLoss ? Phase::loss : Phase::forward;
}

/// The calls whose promise can be judged, with their index.
template <class Each>
void each_call(const Expectation& promised, const Observation& seen, Each&& each) {
  for (size_t i = 0; i < seen.calls.size(); ++i)
    if (!seen.calls[i].mixed_devices && promised.regions[i] == RegionKind::documented)
      each(seen.calls[i], promised.calls[i]);
}

void agreeing_dtypes_succeed(const Plan& plan, const Expectation& promised, const Observation& seen,
                             Strictness, std::vector<Violation>& out) {
  if (!seen.error) return;
  const auto known = recognize(seen.error->message);
  const bool clean = known && (known->family->kind == MessageKind::unsupported || not_about_dtypes(*known));
  each_call(promised, seen, [&](const CallFacts& call, const Promise& promise) {
    if (!call.threw || promise.kind != Promise::kAccepts || clean) return;
    // What operands were before a region's casts is not behind it.
    CallFacts cast = call;
    if (call.autocast)
      for (OperandFacts& operand : cast.received)
        if (autocast_casts(operand.dtype)) operand.dtype = *call.autocast;
    const Disagreement operands = disagreement_of(promise, cast);
    // Which of its many spellings a mismatch that is none comes in depends on the kernel, and so on the CPU.
    const bool mismatch = known && known->family->kind == MessageKind::mismatch;
    out.push_back(violation(
        "agreeing_dtypes_succeed", plan, Severity::refusal, call.culprit, phase_of(call),
        mismatch ? "mismatch" : family_of(seen.error), operands, call.autocast,
        fmt::format("{} succeeds: {}", culprit_name(plan, call.culprit, phase_of(call)), list(call.received)),
        seen.error->message));
  });
  const Phase phase = seen.error->phase;
  const bool saved_agrees = plan.load_dtype == plan.params_dtype &&
                            std::all_of(plan.layers.begin(), plan.layers.end(),
                                        [](const LayerPlan& layer) { return layer.operand_dtypes.empty(); });
  if (clean ||
      !(phase == Phase::construct || phase == Phase::convert || (phase == Phase::load && saved_agrees)))
    return;
  const Dtype dtype = phase == Phase::construct ? plan.default_dtype : plan.params_dtype;
  out.push_back(violation(
      "agreeing_dtypes_succeed", plan, Severity::refusal, seen.error->culprit, phase, family_of(seen.error),
      {"-", std::string(to_string(category_of(dtype)))}, std::nullopt,
      fmt::format("{} succeeds or names the dtype as unsupported", to_string(phase)), seen.error->message));
}

/// Whether a message names two different dtypes and only dtypes of the call's operands, before or after
/// autocast: "attempted to promote Float8_e4m3fn and Float" is unsupported, and says what disagrees.
bool names_two_operands(const Recognized& known, const CallFacts& call, const Promise& promise) {
  const auto an_operand_has = [&](Dtype dtype) {
    const auto has = [&](const OperandFacts& o) { return o.dtype == dtype; };
    return std::any_of(call.received.begin(), call.received.end(), has) ||
           std::any_of(promise.group.begin(), promise.group.end(), has);
  };
  return known.named.size() >= 2 &&
         std::all_of(known.named.begin(), known.named.end(),
                     [&](auto& n) { return an_operand_has(*n.dtype); }) &&
         std::any_of(known.named.begin(), known.named.end(),
                     [&](auto& n) { return n.dtype != known.named[0].dtype; });
}

/// Whether a message names the dtype of an operand that is not among those that disagree (a mask, say): two
/// things are wrong then, and either error is legal.
bool names_another_operand(const Recognized& known, const CallFacts& call, const Promise& promise) {
  const auto in_group = [&](auto&& is) {
    return std::any_of(promise.group.begin(), promise.group.end(), is);
  };
  return std::any_of(call.received.begin(), call.received.end(), [&](const OperandFacts& other) {
    if (in_group([&](const OperandFacts& o) { return o.name == other.name; })) return false;
    return std::any_of(known.named.begin(), known.named.end(), [&](const NamedDtype& named) {
      return named.dtype == other.dtype &&
             (other.name.ends_with(named.operand) ||
              !in_group([&](const OperandFacts& o) { return o.dtype == named.dtype; }));
    });
  });
}

/// The operand that a message blames although another one disagrees as well and comes before it; empty where
/// it blames the promised one, or speaks of no operand by its name.
std::string blamed_instead(const Promise& promise, const Recognized& known) {
  std::string other;
  for (const NamedDtype& named : known.named) {
    if (named.operand == promise.second) return {};
    const bool is_operand = std::any_of(promise.group.begin(), promise.group.end(),
                                        [&](const OperandFacts& o) { return o.name == named.operand; });
    if (is_operand && named.operand != promise.first && other.empty()) other = named.operand;
  }
  return other;
}

void mismatch_is_refused_by_name(const Plan& plan, const Expectation& promised, const Observation& seen,
                                 Strictness strictness, std::vector<Violation>& out) {
  each_call(promised, seen, [&](const CallFacts& call, const Promise& promise) {
    if (promise.kind != Promise::kRefusesMismatch && promise.kind != Promise::kRefusesCategory) return;
    const auto wanted =
        fmt::format("{} refuses: {}", culprit_name(plan, call.culprit, phase_of(call)), promise.reason);
    const auto operands = disagreement_of(promise, call);
    if (!call.threw) {
      // Refused after all, and that is property 3's; a backward that has no kernel refuses nothing.
      const auto known = seen.error ? recognize(seen.error->message) : std::nullopt;
      const bool late =
          seen.error && seen.error->phase == Phase::backward && seen.error->culprit == call.culprit &&
          !(known && (known->family->kind == MessageKind::unsupported || not_about_dtypes(*known)));
      if (!late)
        out.push_back(violation("mismatch_is_refused_by_name", plan, Severity::silent, call.culprit,
                                phase_of(call), "accepted", operands, call.autocast, wanted,
                                fmt::format("accepted, and gave {}",
                                            call.given.empty() ? "nothing" : name_of(call.given.front()))));
      return;
    }
    const Grade grade = grade_of_refusal(promised, promise, call, seen.error->message);
    const bool weak = grade.kind == Grade::kVague || grade.kind == Grade::kBlames;
    if (grade.kind == Grade::kFault || (strictness.strict && weak))
      out.push_back(violation("mismatch_is_refused_by_name", plan, weak ? Severity::vague : Severity::refusal,
                              call.culprit, phase_of(call), family_of(seen.error), operands, call.autocast,
                              wanted, fmt::format("{} ({})", seen.error->message, grade.why)));
  });
}

void refusal_is_early(const Plan& plan, const Expectation& promised, const Observation& seen, Strictness,
                      std::vector<Violation>& out) {
  if (!seen.error || seen.error->phase < Phase::backward || promised.ran_undocumented()) return;
  const bool converted = converted_in_step(plan);
  const auto known = recognize(seen.error->message);
  if (known && (known->family->kind == MessageKind::unsupported || not_about_dtypes(*known))) return;
  Disagreement operands;
  std::optional<Dtype> autocast = plan.autocast;
  for (size_t i = 0; i < seen.calls.size(); ++i) {
    const CallFacts& call = seen.calls[i];
    if (call.mixed_devices) return;
    if (call.culprit != seen.error->culprit || call.iteration != seen.error->iteration) continue;
    if (!converted) operands = disagreement_of(promised.calls[i], call);
    autocast = call.autocast;
  }
  out.push_back(
      violation("refusal_is_early", plan, Severity::late, converted ? kConversion : seen.error->culprit,
                converted ? Phase::convert : seen.error->phase, converted ? "late" : family_of(seen.error),
                operands, converted ? std::nullopt : autocast,
                fmt::format("no error after a forward that succeeded, {}", to_string(seen.error->phase)),
                seen.error->message));
}

void output_dtype_is_as_promised(const Plan& plan, const Expectation& promised, const Observation& seen,
                                 Strictness, std::vector<Violation>& out) {
  each_call(promised, seen, [&](const CallFacts& call, const Promise& promise) {
    if (call.threw || promise.kind != Promise::kAccepts || promise.outputs.empty()) return;
    for (size_t i = 0; i < call.given.size(); ++i) {
      const Dtype wanted = promise.outputs[std::min(i, promise.outputs.size() - 1)];
      if (wanted == Dtype::Undefined || call.given[i] == Dtype::Undefined || call.given[i] == wanted)
        continue;
      out.push_back(violation("output_dtype_is_as_promised", plan, Severity::silent, call.culprit,
                              phase_of(call), "accepted", disagreement_of(promise, call), call.autocast,
                              fmt::format("output {} of {} is {}", i,
                                          culprit_name(plan, call.culprit, phase_of(call)), name_of(wanted)),
                              fmt::format("{}, from {}", name_of(call.given[i]), list(call.received))));
      return;
    }
  });
}

void gradients_match_their_leaves(const Plan& plan, const Expectation& promised, const Observation& seen,
                                  Strictness, std::vector<Violation>& out) {
  if (seen.error || promised.ran_undocumented()) return;
  for (const LeafFacts& leaf : seen.leaves) {
    const bool missing = leaf.must_have && !leaf.has;
    if (!missing && (!leaf.has || leaf.grad_dtype == leaf.dtype)) continue;
    const bool converted = !missing && converted_in_step(plan);
    const Culprit owner = converted                            ? kConversion
                          : leaf.owner.kind == Culprit::kStage ? Culprit{Culprit::kLayer, 0}
                                                               : leaf.owner;
    out.push_back(violation(
        "gradients_match_their_leaves", plan, Severity::late, owner,
        converted ? Phase::convert : Phase::backward, missing ? "missing" : "accepted",
        {converted ? "gradient" : role_of(leaf.name), std::string(to_string(category_of(leaf.dtype)))},
        plan.autocast, fmt::format("{} has a gradient of dtype {}", leaf.name, name_of(leaf.dtype)),
        missing ? "none" : fmt::format("dtype {}", name_of(leaf.grad_dtype))));
  }
}

void refusal_leaves_no_trace(const Plan& plan, const Expectation&, const Observation& seen, Strictness,
                             std::vector<Violation>& out) {
  if (!seen.error || seen.traces.empty()) return;
  const auto known = recognize(seen.error->message);
  // A kernel that is not there refuses nothing, and what autograd documents not to do has to do with no
  // dtype.
  if (known && (known->family->kind == MessageKind::no_meta || known->family->kind == MessageKind::autograd))
    return;
  // The worst of it. Gradients that are there after backward threw were put there by the engine, layer by
  // layer, parameter by parameter: one finding, whatever module threw. What else changed is the module's, and
  // statistics are not to hide behind a counter of batches that went on.
  const auto rank = [](const Trace& trace) {
    return trace.kind == "gradient" ? 2 : trace.name == kBatchCounter ? 1 : 0;
  };
  const Trace& first = *std::min_element(seen.traces.begin(), seen.traces.end(),
                                         [&](auto& a, auto& b) { return rank(a) < rank(b); });
  // A mean of 0 stays what it was, so which of the running statistics changed is the input's doing.
  const std::string buffer = role_of(first.name);
  const std::string what = first.kind != "buffer"           ? first.kind
                           : buffer.starts_with("running_") ? "running_stats"
                                                            : buffer;
  out.push_back(violation("refusal_leaves_no_trace", plan, Severity::late,
                          first.kind == "gradient" ? Culprit{Culprit::kStage} : seen.error->culprit,
                          seen.error->phase, "changed", {what, "-"}, std::nullopt,
                          "a refusal changes nothing",
                          fmt::format("changed {} {}: {}", first.kind, first.name, seen.error->message)));
}

void autocast_state_is_restored(const Plan& plan, const Expectation& promised, const Observation& seen,
                                Strictness, std::vector<Violation>& out) {
  if (!seen.autocast_restored)
    out.push_back(violation("autocast_state_is_restored", plan, Severity::late, {}, Phase::region,
                            family_of(seen.error), {}, plan.autocast, "the state is as before the region",
                            "left changed " + seen.autocast_left));
  const auto is_mismatch = [&] {
    const auto known = recognize(seen.error->message);
    return known && known->family->kind == MessageKind::mismatch;
  };
  for (size_t i = 0; i < seen.calls.size(); ++i) {
    const CallFacts& call = seen.calls[i];
    const Promise& promise = promised.calls[i];
    const bool undocumented = promised.regions[i] == RegionKind::undocumented;
    if (promised.regions[i] == RegionKind::documented || call.mixed_devices ||
        promise.kind != Promise::kAccepts)
      continue;
    // What a region of no documented dtype refuses, it refuses.
    if (call.threw && (undocumented || !is_mismatch())) continue;
    const auto wanted = call.threw || promise.outputs.empty() ? Dtype::Undefined : promise.outputs.front();
    const auto given = call.given.empty() ? Dtype::Undefined : call.given.front();
    if (!call.threw && (wanted == Dtype::Undefined || given == Dtype::Undefined || given == wanted)) continue;
    const auto name = culprit_name(plan, call.culprit, phase_of(call));
    const auto happened =
        call.threw ? seen.error->message
                   : fmt::format("{} gave {} instead of {}", name, name_of(given), name_of(wanted));
    if (undocumented)
      out.push_back(
          violation("autocast_state_is_restored", plan, Severity::silent, {}, Phase::region, "accepted",
                    {"-", std::string(to_string(category_of(*call.autocast)))}, call.autocast,
                    fmt::format("a region of {}, which autocast does not document, is refused or acts as off",
                                name_of(*call.autocast)),
                    happened));
    else
      out.push_back(
          violation("autocast_state_is_restored", plan, call.threw ? Severity::refusal : Severity::silent, {},
                    Phase::region, "cached",
                    {"parameter", std::string(to_string(category_of(*call.autocast)))}, call.autocast,
                    fmt::format("a region of {} casts the parameters of {}, whatever region ran it before",
                                name_of(*call.autocast), name),
                    happened));
    return;
  }
}

void loading_preserves_values(const Plan& plan, const Expectation&, const Observation& seen, Strictness,
                              std::vector<Violation>& out) {
  if (seen.error && seen.error->phase == Phase::load && plan.load_dtype != plan.params_dtype) {
    const auto known = recognize(seen.error->message);
    const bool by_name =
        known && (known->family->kind == MessageKind::mismatch ||
                  known->family->kind == MessageKind::unsupported || not_about_dtypes(*known));
    if (!by_name)
      out.push_back(violation(
          "loading_preserves_values", plan, Severity::refusal, {}, Phase::load, family_of(seen.error),
          {plan.load == Load::archive ? "archive" : "copy",
           std::string(to_string(std::max(category_of(plan.load_dtype), category_of(plan.params_dtype))))},
          std::nullopt,
          fmt::format("a checkpoint of {} is refused by name or keeps its values in {}",
                      name_of(plan.load_dtype), name_of(plan.params_dtype)),
          seen.error->message));
  }
  for (const LoadedFacts& loaded : seen.loaded) {
    if (loaded.equal) continue;
    out.push_back(
        violation("loading_preserves_values", plan, Severity::wrong_bits, {}, Phase::load, "accepted",
                  {plan.load == Load::archive ? "archive" : "copy",
                   std::string(to_string(std::max(category_of(loaded.saved), category_of(loaded.before))))},
                  std::nullopt,
                  fmt::format("{} saved as {} is refused by name or keeps its values in {}", loaded.name,
                              name_of(loaded.saved), name_of(loaded.before)),
                  fmt::format("other values, dtype {}", name_of(loaded.after))));
    return;
  }
}

constexpr NamedProperty kProperties[] = {
    {"agreeing_dtypes_succeed", agreeing_dtypes_succeed,
     "operands that agree succeed, or are cleanly refused as unsupported"},
    {"mismatch_is_refused_by_name", mismatch_is_refused_by_name,
     "operands that disagree are refused in forward by a message that names them"},
    {"refusal_is_early", refusal_is_early, "no refusal comes in backward, unscale or step"},
    {"output_dtype_is_as_promised", output_dtype_is_as_promised,
     "every output has the dtype that is promised"},
    {"gradients_match_their_leaves", gradients_match_their_leaves,
     "every leaf that the graph reaches has a gradient of its own dtype"},
    {"refusal_leaves_no_trace", refusal_leaves_no_trace, "what throws changes nothing"},
    {"autocast_state_is_restored", autocast_state_is_restored,
     "autocast's state is put back, and undocumented regions act as off"},
    {"loading_preserves_values", loading_preserves_values,
     "a checkpoint of another dtype is refused by name or keeps its values"},
    {"only_conversion_changes_dtypes", only_conversion_changes_dtypes,
     "nothing but to(dtype) changes a dtype, and what belongs to a parameter has the parameter's"},
    {"steps_keep_values_finite", steps_keep_values_finite, "tame finite numbers stay finite through a step"},
    {"modes_agree", nullptr, "train, eval, no_grad and inference accept alike and give the same dtype"},
    {"devices_agree", nullptr, "cpu and meta accept alike and give the same dtype"},
    {"autocast_dtypes_agree", nullptr, "what bfloat16 autocast accepts float16 autocast accepts"},
    {"values_agree_with_float64", nullptr, "results are those of float64 within the dtype's own bound"},
    {"suggested_repair_works", nullptr, "the cast that a refusal suggests makes the case succeed"},
};

}  // namespace

std::span<const NamedProperty> all_properties() {
  return kProperties;
}

const Contract& residual_contract() {
  static const Contract contract{.source = "https://pytorch.org/docs/stable/generated/torch.add.html",
                                 .promotes = {"input", "residual"},
                                 .output = promoted()};
  return contract;
}

const LayerPlan* layer_of(const Plan& plan, const Culprit& culprit) {
  if (culprit.kind == Culprit::kLoss) return plan.loss ? &*plan.loss : nullptr;
  if (culprit.kind == Culprit::kStage || culprit.layer < 0 ||
      culprit.layer >= static_cast<int>(plan.layers.size()))
    return nullptr;
  return &plan.layers[static_cast<size_t>(culprit.layer)];
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

Grade grade_of_refusal(const Expectation& promised, const Promise& promise, const CallFacts& call,
                       const std::string& message) {
  const auto known = recognize(message);
  if (!known) return {Grade::kFault, {}, "no message family knows this text"};
  if (not_about_dtypes(*known)) return {};
  switch (known->family->kind) {
    case MessageKind::unsupported:
      if (promise.kind == Promise::kRefusesCategory || names_two_operands(*known, call, promise))
        return {Grade::kExact};
      if (some_unsupported(promised) || names_another_operand(*known, call, promise))
        return {};  // both rules are broken, either error is legal
      return {Grade::kFault, {}, "says unsupported, but the dtypes are supported"};
    case MessageKind::cast:
      return {Grade::kVague, {}, "tells of a cast instead of the operands"};
    case MessageKind::mismatch:
      break;
    default:
      return {Grade::kFault, {}, "is unrelated to the mismatch"};
  }
  const auto has = [&](const OperandFacts& o, const NamedDtype& named) { return named.dtype == o.dtype; };
  std::vector<Dtype> distinct;
  for (const NamedDtype& named : known->named) {
    // "expect parameter to have scalar type of Float" alone says what is wanted, not what an operand has, and
    // so does "expected scalar type Long but found Int" of an operand that is wrong by itself.
    if (named.operand == "expected" &&
        (known->named.size() == 1 || promise.kind == Promise::kRefusesCategory))
      continue;
    const auto* by_name = [&]() -> const OperandFacts* {
      for (const auto& o : promise.group)
        if (o.name == named.operand) return &o;
      return nullptr;
    }();
    if (by_name && !has(*by_name, named))
      return {Grade::kFault,
              {},
              fmt::format("gives {} the dtype {}, it has {}", named.operand, name_of(*named.dtype),
                          name_of(by_name->dtype))};
    const auto knows = [&](std::span<const OperandFacts> operands) {
      return std::any_of(operands.begin(), operands.end(),
                         [&](const OperandFacts& o) { return has(o, named); });
    };
    // An operand beside the group may come into another operator of the module, cast by the region.
    const bool cast = call.autocast && named.dtype == *call.autocast &&
                      std::any_of(call.received.begin(), call.received.end(),
                                  [](const OperandFacts& o) { return autocast_casts(o.dtype); });
    if (!knows(promise.group) && !knows(call.received) && !cast)
      return {Grade::kFault, {}, fmt::format("names {}, which no operand has", name_of(*named.dtype))};
    if (std::find(distinct.begin(), distinct.end(), *named.dtype) == distinct.end())
      distinct.push_back(*named.dtype);
  }
  if (distinct.size() < 2 && promise.kind == Promise::kRefusesMismatch)
    return {Grade::kVague, {}, "names fewer than two dtypes"};
  if (distinct.empty()) return {Grade::kVague, {}, "names no dtype"};
  if (promise.kind == Promise::kRefusesMismatch)
    if (auto other = blamed_instead(promise, *known); !other.empty()) {
      auto why = fmt::format("blames {}, {} disagrees as well", other, promise.second);
      return {Grade::kBlames, std::move(other), std::move(why)};
    }
  return {Grade::kExact};
}

Promise promise_for(const Plan& plan, const CallFacts& call) {
  const LayerPlan* layer = layer_of(plan, call.culprit);
  const Contract& contract = call.culprit.kind == Culprit::kResidual ? residual_contract() : *layer->contract;
  Received received{.operands = call.received,
                    .autocast = call.autocast,
                    .device = plan.device,
                    .default_dtype = plan.default_dtype,
                    .train = plan.mode == Mode::train};
  if (received.autocast && !plan.device->autocast_documents(*received.autocast)) received.autocast.reset();
  return promise_of(contract, received);
}

std::vector<Violation> judge(const Plan& plan, const Expectation& promised, const Observation& seen,
                             Strictness strictness) {
  std::vector<Violation> all;
  if (!seen.not_applicable.empty()) return all;
  for (const NamedProperty& property : kProperties)
    if (property.judge) property.judge(plan, promised, seen, strictness, all);
  // Several iterations repeat themselves.
  std::vector<Violation> distinct;
  for (Violation& v : all)
    if (std::none_of(distinct.begin(), distinct.end(), [&](auto& d) { return d.signature == v.signature; }))
      distinct.push_back(std::move(v));
  return distinct;
}

}  // namespace dtypefuzz
