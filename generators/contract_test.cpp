// Contracts as data: over every row, dtypes are given to its operands, and each rule must decide some of
// them.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <span>
#include <type_traits>

#include "generators/stack.h"
#include "harness/core/explain.h"
#include "harness/core/text.h"
#include "properties/promise.h"

namespace dtypefuzz {
namespace {

/// The operands of a layer with the dtype that each has by nature; Undefined: that of the parameters.
using Given = std::vector<OperandFacts>;

struct Subject {
  const Row* row = nullptr;
  const Contract* contract = nullptr;
  std::vector<Given> operands;  ///< those that options give and leave out
};

bool is_loss(const Row& row) {
  return std::find(losses().begin(), losses().end(), &row) != losses().end();
}

std::vector<const Row*> all_rows() {
  std::vector<const Row*> rows(module_rows().begin(), module_rows().end());
  rows.insert(rows.end(), losses().begin(), losses().end());
  return rows;
}

Given operands_of(const LayerPlan& layer) {
  Given operands;
  const auto add = [&](std::string name, std::optional<Dtype> natural, Role role) {
    operands.push_back({std::move(name), natural.value_or(Dtype::Undefined), 1, role});
  };
  add(std::string(layer.input_name), layer.input_natural, Role::input);
  for (const InputSpec& input : layer.drawn.inputs)
    if (input.present) add(input.name, input.natural, Role::input);
  const auto& statistics = layer.contract->statistics;
  bool counts = false;
  for (const auto& parameter : layer.drawn.parameters) {
    const bool is_statistic = std::find(statistics.begin(), statistics.end(), parameter) != statistics.end();
    counts = counts || is_statistic;
    add(parameter, std::nullopt, is_statistic ? Role::buffer : Role::parameter);
  }
  if (counts && !layer.contract->counter.empty())
    add(std::string(layer.contract->counter), Dtype::Long, Role::buffer);
  return operands;
}

/// A row's contracts (an option may ask for another one), each with the operands of 60 random cases.
const std::vector<Subject>& subjects_of(const Row& row) {
  static std::map<const Row*, std::vector<Subject>> known;
  if (const auto at = known.find(&row); at != known.end()) return at->second;
  Space space = whole_space();
  (is_loss(row) ? space.losses : space.modules) = {&row};
  std::vector<Subject> subjects;
  std::set<std::string> seen;
  constexpr Bias kEven{.setting = 0, .module = 0, .count = 1, .size = 0, .dtype = 1, .operand = 1};
  for (uint64_t seed = 0; seed < 60; ++seed) {
    Draw draw(rng_for(seed, 1), kEven);
    const Plan plan = plan_of(draw, space);
    if (is_loss(row) && !plan.loss) continue;
    const LayerPlan& layer = is_loss(row) ? *plan.loss : plan.layers.front();
    auto subject =
        std::find_if(subjects.begin(), subjects.end(), [&](auto& s) { return s.contract == layer.contract; });
    if (subject == subjects.end())
      subject = subjects.insert(subject, {.row = &row, .contract = layer.contract, .operands = {}});
    auto operands = operands_of(layer);
    std::string names = fmt::to_string(subject - subjects.begin());
    for (const auto& operand : operands) names += "," + operand.name;
    if (seen.insert(names).second) subject->operands.push_back(std::move(operands));
  }
  return known[&row] = std::move(subjects);
}

constexpr Dtype kRepresentatives[] = {Dtype::Float,        Dtype::Double,        Dtype::BFloat16,
                                      Dtype::Half,         Dtype::Float8_e4m3fn, Dtype::ComplexHalf,
                                      Dtype::ComplexFloat, Dtype::ComplexDouble, Dtype::Long,
                                      Dtype::Int,          Dtype::Byte,          Dtype::Bool};
constexpr Dtype kFew[] = {Dtype::Float, Dtype::BFloat16, Dtype::ComplexFloat, Dtype::Long, Dtype::Bool};

/// The settings that these conditions tell apart.
std::vector<Received> settings_of(const Contract& contract) {
  const auto mentions = [&]<class Asked>(std::type_identity<Asked>) {
    return std::any_of(contract.special.begin(), contract.special.end(), [](const SpecialCase& special) {
      const auto conditions = special.applies.conditions();
      return std::any_of(conditions.begin(), conditions.end(),
                         [](const Condition& c) { return std::holds_alternative<Asked>(c); });
    });
  };
  std::vector<Received> all = {{.operands = {}, .autocast = {}}};
  const auto doubled = [&](bool mentioned, auto change) {
    if (!mentioned) return;
    const size_t count = all.size();
    for (size_t i = 0; i < count; ++i) change(all.emplace_back(Received(all[i])));
  };
  doubled(mentions(std::type_identity<InTrain>{}), [](Received& r) { r.train = false; });
  doubled(mentions(std::type_identity<InRegion>{}), [](Received& r) { r.autocast = Dtype::BFloat16; });
  doubled(mentions(std::type_identity<OnDevice>{}), [](Received& r) { r.device = kCuda; });
  return all;
}

/// Visits the operands all in one dtype or each in its natural one, then with one of them, with all of one
/// module and, where `in_pairs`, with two of them in another dtype. Many operands get fewer dtypes.
template <class Visit>
void each_assignment(const Given& natural, bool in_pairs, const Visit& visit) {
  const bool many = natural.size() > 8;
  const auto dtypes = many ? std::span<const Dtype>(kFew) : std::span<const Dtype>(kRepresentatives);
  const auto in_one_module = [](std::string_view a, std::string_view b) {
    const auto dot = a.rfind('.');
    return dot != a.npos && b.rfind('.') == dot && a.substr(0, dot) == b.substr(0, dot);
  };
  Given given = natural;
  for (const Dtype base : dtypes)
    for (const bool as_by_nature : {true, false}) {
      std::vector<Dtype> start;
      for (const auto& operand : natural)
        start.push_back(as_by_nature && operand.dtype != Dtype::Undefined ? operand.dtype : base);
      const auto restore = [&] {
        for (size_t i = 0; i < given.size(); ++i) given[i].dtype = start[i];
      };
      restore();
      visit(given);
      for (const Dtype other : dtypes)
        for (size_t i = 0; i < given.size(); ++i) {
          given[i].dtype = other;
          visit(given);
          for (size_t k = 0; k < i && in_pairs && !many; ++k) {
            for (const Dtype third : {Dtype::Float, Dtype::ComplexFloat, Dtype::Long}) {
              given[k].dtype = third;
              visit(given);
            }
            given[k].dtype = start[k];
          }
          bool others = false;
          for (auto& operand : given)
            if (in_one_module(operand.name, given[i].name)) operand.dtype = other, others = true;
          if (others) visit(given);
          restore();
        }
    }
}

/// What a special case comes to, as far as another could come to something else.
std::string outcome_of(const SpecialCase& special, const Received& effective) {
  if (special.says == SpecialCase::kNothingPromised) return "nothing";
  Contract alone{.source = {}, .special = {special}};
  alone.special.front().applies = When{};
  const auto promise = promise_of(alone, effective);
  return special.output.kind == OutputRule::kPromoted ? "promoted"
                                                      : std::string(name_of(promise.outputs.at(0)));
}

TEST(Contracts, EveryRuleDecidesSomethingAndAnOverlapIsMeant) {
  std::map<std::string, bool> decides;
  std::set<std::string> overlaps;
  for (const Row* row : all_rows())
    for (const Subject& subject : subjects_of(*row)) {
      const Contract& contract = *subject.contract;
      if (contract.special.empty() && contract.takes.empty()) continue;
      const auto special_name = [&](const SpecialCase& special) {
        return fmt::format("{} where {}", row->name, special.applies.words());
      };
      const auto takes_name = [&](const CategoryRule& rule) {
        return fmt::format("{} takes {}", row->name, rule.operand);
      };
      const auto settings = settings_of(contract);
      std::vector<bool*> by_special, by_rule;
      for (const auto& special : contract.special) by_special.push_back(&decides[special_name(special)]);
      for (const auto& rule : contract.takes) by_rule.push_back(&decides[takes_name(rule)]);
      const auto judge = [&](const Given& operands, Received received) {
        received.operands = operands;
        std::optional<Given> seen;
        Received effective = received;
        if (received.autocast) {
          seen = effective_operands(contract, received);
          if (!seen) return;
          effective.operands = *seen;
        }
        size_t first = contract.special.size();
        for (size_t i = 0; i < contract.special.size(); ++i) {
          if (!contract.special[i].applies(effective)) continue;
          if (first == contract.special.size()) first = i;
          if (first == i || !contract.special[first].goes_first.empty()) continue;
          Received plain = effective;
          plain.autocast.reset();
          if (outcome_of(contract.special[first], plain) != outcome_of(contract.special[i], plain))
            overlaps.insert(special_name(contract.special[first]) + "  |  " +
                            special_name(contract.special[i]));
        }
        if (first < contract.special.size()) {
          *by_special[first] = true;
          return;
        }
        for (size_t i = 0; i < contract.takes.size(); ++i)
          if (const auto* operand = effective.find(contract.takes[i].operand);
              operand && !contract.takes[i].has(operand->dtype)) {
            *by_rule[i] = true;
            return;
          }
      };
      for (const auto& natural : subject.operands) {
        const auto is_open = [](const bool* decided) { return !*decided; };
        const bool open = std::any_of(by_special.begin(), by_special.end(), is_open) ||
                          std::any_of(by_rule.begin(), by_rule.end(), is_open);
        const bool may_overlap = contract.special.size() > 1 && natural.size() <= 8;
        if (!open && !may_overlap) continue;
        each_assignment(natural, may_overlap, [&](const Given& operands) {
          for (const Received& received : settings) judge(operands, received);
        });
      }
    }
  for (const auto& [name, decided] : decides) EXPECT_TRUE(decided) << name << ": never decides";
  EXPECT_GT(decides.size(), 60u);
  for (const auto& both : overlaps)
    ADD_FAILURE() << both << ": both apply and say different things; say why the first is asked first";
}

/// Operands that a condition names.
struct Named {
  std::vector<std::string_view> operator()(const OperandsAre& c) const {
    auto names = c.operands.names;
    if (!c.dtypes.like.empty()) names.push_back(c.dtypes.like);
    return names;
  }
  std::vector<std::string_view> operator()(const ResultIs& c) const { return c.operands.names; }
  std::vector<std::string_view> operator()(const ModulesAgree& c) const { return c.operands.names; }
  std::vector<std::string_view> operator()(const IsGiven& c) const { return {c.operand}; }
  template <class Other>
  std::vector<std::string_view> operator()(const Other&) const {
    return {};
  }
};

TEST(Contracts, ConditionsNameOperandsThatExist) {
  for (const Row* row : all_rows())
    for (const Subject& subject : subjects_of(*row)) {
      std::set<std::string> all;
      for (const auto& operands : subject.operands)
        for (const auto& operand : operands) all.insert(operand.name);
      for (const auto& special : subject.contract->special) {
        EXPECT_FALSE(special.source.empty()) << row->name;
        for (const Condition& condition : special.applies.conditions())
          for (const auto name : std::visit(Named{}, condition))
            EXPECT_TRUE(
                std::any_of(all.begin(), all.end(), [&](auto& operand) { return glob(name, operand); }))
                << row->name << ": no operand '" << name << "' in " << special.applies.words();
      }
    }
}

TEST(Contracts, AreToldInSentencesThatNameTheirSource) {
  for (const Row* row : all_rows())
    for (const Subject& subject : subjects_of(*row)) {
      std::set<std::string> texts;
      for (const auto& [about, text, source] : explain(*subject.contract)) {
        EXPECT_TRUE(texts.insert(text).second) << row->name << " says twice: " << text;
        EXPECT_EQ(text.find("  "), std::string::npos) << row->name << ": " << text;
        if (about == "special" || about == "takes") EXPECT_FALSE(source.empty()) << row->name << ": " << text;
      }
    }
}

}  // namespace
}  // namespace dtypefuzz
