#pragma once
#include <optional>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/autocast.h"
#include "harness/run/inputs.h"
#include "harness/run/model.h"

namespace dtypefuzz {

/// The call of one layer or of the loss.
struct Turn {
  Culprit culprit;
  const LayerPlan& layer;
  torch::nn::Module& module;
  const std::vector<Held>& held;
};

/// One pass forward through a plan: the layers in order and then the loss, each in the regions that lie round
/// it. The observed run and the bare one share it; what they do in it is their `Turns`:
///
///   void begins()                                        the plan's region is open, no layer has run
///   bool call(const Turn&, const Tensors& inputs, Tensors& outputs)
///   bool add(int layer, Tensors& outputs, const at::Tensor& residual)      to the first output
///   void ends(int layer, const Tensors& outputs)         it goes on to the next layer
///
/// A call or an addition that returns false ends the pass, which then returns false. `chain[i]` is the input
/// of layer i; `outputs` are those of the last call.
template <class Turns>
bool pass_forward(const Plan& plan, const Model& model, const Inputs& inputs, Turns&& turns, Tensors& chain,
                  Tensors& outputs) {
  std::optional<AutocastRegion> whole, container, own;
  if (plan.autocast) whole.emplace(plan.device, plan.autocast);
  turns.begins();
  chain.assign(1, inputs.first);
  int inside = -1;  // the container that the layer lies in
  for (size_t i = 0; i < plan.layers.size(); ++i) {
    const LayerPlan& layer = plan.layers[i];
    const int index = static_cast<int>(i);
    if (layer.container != inside) {
      inside = layer.container;
      container.reset();
      if (inside >= 0) enter(container, plan.device, plan.containers[static_cast<size_t>(inside)].autocast);
    }
    outputs.clear();
    enter(own, plan.device, layer.autocast);
    const Turn turn{{Culprit::kLayer, index}, layer, *model.layers[i], model.held[i]};
    if (!turns.call(turn, inputs.of_layer(i, chain.back()), outputs)) return false;
    own.reset();
    if (layer.residual && !turns.add(index, outputs, chain[i + 1 - static_cast<size_t>(layer.residual)]))
      return false;
    turns.ends(index, outputs);
    chain.push_back(outputs.front());
  }
  container.reset();
  if (!plan.loss) return true;
  whole.reset();
  if (plan.loss_autocast.kind == Region::kSame && plan.autocast) whole.emplace(plan.device, plan.autocast);
  enter(own, plan.device, plan.loss_autocast);
  outputs.clear();
  const Turn turn{{Culprit::kLoss}, *plan.loss, *model.loss, model.loss_held};
  return turns.call(turn, inputs.of_loss(chain.back()), outputs);
}

/// The outputs from which backward begins.
Tensors roots_of(const Tensors& outputs);
/// What an optimizer's closure gives back: the real parts of all of them as one number; undefined where there
/// is no root.
at::Tensor sum_of(const Tensors& roots);
/// Beside each root the gradient that backward begins with: ones, made in float32 and cast.
Tensors ones_beside(const Tensors& roots);

}  // namespace dtypefuzz
