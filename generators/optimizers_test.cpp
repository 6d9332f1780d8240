#include "generators/optimizers.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

namespace dtypefuzz {
namespace {

TEST(Optimizers, OfTheFrontEndHaveARowEach) {
  const std::regex declared(R"(\nclass TORCH_API (\w+) : public Optimizer )");
  std::set<std::string> there;
  for (const auto& entry : std::filesystem::directory_iterator(DTYPEFUZZ_FRONT_END "/optim")) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const std::string content = text.str();
    for (auto it = std::sregex_iterator(content.begin(), content.end(), declared);
         it != std::sregex_iterator(); ++it)
      there.insert((*it)[1].str());
  }
  std::set<std::string> rows;
  for (const OptimizerRow& row : optimizers()) rows.insert(std::string(row.name));
  ASSERT_FALSE(there.empty());
  for (const std::string& name : there) EXPECT_TRUE(rows.contains(name)) << name << " is no row";
  EXPECT_EQ(rows.size(), optimizers().size()) << "a name stands twice";
}

/// One step on a parameter, whose gradient is its own value.
std::unique_ptr<torch::optim::Optimizer> after_a_step(const OptimizerRow& row, const at::Tensor& parameter) {
  auto optimizer = row.make({parameter});
  const auto loss = [&] {
    optimizer->zero_grad();
    const at::Tensor value = parameter.square().sum() * 0.5;
    value.backward();
    return value;
  };
  if (row.needs_closure) {
    optimizer->step(loss);
  } else {
    loss();
    optimizer->step();
  }
  return optimizer;
}

TEST(Optimizers, EachMovesAParameterAndItsStateIsFound) {
  for (const OptimizerRow& row : optimizers()) {
    const at::Tensor parameter = at::full({3}, 2.0).requires_grad_(true);
    const auto optimizer = after_a_step(row, parameter);
    EXPECT_LT(parameter.max().item<float>(), 2.0f) << row.name;
    const auto& state = optimizer->state();
    const auto kept = state.find(parameter.unsafeGetTensorImpl());
    ASSERT_NE(kept, state.end()) << row.name;
    const Tensors tensors = row.state_of(*kept->second);
    EXPECT_EQ(tensors.empty(), row.needs_closure) << row.name;
    for (const at::Tensor& tensor : tensors) EXPECT_EQ(tensor.sizes(), parameter.sizes()) << row.name;
  }
}

TEST(Optimizers, OnlyThoseThatReadValuesFailWhereThereAreNone) {
  for (const OptimizerRow& row : optimizers()) {
    const auto step = [&row] {
      const auto options = at::TensorOptions(at::kMeta).dtype(at::kFloat);
      after_a_step(row, at::empty({3}, options).requires_grad_(true));
    };
    if (row.reads_values)
      EXPECT_THROW(step(), std::exception) << row.name;
    else
      EXPECT_NO_THROW(step()) << row.name;
  }
}

TEST(Optimizers, AreNamedByTheirPlace) {
  EXPECT_EQ(place_of(nullptr), 0u);
  EXPECT_EQ(optimizer_named("none"), nullptr);
  for (const OptimizerRow& row : optimizers()) {
    EXPECT_EQ(optimizer_named(row.name), &row);
    EXPECT_EQ(&optimizers()[place_of(&row) - 1], &row);
  }
}

}  // namespace
}  // namespace dtypefuzz
