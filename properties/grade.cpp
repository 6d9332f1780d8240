#include "properties/grade.h"

#include <fmt/format.h>

#include <algorithm>

namespace dtypefuzz {
namespace {

bool any_has(std::span<const OperandFacts> operands, Dtype dtype) {
  return std::ranges::any_of(operands, [&](const OperandFacts& o) { return o.dtype == dtype; });
}

const OperandFacts* named_in(std::span<const OperandFacts> operands, std::string_view name) {
  const auto at = std::ranges::find(operands, name, &OperandFacts::name);
  return at == operands.end() ? nullptr : &*at;
}

/// The dtypes that the message says operands have. "expect parameter to have scalar type of Float" alone says
/// what is wanted, not what an operand has, and so does "expected scalar type Long but found Int" of an
/// operand that is wrong by itself.
std::vector<NamedDtype> had(const Refusal& refusal) {
  std::vector<NamedDtype> named = refusal.message->named;
  if (named.size() == 1 || refusal.promise.kind == Promise::kRefusesCategory)
    std::erase_if(named, [](const NamedDtype& n) { return n.wanted; });
  return named;
}

/// Whether an operand beside the group may come into another operator of the module with this dtype, cast by
/// the region.
bool cast_to(const CallFacts& call, Dtype dtype) {
  return call.autocast && dtype == *call.autocast &&
         std::ranges::any_of(call.received, [](const OperandFacts& o) { return autocast_casts(o.dtype); });
}

/// Whether a message names two different dtypes and only dtypes of the call's operands, before or after
/// autocast: "attempted to promote Float8_e4m3fn and Float" is unsupported, and says what disagrees.
bool names_two_operands(const Refusal& refusal) {
  const auto& named = refusal.message->named;
  const auto an_operand_has = [&](const NamedDtype& n) {
    return any_has(refusal.call.received, n.dtype) || any_has(refusal.promise.group, n.dtype);
  };
  return named.size() >= 2 && std::ranges::all_of(named, an_operand_has) &&
         std::ranges::any_of(named, [&](const NamedDtype& n) { return n.dtype != named.front().dtype; });
}

/// Whether a message is about an operand that is not among those that disagree (a mask, say): it names that
/// operand with its dtype, or a dtype that it alone has. A message that names no operand is about those that
/// disagree wherever they have the dtype.
bool names_another_operand(const Refusal& refusal) {
  const auto& group = refusal.promise.group;
  return std::ranges::any_of(refusal.call.received, [&](const OperandFacts& other) {
    if (named_in(group, other.name)) return false;
    return std::ranges::any_of(refusal.message->named, [&](const NamedDtype& named) {
      return named.dtype == other.dtype && ((!named.operand.empty() && other.name.ends_with(named.operand)) ||
                                            !any_has(group, named.dtype));
    });
  });
}

// The rules.
using Graded = std::optional<Grade>;

Graded unknown(const Refusal& refusal) {
  if (refusal.message) return std::nullopt;
  return Grade{Grade::kFault, {}, "no message family knows this text"};
}

Graded about_no_dtypes(const Refusal& refusal) {
  if (!not_about_dtypes(*refusal.message)) return std::nullopt;
  return Grade{};
}

bool says_unsupported(const Refusal& refusal) {
  return refusal.message->family->kind == MessageKind::unsupported;
}

Graded unsupported_by_name(const Refusal& refusal) {
  if (!says_unsupported(refusal)) return std::nullopt;
  if (refusal.promise.kind != Promise::kRefusesCategory && !names_two_operands(refusal)) return std::nullopt;
  return Grade{Grade::kExact};
}

Graded unsupported_as_well(const Refusal& refusal) {
  if (!says_unsupported(refusal)) return std::nullopt;
  const auto& supported = refusal.promised.supported;
  const bool some_unsupported = std::ranges::any_of(supported, [](auto& s) { return !s.second; });
  if (!some_unsupported && !names_another_operand(refusal)) return std::nullopt;
  return Grade{};  // both rules are broken, and either error is legal
}

Graded unsupported_falsely(const Refusal& refusal) {
  if (!says_unsupported(refusal)) return std::nullopt;
  return Grade{Grade::kFault, {}, "says unsupported, but the dtypes are supported"};
}

Graded tells_of_a_cast(const Refusal& refusal) {
  if (refusal.message->family->kind != MessageKind::cast) return std::nullopt;
  return Grade{Grade::kVague, {}, "tells of a cast instead of the operands"};
}

Graded unrelated(const Refusal& refusal) {
  if (refusal.message->family->kind == MessageKind::mismatch) return std::nullopt;
  return Grade{Grade::kFault, {}, "is unrelated to the mismatch"};
}

Graded gives_another_dtype(const Refusal& refusal) {
  for (const NamedDtype& named : had(refusal))
    if (const auto* operand = named_in(refusal.promise.group, named.operand);
        operand && operand->dtype != named.dtype)
      return Grade{Grade::kFault,
                   {},
                   fmt::format("gives {} the dtype {}, it has {}", named.operand, name_of(named.dtype),
                               name_of(operand->dtype))};
  return std::nullopt;
}

Graded names_what_none_has(const Refusal& refusal) {
  for (const NamedDtype& named : had(refusal))
    if (!any_has(refusal.promise.group, named.dtype) && !any_has(refusal.call.received, named.dtype) &&
        !cast_to(refusal.call, named.dtype))
      return Grade{Grade::kFault, {}, fmt::format("names {}, which no operand has", name_of(named.dtype))};
  return std::nullopt;
}

Graded names_too_few(const Refusal& refusal) {
  const auto named = had(refusal);
  if (named.empty() && refusal.promise.kind == Promise::kRefusesCategory)
    return Grade{Grade::kVague, {}, "names no dtype"};
  const bool two =
      std::ranges::any_of(named, [&](const NamedDtype& n) { return n.dtype != named.front().dtype; });
  if (two || refusal.promise.kind == Promise::kRefusesCategory) return std::nullopt;
  return Grade{Grade::kVague, {}, "names fewer than two dtypes"};
}

/// An operand that disagrees, although another one disagrees as well and comes before it.
Graded blames_another(const Refusal& refusal) {
  const Promise& promise = refusal.promise;
  if (promise.kind != Promise::kRefusesMismatch) return std::nullopt;
  std::string_view other;
  for (const NamedDtype& named : refusal.message->named) {
    if (named.operand == promise.second) return std::nullopt;
    if (other.empty() && named.operand != promise.first && named_in(promise.group, named.operand))
      other = named.operand;
  }
  if (other.empty()) return std::nullopt;
  return Grade{Grade::kBlames, std::string(other),
               fmt::format("blames {}, {} disagrees as well", other, promise.second)};
}

Graded exact(const Refusal&) {
  return Grade{Grade::kExact};
}

constexpr GradeRule kGradeRules[] = {
    {"unknown", unknown, "flux capacitor unplugged"},
    {"not about dtypes", about_no_dtypes, "index out of range in self"},
    {"says unsupported, and names what disagrees", unsupported_by_name,
     "Promotion for Float8 Types is not supported, attempted to promote Double and Float"},
    {"says unsupported, and something else is", unsupported_as_well, "\"addmm\" not implemented for 'Long'"},
    {"says unsupported", unsupported_falsely, "\"addmm\" not implemented for 'Float'"},
    {"tells of a cast", tells_of_a_cast, "result type Double can't be cast to the desired output type Float"},
    {"is unrelated", unrelated, "mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)"},
    {"gives an operand a dtype it has not", gives_another_dtype,
     "Input type (float) and weight type (float) should be the same"},
    {"names a dtype that none has", names_what_none_has,
     "mat1 and mat2 must have the same dtype, but got Double and Half"},
    {"names too few", names_too_few, "mixed dtype (CPU): expect parameter to have scalar type of Float"},
    {"blames another", blames_another, "Input type (double) and bias type (float) should be the same"},
    {"exact", exact, "Input type (double) and weight type (float) should be the same"},
};

}  // namespace

std::span<const GradeRule> grade_rules() {
  return kGradeRules;
}

Grade grade_of_refusal(const Expectation& promised, const Promise& promise, const CallFacts& call,
                       const std::optional<Recognized>& message) {
  const Refusal refusal{promised, promise, call, message};
  for (const GradeRule& rule : kGradeRules)
    if (auto grade = rule.grade(refusal)) return std::move(*grade);
  return {};
}

}  // namespace dtypefuzz
