#include "harness/run/model.h"

#include <gtest/gtest.h>

#include "harness/run/plans_for_test.h"
#include "harness/run/run.h"
#include "harness/run/stamps.h"

namespace dtypefuzz {
namespace {

std::vector<at::Tensor> values_of(const Model& model) {
  std::vector<at::Tensor> values;
  for (const auto& held : model.held)
    for (const Held& h : held) values.push_back(h.tensor.detach().clone());
  return values;
}

void expect_same_values(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].scalar_type(), b[i].scalar_type());
    EXPECT_TRUE(a[i].equal(b[i]));
  }
}

TEST(Stock, PutsBackWhatARunHasChanged) {
  const Plan plan = plan_with({{"batch", "2"}, {"layers[0].module", "BatchNorm1d"}});
  ASSERT_EQ(plan.layers.front().module, "BatchNorm1d");
  Stock stock;
  int at_layer = -1;
  Model first = stock.fresh(plan, at_layer);
  const auto wanted = values_of(first);
  {
    const torch::NoGradGuard no_grad;
    for (const auto& held : first.held)
      for (const Held& h : held) h.tensor.add_(1);
  }
  for (at::Tensor& parameter : first.parameters()) parameter.mutable_grad() = at::ones_like(parameter);
  first.to(Dtype::Double);
  Plan integral = plan;
  integral.layers.front().operand_dtypes = {{"weight", Dtype::Long}};
  apply_operand_dtypes(integral, first);
  ASSERT_FALSE(first.held[0][0].tensor.requires_grad());

  const Model again = stock.fresh(plan, at_layer);
  EXPECT_EQ(again.layers.front(), first.layers.front()) << "it is the same module";
  expect_same_values(values_of(again), wanted);
  for (const at::Tensor& parameter : again.parameters()) {
    EXPECT_TRUE(parameter.requires_grad());
    EXPECT_FALSE(parameter.grad().defined());
  }
}

TEST(Stock, ShowsTheSameOutcomeRunAfterRun) {
  Stock stock;
  const auto given = [&](Dtype dtype) {
    Plan plan = plan_with({});
    plan.input_dtype = dtype;
    const Observation seen = run(plan, &stock);
    return std::pair(seen.error.has_value(), seen.calls.front().given);
  };
  const auto accepted = given(Dtype::Float);
  const auto refused = given(Dtype::Double);
  EXPECT_FALSE(accepted.first);
  EXPECT_TRUE(refused.first);
  EXPECT_EQ(given(Dtype::Float), accepted);
  EXPECT_EQ(given(Dtype::Double), refused);
}

TEST(Model, HoldsAReusedLayerOnceAsTheSameObject) {
  const Plan plan = plan_with({{"layers", "2"}, {"layers[1].module", "Reuse"}});
  ASSERT_EQ(plan.layers[1].reuse, 1);
  int at_layer = -1;
  const Model model = make_model(plan, at_layer);
  EXPECT_EQ(model.layers[0], model.layers[1]);
  EXPECT_EQ(model.units.size(), 1u);
  EXPECT_EQ(model.parameters().size(), 2u);
}

TEST(Model, IsReadyInTheDtypesAndTheModeOfItsPlan) {
  Plan plan = plan_with({{"params.dtype", "bfloat16"}, {"mode", "eval"}});
  plan.layers.front().operand_dtypes = {{"bias", Dtype::Float}};
  const Model model = ready_model(plan);
  EXPECT_FALSE(model.layers.front()->is_training());
  for (const Held& held : model.held.front())
    EXPECT_EQ(held.tensor.scalar_type(), held.name == "bias" ? Dtype::Float : Dtype::BFloat16) << held.name;
}

}  // namespace
}  // namespace dtypefuzz
