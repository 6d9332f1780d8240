#include "harness/blame/blame.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "harness/run/values.h"
#include "properties/signature.h"

namespace dtypefuzz {
namespace {

using Found = std::optional<Blame>;

// Names

/// `add_` of `aten::add_`, `MmBackward0` of `torch::autograd::MmBackward0`.
std::string short_name(std::string_view name) {
  for (const std::string_view before : {"::", "evaluate_function: "})
    if (const size_t at = name.rfind(before); at != std::string_view::npos)
      name.remove_prefix(at + before.size());
  std::string text(name);
  std::ranges::replace_if(
      text,
      [](unsigned char c) { return !(std::isalnum(c) || c == '_' || c == '.' || c == '<' || c == '>'); },
      '.');
  return text;
}

/// The operand that is the stranger in the violation's signature: the second of two.
std::string stranger_of(const Signature& signature) {
  const size_t slash = signature.operands.find('/');
  return slash == std::string::npos ? signature.operands : signature.operands.substr(slash + 1);
}

/// The part that an operand plays in whatever module.
struct Part {
  std::string_view text, part;
};
constexpr Part kParts[] = {
    {"bias", "bias"},    {"weight", "weight"}, {"running_", "statistics"}, {"mask", "mask"},
    {"hx", "state"},     {"cx", "state"},      {"target", "target"},       {"key", "memory"},
    {"value", "memory"}, {"memory", "memory"},
};
std::string part_of(const std::string& operand) {
  // Masks of keys are masks: the last word counts.
  std::string_view found;
  size_t last = 0;
  for (const Part& part : kParts)
    if (const size_t at = operand.rfind(part.text); at != std::string::npos && (found.empty() || at > last))
      found = part.part, last = at;
  return found.empty() ? operand : std::string(found);
}

// The trail

const Operation* parent_of(const Trail& trail, const Operation& operation) {
  return operation.parent < 0 ? nullptr : &trail.operations[static_cast<size_t>(operation.parent)];
}

bool is_inside(const Trail& trail, const Operation& operation, const Operation& outer) {
  for (const Operation* at = &operation; at; at = parent_of(trail, *at))
    if (at == &outer) return true;
  return false;
}

/// `mul` within `mul_`: the same one, with where the result goes.
bool is_out_of_its_caller(const Trail& trail, const Operation& operation) {
  const Operation* caller = parent_of(trail, operation);
  return caller && caller->name.size() == operation.name.size() + 1 && caller->name.ends_with('_') &&
         caller->name.starts_with(operation.name);
}

/// The first of those that fit, and of those within it that fit the innermost.
template <class Fits>
const Operation* first_innermost(const Trail& trail, const Fits& fits) {
  const Operation* found = nullptr;
  for (const Operation& operation : trail.operations) {
    if (found && !is_inside(trail, operation, *found)) continue;
    if (!is_out_of_its_caller(trail, operation) && fits(operation)) found = &operation;
  }
  return found;
}

/// Whether it ran in the violation's turn, and before backward.
bool in_its_call(const Evidence& e, const Operation& operation) {
  const Culprit& culprit = e.violation.culprit;
  const bool forward = operation.phase == Phase::forward || operation.phase == Phase::loss;
  return forward && !operation.is_node && operation.culprit.kind == culprit.kind &&
         (culprit.kind != Culprit::kLayer || operation.culprit.layer == culprit.layer);
}

/// Whether it ran in that phase or, as what an optimizer's closure runs, within it.
bool is_at_or_after(const Trail& trail, const Operation& operation, std::string_view phase) {
  const auto begin =
      std::ranges::find_if(trail.operations, [&](const Operation& o) { return to_string(o.phase) == phase; });
  return begin != trail.operations.end() && &operation >= &*begin;
}

/// `detach` of `aten::detach`, which some are recorded as.
std::string_view plain_name(const Operation& operation) {
  std::string_view name = operation.name;
  if (name.starts_with("aten::")) name.remove_prefix(6);
  return name;
}

/// What makes memory, or another view of it, or asks what a tensor is and looks at none of its numbers:
/// whoever calls it is to blame.
bool is_plumbing(const Operation& operation) {
  constexpr std::string_view kPlumbing[] = {"empty",
                                            "empty_strided",
                                            "empty_like",
                                            "new_empty",
                                            "resize_",
                                            "resize_as_",
                                            "as_strided",
                                            "view",
                                            "_unsafe_view",
                                            "reshape",
                                            "expand",
                                            "unsqueeze",
                                            "squeeze",
                                            "transpose",
                                            "t",
                                            "select",
                                            "slice",
                                            "alias",
                                            "detach",
                                            "clone",
                                            "contiguous",
                                            "broadcast_tensors",
                                            "cudnn_is_acceptable",
                                            "new_zeros",
                                            "zeros_like",
                                            "zeros",
                                            "new_empty_strided",
                                            "as_strided_",
                                            "_reshape_alias",
                                            "permute",
                                            "flatten",
                                            "unbind",
                                            "chunk",
                                            "split",
                                            "narrow",
                                            "fill_",
                                            "zero_",
                                            "item",
                                            "_local_scalar_dense",
                                            "resolve_conj",
                                            "resolve_neg",
                                            "conj"};
  return std::ranges::find(kPlumbing, plain_name(operation)) != std::end(kPlumbing);
}

/// What looks at dtypes, or copies numbers from one to another by its nature: nothing is mixed there.
bool takes_by_nature(const Operation& operation) {
  constexpr std::string_view kByNature[] = {
      "copy_",         "_to_copy", "to",       "is_same_size",
      "result_type",   "can_cast", "set_data", "_has_compatible_shallow_copy_type",
      "promote_types", "type_as",  "is_set_to"};
  return std::ranges::find(kByNature, plain_name(operation)) != std::end(kByNature);
}

/// Whether it is where the result goes, and nothing is taken of it: the `out` of an operator that is not in
/// place.
bool is_out(const Operation& operation, const Passed& taken) {
  return !operation.name.ends_with("_") && taken.memory &&
         std::ranges::any_of(operation.given,
                             [&](const Passed& given) { return given.memory == taken.memory; }) &&
         operation.taken.size() > 1 && &taken != &operation.taken.front();
}

/// Whether it took it together with another dtype.
bool is_mixed(const Operation& operation, const Passed& one) {
  return !is_out(operation, one) && std::ranges::any_of(operation.taken, [&](const Passed& other) {
    return other.dtype != one.dtype && !is_out(operation, other);
  });
}
bool is_mixed(const Operation& operation) {
  return std::ranges::any_of(operation.taken,
                             [&](const Passed& taken) { return is_mixed(operation, taken); });
}

bool has_role(const Passed& passed, std::string_view role) {
  return std::ranges::any_of(passed.operands,
                             [&](const std::string& operand) { return role_of(operand) == role; });
}

Blame blame_on(const Evidence& e, std::string_view deed, const Operation& operation) {
  Blame blame{.cause = {.property = e.violation.signature.property,
                        .deed = std::string(deed),
                        .operation = short_name(operation.name)},
              .operation = &operation};
  // An operator of a tensor and a number calls the one of two tensors, which has its name.
  const Operation* caller = parent_of(e.trail, operation);
  while (caller && caller->name == operation.name) caller = parent_of(e.trail, *caller);
  if (caller && !(caller->is_node && operation.is_node)) blame.cause.caller = short_name(caller->name);
  return blame;
}

/// The call of the C++ front end that a phase is.
std::string call_of(const Evidence& e) {
  const Signature& signature = e.violation.signature;
  if (signature.culprit == "to") return "Module.to";
  if (signature.phase == "load") return "torch.load";
  if (signature.phase == "region") return "set_autocast_dtype";
  if (signature.phase == "step") return "optim." + signature.culprit;
  return signature.culprit;
}

Blame blame_on_call(const Evidence& e, std::string_view deed, std::string operation) {
  return {.cause = {.property = e.violation.signature.property,
                    .deed = std::string(deed),
                    .operation = std::move(operation)}};
}

// The rules

/// The innermost frame that has a name: a lambda is part of what holds it.
std::string first_named(std::string stack) {
  constexpr std::string_view kBetween = " < ";
  while (stack.substr(0, stack.find(kBetween)).find("{lambda}") != std::string::npos) {
    const size_t next = stack.find(kBetween);
    if (next == std::string::npos) return "";
    stack.erase(0, next + kBetween.size());
  }
  return stack.substr(0, stack.find(kBetween));
}

Found ended(const Evidence& e) {
  if (e.in_flight.empty() && e.stack.empty()) return std::nullopt;
  Blame blame = blame_on_call(e, "ends", short_name(e.in_flight));
  if (e.in_flight.empty()) blame.cause.operation = e.violation.signature.culprit;
  blame.cause.function = short_name(first_named(e.stack));
  // Which signal it is depends on the machine; that it hangs, grows or leaves does not.
  if (const std::string& how = e.violation.signature.family; !how.starts_with("SIG"))
    blame.cause.operand = how;
  return blame;
}

Found threw(const Evidence& e) {
  if (!e.seen.error) return std::nullopt;
  const Operation* innermost = nullptr;
  for (const Operation& operation : e.trail.operations)
    if (operation.threw) innermost = &operation;
  // The engine looks at what a node gave after the node has returned.
  if (!innermost && e.seen.error->phase == Phase::backward)
    for (const Operation& operation : e.trail.operations)
      if (operation.is_node) innermost = &operation;
  Blame blame = innermost ? blame_on(e, "throws", *innermost) : blame_on_call(e, "throws", call_of(e));
  // What works on one flat vector of all parameters does what the others, parameter by parameter, do not.
  if (e.seen.error->phase == Phase::step && e.facts.plan.optimizer && e.facts.plan.optimizer->needs_closure &&
      blame.operation && blame.cause.caller.empty())
    blame.cause.caller = call_of(e);
  blame.thrown = e.seen.error->site;
  blame.exception = e.seen.error->type;
  // What functionals of the front end check themselves they check for every module that calls them.
  constexpr std::string_view kFunctionals = "torch/nn/functional/";
  if (const size_t at = blame.thrown ? blame.thrown->file.find(kFunctionals) : std::string::npos;
      !innermost && at != std::string::npos) {
    const std::string_view file = std::string_view(blame.thrown->file).substr(at + kFunctionals.size());
    blame.cause.operation = "nn.functional." + std::string(file.substr(0, file.find('.')));
  }
  if (blame.thrown)
    blame.cause.function =
        blame.thrown->function == "operator()" ? "lambda" : short_name(blame.thrown->function);
  return blame;
}

Found took(const Evidence& e, bool by_nature) {
  const std::string stranger = stranger_of(e.violation.signature);
  const auto takes = [&](const Operation& operation) {
    if (operation.threw || !in_its_call(e, operation) || !is_mixed(operation)) return false;
    if (takes_by_nature(operation) != by_nature || is_plumbing(operation)) return false;
    return std::ranges::any_of(operation.taken, [&](const Passed& taken) {
      return has_role(taken, stranger) && is_mixed(operation, taken);
    });
  };
  const Operation* found = first_innermost(e.trail, takes);
  if (!found) return std::nullopt;
  Blame blame = blame_on(e, "takes", *found);
  blame.cause.operand = part_of(stranger);
  return blame;
}
Found took(const Evidence& e) {
  return took(e, false);
}
Found copied(const Evidence& e) {
  return took(e, true);
}

/// Where nothing mixes it: who took it at all.
Found used(const Evidence& e) {
  const std::string stranger = stranger_of(e.violation.signature);
  const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
    return !operation.threw && in_its_call(e, operation) && !takes_by_nature(operation) &&
           !is_plumbing(operation) && std::ranges::any_of(operation.taken, [&](const Passed& taken) {
             return has_role(taken, stranger);
           });
  });
  if (!found) return std::nullopt;
  Blame blame = blame_on(e, "takes", *found);
  blame.cause.operand = part_of(stranger);
  return blame;
}

/// Who mixed dtypes at all.
Found mixed(const Evidence& e) {
  const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
    return !operation.threw && in_its_call(e, operation) && !takes_by_nature(operation) &&
           !is_plumbing(operation) && is_mixed(operation);
  });
  if (!found) return std::nullopt;
  Blame blame = blame_on(e, "takes", *found);
  blame.cause.operand = part_of(stranger_of(e.violation.signature));
  return blame;
}

/// Whose result first has the dtype that was not promised.
Found gave(const Evidence& e) {
  const CallFacts* call = nullptr;
  size_t index = 0;
  for (size_t i = 0; i < e.facts.seen.calls.size(); ++i)
    if (e.facts.seen.calls[i].culprit == e.violation.culprit &&
        e.facts.seen.calls[i].iteration == e.violation.iteration)
      call = &e.facts.seen.calls[i], index = i;
  if (!call) return std::nullopt;
  const Promise& promise = e.facts.promised.calls[index];
  // Who mixed, and did not promote.
  const Operation* unpromoted = first_innermost(e.trail, [&](const Operation& operation) {
    if (!in_its_call(e, operation) || takes_by_nature(operation) || is_plumbing(operation)) return false;
    if (operation.threw || operation.given.empty() || !is_mixed(operation)) return false;
    const Dtype given = operation.given.front().dtype;
    const auto wider = [&](const Passed& taken) {
      return c10::isFloatingType(taken.dtype) && c10::isFloatingType(given) &&
             c10::elementSize(taken.dtype) > c10::elementSize(given);
    };
    return std::ranges::any_of(operation.taken, wider);
  });
  if (unpromoted) return blame_on(e, "gives", *unpromoted);
  for (size_t k = 0; k < call->given.size(); ++k) {
    const Dtype given = call->given[k];
    if (given == promise.output(k)) continue;
    const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
      const auto has = [&](const std::vector<Passed>& all) {
        return std::ranges::any_of(all, [&](const Passed& passed) { return passed.dtype == given; });
      };
      const bool all_taken = !operation.taken.empty() && !is_mixed(operation) && has(operation.taken);
      return in_its_call(e, operation) && !takes_by_nature(operation) && !is_plumbing(operation) &&
             has(operation.given) && !all_taken;
    });
    if (found) return blame_on(e, "gives", *found);
  }
  return std::nullopt;
}

/// Conversion, loading and clipping are all or nothing: whoever threw, it is theirs that something stays
/// changed.
Found half_done(const Evidence& e) {
  constexpr std::string_view kAllOrNothing[] = {"convert", "load", "flatten", "unscale", "clip"};
  if (std::ranges::find(kAllOrNothing, e.violation.signature.phase) == std::end(kAllOrNothing))
    return std::nullopt;
  Blame blame = blame_on_call(e, "abandons", call_of(e));
  if (e.seen.error) blame.thrown = e.seen.error->site, blame.exception = e.seen.error->type;
  return blame;
}

Found wrote(const Evidence& e) {
  const Signature& signature = e.violation.signature;
  const bool gradient = signature.operands == "gradient";
  const Operation* found = nullptr;
  for (const Operation& operation : e.trail.operations) {
    if (gradient && operation.is_node && operation.name.ends_with("AccumulateGrad") && !operation.threw)
      found = &operation;
    if (gradient) continue;
    const bool in_turn =
        e.violation.culprit.kind == Culprit::kLayer || e.violation.culprit.kind == Culprit::kLoss
            ? in_its_call(e, operation)
            : is_at_or_after(e.trail, operation, signature.phase);
    if (!in_turn || takes_by_nature(operation) || is_plumbing(operation) ||
        is_out_of_its_caller(e.trail, operation))
      continue;
    const bool writes = std::ranges::any_of(operation.taken, [&](const Passed& taken) {
      return taken.changed && std::ranges::any_of(taken.operands, [&](const std::string& operand) {
               const std::string role = role_of(operand);
               return role == signature.operands || signature.operands == "parameter" ||
                      signature.operands == "input" ||
                      (signature.operands == "running_stats" && role.starts_with("running_"));
             });
    });
    if (writes && (!found || is_inside(e.trail, operation, *found))) found = &operation;
  }
  if (!found) return std::nullopt;
  Blame blame = blame_on(e, "writes", *found);
  blame.cause.operand = signature.operands;
  if (signature.phase == "step") blame.cause.operation = call_of(e), blame.cause.caller.clear();
  if (e.seen.error) blame.thrown = e.seen.error->site, blame.exception = e.seen.error->type;
  return blame;
}

Found wrote_besides(const Evidence& e) {
  Found found = wrote(e);
  if (!found) return blame_on_call(e, "changes", call_of(e));
  found->cause.deed = "changes";
  return found;
}

bool needs_gradient(const std::vector<Passed>& passed) {
  return std::ranges::any_of(passed, [](const Passed& one) { return one.requires_grad; });
}

/// What an operator calls on its own way is below autograd, and gives what needs no gradient by nature: it
/// drops none where one of its callers still has it.
Found dropped(const Evidence& e) {
  const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
    if (!in_its_call(e, operation) || takes_by_nature(operation) || is_plumbing(operation)) return false;
    if (operation.given.empty() || !needs_gradient(operation.taken)) return false;
    for (const Operation* at = &operation; at; at = parent_of(e.trail, *at))
      if (needs_gradient(at->given)) return false;
    return std::ranges::any_of(operation.given, [](const Passed& given) {
      return c10::isFloatingType(given.dtype) || c10::isComplexType(given.dtype);
    });
  });
  return found ? Found(blame_on(e, "drops", *found)) : std::nullopt;
}

/// Who looked at numbers that need a gradient and gave an answer: what runs then depends on it, in this call
/// or in one behind it.
Found decided(const Evidence& e) {
  const auto at = std::ranges::find_if(e.trail.operations, [&](const Operation& operation) {
    const bool forward = operation.phase == Phase::forward || operation.phase == Phase::loss;
    return forward && !operation.is_node && !operation.threw && operation.given.empty() &&
           needs_gradient(operation.taken) && !takes_by_nature(operation) && !is_plumbing(operation);
  });
  return at == e.trail.operations.end() ? std::nullopt : Found(blame_on(e, "decides", *at));
}

/// Whoever took a leaf first: what came back from there is its gradient.
const Operation* taker_of_leaf(const Evidence& e) {
  return first_innermost(e.trail, [&](const Operation& operation) {
    const Operation* caller = parent_of(e.trail, operation);
    return in_its_call(e, operation) && !takes_by_nature(operation) && !is_plumbing(operation) &&
           !(caller && needs_gradient(caller->given)) &&
           std::ranges::any_of(operation.taken, [&](const Passed& taken) {
             return taken.requires_grad && has_role(taken, e.violation.signature.operands);
           });
  });
}

Found lost(const Evidence& e) {
  const Operation* found = taker_of_leaf(e);
  return found ? Found(blame_on(e, "drops", *found)) : std::nullopt;
}

Found gave_gradient(const Evidence& e) {
  const Operation* found = taker_of_leaf(e);
  return found ? Found(blame_on(e, "returns", *found)) : std::nullopt;
}

/// Whichever gradient it is: one kernel gives them all.
Found derived(const Evidence& e) {
  const Operation* found = taker_of_leaf(e);
  return found ? blame_on(e, "derives", *found) : blame_on_call(e, "derives", call_of(e));
}

Found spoiled(const Evidence& e) {
  const auto finite = [](const Passed& passed) { return passed.finite; };
  const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
    return is_at_or_after(e.trail, operation, "step") && !is_plumbing(operation) &&
           std::ranges::all_of(operation.taken, finite) && !std::ranges::all_of(operation.given, finite);
  });
  if (!found) return std::nullopt;
  Blame blame = blame_on(e, "spoils", *found);
  blame.cause.caller = call_of(e);
  return blame;
}

Found left_region(const Evidence& e) {
  const Operation* found =
      first_innermost(e.trail, [](const Operation& operation) { return operation.left_region_changed; });
  return found ? Found(blame_on(e, "leaves", *found)) : std::nullopt;
}

/// The operators of two runs side by side; `differs` is asked where they are the same one.
template <class Differs>
const Operation* first_apart(const Evidence& e, const Differs& differs) {
  if (!e.held_against) return nullptr;
  // Each behind those that it calls.
  const auto in_order_of_end = [](const Trail& trail) {
    std::vector<const Operation*> ended, open;
    const auto end = [&](int until) {
      while (!open.empty() && open.back() - trail.operations.data() != until) {
        const bool forward = open.back()->phase == Phase::forward || open.back()->phase == Phase::loss;
        if (forward && !takes_by_nature(*open.back()) && !is_plumbing(*open.back()))
          ended.push_back(open.back());
        open.pop_back();
      }
    };
    for (const Operation& operation : trail.operations) {
      end(operation.parent);
      open.push_back(&operation);
    }
    end(-1);
    return ended;
  };
  const auto got = in_order_of_end(e.trail), want = in_order_of_end(*e.held_against);
  size_t at = 0;
  for (const Operation* operation : got) {
    size_t next = at;
    while (next < want.size() && want[next]->name != operation->name) ++next;
    if (next == want.size()) continue;
    at = next + 1;
    if (differs(*operation, *want[next])) return operation;
  }
  return nullptr;
}

Found departed(const Evidence& e) {
  const Operation* found = first_apart(e, [](const Operation& got, const Operation& want) {
    for (size_t i = 0; i < std::min(got.given.size(), want.given.size()); ++i) {
      const auto &a = got.given[i].numbers, &b = want.given[i].numbers;
      if (a.size() != b.size()) continue;
      double largest = 1;
      for (const Passed& taken : want.taken)
        for (const double number : taken.numbers)
          if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
      const double epsilon = epsilon_of(got.given[i].dtype);
      const double rounding = 512 * std::min(epsilon, 0x1p-23) * largest;
      for (size_t k = 0; k < a.size(); ++k)
        if (std::isfinite(a[k]) != std::isfinite(b[k]) ||
            (std::isfinite(b[k]) && std::abs(a[k] - b[k]) > 8 * epsilon * std::abs(b[k]) + rounding))
          return true;
    }
    return false;
  });
  return found ? Found(blame_on(e, "departs", *found)) : std::nullopt;
}

/// Which operator of two siblings gave another dtype.
Found gave_apart(const Evidence& e) {
  const Operation* found = first_apart(e, [](const Operation& got, const Operation& want) {
    for (size_t i = 0; i < std::min(got.given.size(), want.given.size()); ++i)
      if (got.given[i].dtype != want.given[i].dtype) return true;
    return false;
  });
  return found ? Found(blame_on(e, "gives", *found)) : std::nullopt;
}

Found conversion(const Evidence& e) {
  if (e.violation.signature.culprit != "to") return std::nullopt;
  Blame blame = blame_on_call(e, "converts", call_of(e));
  blame.cause.operand = e.violation.signature.operands;
  if (e.violation.signature.operands == "-") blame.cause.operand = "graph";
  if (e.violation.broken == Broken::refused_late && e.seen.error)
    blame.thrown = e.seen.error->site, blame.exception = e.seen.error->type;
  return blame;
}

/// Who left an operand in another dtype than it was given in.
Found changed_dtype(const Evidence& e) {
  const Operation* found = first_innermost(e.trail, [&](const Operation& operation) {
    return !takes_by_nature(operation) && !is_plumbing(operation) &&
           std::ranges::any_of(operation.taken, [](const Passed& taken) {
             return !taken.operands.empty() && taken.after != taken.dtype;
           });
  });
  return found ? Found(blame_on(e, "converts", *found)) : std::nullopt;
}

Found stage(const Evidence& e) {
  Blame blame = blame_on_call(e, "converts", call_of(e));
  blame.cause.operand = e.violation.signature.operands;
  return blame;
}

Found loaded(const Evidence& e) {
  Blame blame = blame_on_call(e, "loads", call_of(e));
  blame.cause.operand = e.violation.signature.operands;
  return blame;
}

Found miscast(const Evidence& e) {
  Blame blame = blame_on_call(e, "loads", call_of(e));
  blame.cause.operand = e.violation.signature.operands;
  return blame;
}

Found computed(const Evidence& e) {
  Blame blame = blame_on_call(e, "computes", call_of(e));
  blame.cause.operand = e.violation.signature.operands;
  return blame;
}

Found region(const Evidence& e) {
  return blame_on_call(e, "leaves", call_of(e));
}
Found cache(const Evidence& e) {
  return blame_on_call(e, "leaves", "cached_cast");
}

using enum Broken;
constexpr Rule kRules[] = {
    {process_ended, "ended", ended},
    {process_ended, "threw", threw},
    {call_refused, "threw", threw},
    {stage_refused, "threw", threw},
    {mismatch_accepted, "took", took},
    {mismatch_accepted, "used", used},
    {mismatch_accepted, "copied", copied},
    {mismatch_accepted, "mixed", mixed},
    {mismatch_misnamed, "threw", threw},
    {mismatch_vague, "threw", threw},
    {refused_late, "conversion", conversion},
    {refused_late, "threw", threw},
    {output_dtype, "gave", gave},
    {gradient_dtype, "conversion", conversion},
    {gradient_dtype, "gave_gradient", gave_gradient},
    {gradient_missing, "dropped", dropped},
    {gradient_missing, "decided", decided},
    {gradient_missing, "lost", lost},
    {trace, "half_done", half_done},
    {trace, "wrote", wrote},
    {trace, "threw", threw},
    {changed, "wrote_besides", wrote_besides},
    {conversion_changed, "miscast", miscast},
    {region_left_changed, "left_region", left_region},
    {region_undocumented, "region", region},
    {region_cached, "cache", cache},
    {region_cached_refused, "cache", cache},
    {load_refused, "threw", threw},
    {load_changed, "loaded", loaded},
    {dtype_changed, "conversion", conversion},
    {dtype_changed, "changed_dtype", changed_dtype},
    {dtype_changed, "stage", stage},
    {not_finite, "spoiled", spoiled},
    {sibling_differs, "threw", threw},
    {sibling_differs, "gave_apart", gave_apart},
    {region_takes_away, "threw", threw},
    {option_takes_away, "threw", threw},
    {dimension_takes_away, "threw", threw},
    {documented_refused, "threw", threw},
    {values, "departed", departed},
    {values_rounded, "departed", departed},
    {gradient_values, "derived", derived},
    {arithmetic, "computed", computed},
    {repair_refused, "threw", threw},
};

constexpr std::string_view kConvolution =
    "one convolution, whatever its dimensions and the kernel picked for it";
constexpr std::string_view kCells = "one template of cells in RNN.cpp, one step or a whole sequence";
constexpr Merging kMergings[] = {
    {.operation = "conv1d", .as = "convolution", .because = kConvolution},
    {.operation = "conv2d", .as = "convolution", .because = kConvolution},
    {.operation = "conv3d", .as = "convolution", .because = kConvolution},
    {.operation = "conv_transpose1d", .as = "convolution", .because = kConvolution},
    {.operation = "conv_transpose2d", .as = "convolution", .because = kConvolution},
    {.operation = "conv_transpose3d", .as = "convolution", .because = kConvolution},
    {.operation = "_convolution", .as = "convolution", .because = kConvolution},
    {.operation = "_convolution_mode", .as = "convolution", .because = kConvolution},
    {.operation = "mkldnn_convolution", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv3d", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv3d_forward", .as = "convolution", .because = kConvolution},
    {.operation = "_slow_conv2d_forward", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv_transpose2d", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv_transpose3d", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv_dilated2d", .as = "convolution", .because = kConvolution},
    {.operation = "slow_conv_dilated3d", .as = "convolution", .because = kConvolution},
    {.operation = "thnn_conv2d", .as = "convolution", .because = kConvolution},
    {.operation = "convolution_overrideable", .as = "convolution", .because = kConvolution},
    {.operation = "lstm_cell", .as = "lstm", .because = kCells},
    {.operation = "gru_cell", .as = "gru", .because = kCells},
    {.operation = "rnn_tanh_cell", .as = "rnn", .because = kCells},
    {.operation = "rnn_relu_cell", .as = "rnn", .because = kCells},
    {.operation = "rnn_tanh", .as = "rnn", .because = kCells},
    {.operation = "rnn_relu", .as = "rnn", .because = kCells},
    {.operation = "fractional_max_pool3d",
     .as = "fractional_max_pool2d",
     .because = "one check of one kind of samples, copied"},
};

/// Where an operand of an operator is taken within it, it is the operator's: it has the check that is
/// missing.
constexpr Owner kOwners[] = {
    {.operation = "convolution",
     .operand = "bias",
     .because = "conv1d/2d/3d alone check the bias; kernels add it each its way"},
    {.operation = "instance_norm",
     .operand = "",
     .because = "it repeats what it holds for each instance, unchecked"},
    {.operation = "native_layer_norm", .operand = "", .because = "it has one place to check what it holds"},
};
/// A product checks its operands against each other, whichever of them is what, and whoever asks for it.
constexpr std::string_view kProducts[] = {"mm", "bmm", "addmm", "baddbmm", "mv", "addmv", "dot", "matmul"};

/// What promotes by nature checks nothing, on whatever device.
bool promotes(std::string_view operation) {
  constexpr std::string_view kPromoting[] = {
      "add", "sub", "mul",   "div",   "cat",  "where",   "pow",     "lt",   "le",      "gt",     "ge",
      "eq",  "ne",  "equal", "stack", "rsub", "maximum", "minimum", "lerp", "addcmul", "addcdiv"};
  return std::ranges::find(kPromoting, operation.ends_with('_') ? operation.substr(0, operation.size() - 1)
                                                                : operation) != std::end(kPromoting);
}

/// Whether it is a kernel: it calls no other operator.
bool is_kernel(const Trail& trail, const Operation& operation) {
  return std::ranges::none_of(trail.operations, [&](const Operation& other) {
    return parent_of(trail, other) == &operation && !takes_by_nature(other) && !is_plumbing(other);
  });
}

/// Operations that are one fault, whichever shows it.
void merge(const Evidence& e, Blame& blame) {
  Cause& cause = blame.cause;
  cause.operation = merged(cause.operation), cause.caller = merged(cause.caller);
  if (cause.deed == "takes" && blame.operation)
    for (const Operation* at = blame.operation; at; at = parent_of(e.trail, *at))
      for (const Owner& owner : kOwners) {
        const std::string name = merged(short_name(at->name));
        if (name != owner.operation || !(owner.operand.empty() || owner.operand == cause.operand)) continue;
        cause.operation = name, cause.caller.clear();
        if (owner.operand.empty()) cause.operand.clear();  // one check for all of them
      }
  // Where a kernel has no code for a dtype, it lacks it whoever calls.
  if (cause.deed == "throws" && blame.operation && is_kernel(e.trail, *blame.operation) && e.seen.error)
    if (const auto known = recognize(e.seen.error->message);
        known && known->family->kind == MessageKind::unsupported)
      cause.caller.clear();
  // A kernel's checks are in the function of its device.
  if (cause.deed == "takes" && blame.operation && !e.facts.plan.device->has_values &&
      is_kernel(e.trail, *blame.operation) && !promotes(short_name(blame.operation->name)))
    cause.operation += ".meta";
  const std::string_view product = std::string_view(cause.operation).substr(0, cause.operation.find(".meta"));
  // What mixes nothing is a product of operands that somebody before it has not compared.
  if (blame.rule != "used" && std::ranges::find(kProducts, product) != std::end(kProducts))
    cause.caller.clear(), cause.operand.clear();
  if (cause.caller == cause.operation) cause.caller.clear();
  if (cause.operand == "-") cause.operand.clear();  // the signature has none
}

}  // namespace

std::span<const Rule> rules() {
  return kRules;
}

std::span<const Merging> mergings() {
  return kMergings;
}

std::string merged(std::string operation) {
  const auto* at = std::ranges::find(kMergings, operation, &Merging::operation);
  return at == std::end(kMergings) ? operation : std::string(at->as);
}

std::span<const Owner> owners() {
  return kOwners;
}

Blame blame(const Evidence& e) {
  for (const Rule& rule : kRules) {
    if (rule.broken != e.violation.broken) continue;
    if (Found found = rule.find(e)) {
      found->rule = rule.name;
      merge(e, *found);
      return std::move(*found);
    }
  }
  return {.cause = unlooked_cause(e.violation.signature), .rule = "none"};
}

}  // namespace dtypefuzz
