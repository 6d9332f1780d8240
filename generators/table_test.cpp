#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "generators/stack.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

std::vector<const Row*> all_rows() {
  std::vector<const Row*> rows(module_rows().begin(), module_rows().end());
  rows.insert(rows.end(), losses().begin(), losses().end());
  return rows;
}

/// The modules of the C++ front end in the LibTorch in use, as its headers declare them.
std::set<std::string> modules_of_the_front_end() {
  const std::regex declared(
      R"((?:^|\n)TORCH_MODULE(?:_IMPL)?\((\w+)|\nclass (\w+) : public (?:torch::)?(?:nn::)?ModuleHolder<)");
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(DTYPEFUZZ_FRONT_END "/nn/modules")) {
    std::ifstream file(entry.path());
    std::stringstream text;
    text << "\n" << file.rdbuf();
    const std::string content = text.str();
    for (auto it = std::sregex_iterator(content.begin(), content.end(), declared);
         it != std::sregex_iterator(); ++it)
      names.insert((*it)[1].matched ? (*it)[1].str() : (*it)[2].str());
  }
  return names;
}

/// Modules that are no row, each with the reason.
const std::map<std::string, std::string> kElsewhere = {
    {"Sequential", "a container of generated children: generators/stack.cpp"},
    {"ModuleList", "a container of generated children: generators/stack.cpp"},
    {"ModuleDict", "a container of generated children: generators/stack.cpp"},
};

TEST(Table, EveryModuleOfTheFrontEndIsARowOrStandsElsewhereForAReason) {
  const auto modules = modules_of_the_front_end();
  EXPECT_GT(modules.size(), 100u) << "the headers' form has changed: " DTYPEFUZZ_FRONT_END;
  for (const auto& name : modules)
    EXPECT_TRUE(whole_space().row(name) || kElsewhere.contains(name))
        << name << ": neither a row nor in the list of those that stand elsewhere";
  for (const auto& [name, reason] : kElsewhere)
    EXPECT_FALSE(whole_space().row(name)) << name << " is a row: " << reason;
}

TEST(Table, NamesAreDistinctAndSourcesExist) {
  std::set<std::string_view> names;
  for (const Row* row : all_rows()) {
    EXPECT_TRUE(names.insert(row->name).second) << row->name << ": twice";
    EXPECT_TRUE(fs::is_regular_file(fs::path(DTYPEFUZZ_FRONT_END) / row->source))
        << row->name << ": " << row->source;
    EXPECT_FALSE(row->contract.source.empty()) << row->name << ": its contract names no source";
  }
}

/// All operands that a row's layers can have.
std::set<std::string> operands_of(const Row& row) {
  Space space = whole_space();
  const bool is_loss = std::find(losses().begin(), losses().end(), &row) != losses().end();
  if (is_loss)
    space.losses = {&row};
  else
    space.modules = {&row};
  std::set<std::string> names = {std::string(row.input_name)};
  constexpr Bias kEven{.setting = 0, .module = 0, .count = 1, .size = 0, .dtype = 1, .operand = 1};
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Draw draw(rng_for(seed, 1), kEven);
    const Plan plan = plan_of(draw, space);
    const LayerPlan* layer = is_loss ? (plan.loss ? &*plan.loss : nullptr) : &plan.layers.front();
    if (!layer) continue;
    for (const InputSpec& input : layer->drawn.inputs) names.insert(input.name);
    names.insert(layer->drawn.parameters.begin(), layer->drawn.parameters.end());
  }
  return names;
}

TEST(Table, ContractsSpeakOfOperandsThatExistAndDoNotContradictThemselves) {
  for (const Row* row : all_rows()) {
    const Contract& contract = row->contract;
    auto operands = operands_of(*row);
    operands.insert("*");
    const auto has = [&](std::string_view name) {
      EXPECT_TRUE(operands.contains(std::string(name))) << row->name << ": no operand '" << name << "'";
    };
    std::map<std::string_view, Categories> takes;
    for (const CategoryRule& rule : contract.takes) {
      has(rule.operand);
      EXPECT_TRUE(takes.emplace(rule.operand, rule.takes).second)
          << row->name << ": " << rule.operand << " twice";
      EXPECT_NE(rule.takes.bits, 0) << row->name << ": " << rule.operand << " takes nothing";
      for (const Dtype dtype : rule.only)
        EXPECT_TRUE(rule.takes.has(category_of(dtype)))
            << row->name << ": " << rule.operand << " takes " << name_of(dtype) << " and not its category";
    }
    for (const auto& group : contract.share_a_dtype) {
      has(group.front());
      uint8_t common = 0xFF;
      for (const auto name : group) {
        has(name);
        if (const auto rule = takes.find(name); rule != takes.end()) common &= rule->second.bits;
      }
      EXPECT_NE(common, 0) << row->name << ": operands share a dtype and take none in common";
    }
    for (const auto name : contract.promotes) has(name);
    if (!contract.output.operand.empty()) has(contract.output.operand);
    EXPECT_TRUE(contract.output.kind != OutputRule::kPromoted || !contract.promotes.empty())
        << row->name << ": promotes nothing";
  }
}

}  // namespace
}  // namespace dtypefuzz
