#include "harness/run/leaves.h"

#include <algorithm>

namespace dtypefuzz {
namespace {

/// For each layer whether the graph from the roots reaches what it holds, that is, no later one cuts it.
std::vector<bool> reached_layers(const Plan& plan, std::span<const CallFacts> calls, int iteration) {
  std::vector<bool> reached(plan.layers.size(), true);
  bool open = true;
  for (const CallFacts& call : calls) {
    if (call.iteration != iteration || call.culprit.kind != Culprit::kLoss) continue;
    open = call.output_requires_grad && plan.loss->contract->carries_gradient && call.input_requires_grad;
  }
  for (size_t i = plan.layers.size(); i-- > 0;) {
    const CallFacts* call = nullptr;
    for (const CallFacts& c : calls)
      if (c.iteration == iteration && c.culprit == Culprit{Culprit::kLayer, static_cast<int>(i)}) call = &c;
    reached[i] = open && call && call->output_requires_grad;
    open = reached[i] && call->input_requires_grad && plan.layers[i].contract->carries_gradient;
  }
  return reached;
}

}  // namespace

std::vector<LeafFacts> leaves_of(const Plan& plan, const Model& model, const at::Tensor& input,
                                 std::span<const CallFacts> calls, int iteration) {
  std::vector<LeafFacts> leaves;
  const bool plain = std::none_of(plan.layers.begin(), plan.layers.end(),
                                  [](const LayerPlan& layer) { return layer.residual || layer.reuse; });
  const auto reached = reached_layers(plan, calls, iteration);
  const auto add = [&](Culprit owner, const std::string& name, const at::Tensor& leaf, bool must) {
    if (!leaf.requires_grad() || !leaf.is_leaf()) return;
    const at::Tensor& gradient = leaf.grad();
    leaves.push_back({owner, name, leaf.scalar_type(), must, gradient.defined(),
                      gradient.defined() ? gradient.scalar_type() : Dtype::Undefined});
  };
  for (size_t i = 0; i < plan.layers.size(); ++i)
    for (const Held& held : model.held[i])
      if (held.role == Role::parameter)
        add({Culprit::kLayer, static_cast<int>(i)}, held.name, held.tensor, plain && reached[i]);
  const CallFacts& first = calls.front();
  add({Culprit::kStage}, "input", input,
      plain && reached[0] && first.output_requires_grad && plan.layers[0].contract->carries_gradient);
  return leaves;
}

}  // namespace dtypefuzz
