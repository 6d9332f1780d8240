#include "dtypefuzz/when.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "dtypefuzz/promotion.h"
#include "harness/core/text.h"

namespace dtypefuzz {
namespace {

std::string_view module_of(std::string_view operand) {
  const auto dot = operand.rfind('.');
  return dot == std::string_view::npos ? std::string_view{} : operand.substr(0, dot);
}

/// `a`, `a or b`, `a, b or c`.
std::string listed(const std::vector<std::string>& all, std::string_view last) {
  std::string text;
  for (size_t i = 0; i < all.size(); ++i)
    text += (i == 0 ? "" : i + 1 < all.size() ? ", " : fmt::format(" {} ", last)) + all[i];
  return text;
}

std::string listed(const Operands& operands, std::string_view last) {
  return listed(std::vector<std::string>(operands.names.begin(), operands.names.end()), last);
}

}  // namespace

bool DtypeSet::has(Dtype dtype, const Received& received) const {
  const bool in = categories.has(category_of(dtype)) ||
                  std::find(dtypes.begin(), dtypes.end(), dtype) != dtypes.end() ||
                  (!like.empty() && dtype == received.dtype_of(like));
  return in != inverted;
}

std::string DtypeSet::words() const {
  std::vector<std::string> parts;
  if (categories.bits != 0) parts.push_back(dtypefuzz::words(categories));
  for (const Dtype dtype : dtypes) parts.emplace_back(name_of(dtype));
  std::string text;
  if (!parts.empty()) text = fmt::format("is {}{}", inverted ? "not " : "", listed(parts, "or"));
  if (like.empty()) return text;
  const std::string same = fmt::format("{} the dtype of {}", inverted ? "has not" : "has", like);
  return text.empty() ? same : fmt::format("{} {} {}", text, inverted ? "and" : "or", same);
}

DtypeSet operator|(DtypeSet a, const DtypeSet& b) {
  a.categories = a.categories | b.categories;
  a.dtypes.insert(a.dtypes.end(), b.dtypes.begin(), b.dtypes.end());
  if (a.like.empty()) a.like = b.like;
  return a;
}

DtypeSet dtype_of(std::string_view operand) {
  DtypeSet set;
  set.like = operand;
  return set;
}

DtypeSet other_than(DtypeSet set) {
  set.inverted = !set.inverted;
  return set;
}

bool Operands::has(std::string_view operand) const {
  const bool named = std::any_of(names.begin(), names.end(),
                                 [&](std::string_view pattern) { return glob(pattern, operand); });
  return named != all_but;
}

Operands all_operands() {
  return {{}, true};
}

Operands all_but(std::vector<std::string_view> names) {
  return {std::move(names), true};
}

bool OperandsAre::holds(const Received& received) const {
  for (const auto& operand : received.operands)  // most dtypes settle it, and names take longer to compare
    if (dtypes.has(operand.dtype, received) == (count == kSome) && operands.has(operand.name))
      return count == kSome;
  return count == kEach;
}

std::string OperandsAre::words() const {
  const std::string are = dtypes.words();
  if (operands.all_but) {
    const std::string but = operands.names.empty() ? "" : fmt::format(" but {}", listed(operands, "and"));
    return fmt::format("{} operand{} {}", count == kEach ? "every" : "some", but, are);
  }
  const bool one = operands.names.size() == 1 && operands.names.front().find('*') == std::string_view::npos;
  if (one) return fmt::format("{}{} {}", operands.names.front(), count == kEach ? ", if given," : "", are);
  return fmt::format("{} of {} {}", count == kEach ? "each given one" : "at least one",
                     listed(operands, "and"), are);
}

bool ResultIs::holds(const Received& received) const {
  ResultType type;
  for (const auto& operand : received.operands)
    if (operands.has(operand.name)) type.add(operand.dtype, operand.rank);
  const auto result = type.get();
  return result && dtypes.has(*result, received);
}

std::string ResultIs::words() const {
  return fmt::format("torch::result_type of {} {}", listed(operands, "and"), dtypes.words());
}

bool ModulesAgree::holds(const Received& received) const {
  if (std::ranges::adjacent_find(received.operands, std::ranges::not_equal_to(), &OperandFacts::dtype) ==
      received.operands.end())
    return true;
  std::vector<std::pair<std::string_view, Dtype>> modules;  // each as its first operand is
  for (const auto& operand : received.operands) {
    if (!operands.has(operand.name)) continue;
    const std::string_view module = module_of(operand.name);
    const auto met = std::ranges::find(modules, module, &std::pair<std::string_view, Dtype>::first);
    if (met == modules.end())
      modules.emplace_back(module, operand.dtype);
    else if (met->second != operand.dtype)
      return false;
  }
  return true;
}

std::string ModulesAgree::words() const {
  return fmt::format("of {}, those of one module have one dtype", listed(operands, "and"));
}

bool IsGiven::holds(const Received& received) const {
  return received.find(operand) != nullptr;
}
std::string IsGiven::words() const {
  return fmt::format("{} is given", operand);
}

bool InTrain::holds(const Received& received) const {
  return received.train;
}
std::string InTrain::words() const {
  return "in train";
}

bool InRegion::holds(const Received& received) const {
  return received.autocast.has_value();
}
std::string InRegion::words() const {
  return "in an autocast region";
}

bool OnDevice::holds(const Received& received) const {
  return (received.device == device) == is_it;
}
std::string OnDevice::words() const {
  return fmt::format("{}on {}", is_it ? "" : "not ", to_string(device));
}

bool DefaultDtypeIs::holds(const Received& received) const {
  return dtypes.has(received.default_dtype, received);
}
std::string DefaultDtypeIs::words() const {
  return fmt::format("the default dtype {}", dtypes.words());
}

Condition each(Operands operands, DtypeSet dtypes) {
  return OperandsAre{OperandsAre::kEach, std::move(operands), std::move(dtypes)};
}
Condition some(Operands operands, DtypeSet dtypes) {
  return OperandsAre{OperandsAre::kSome, std::move(operands), std::move(dtypes)};
}

bool When::operator()(const Received& received) const {
  return std::all_of(all_.begin(), all_.end(), [&](const Condition& condition) {
    return std::visit([&](const auto& one) { return one.holds(received); }, condition);
  });
}

std::string When::words() const {
  std::vector<std::string> parts;
  for (const Condition& condition : all_)
    parts.push_back(std::visit([](const auto& one) { return one.words(); }, condition));
  return fmt::format("{}", fmt::join(parts, "; "));
}

When operator&(const When& a, const When& b) {
  std::vector<Condition> all(a.conditions().begin(), a.conditions().end());
  all.insert(all.end(), b.conditions().begin(), b.conditions().end());
  return When(std::move(all));
}

}  // namespace dtypefuzz
