#pragma once
#include <ATen/core/Tensor.h>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The tensors that a person would pass to a plan's layers.
struct Inputs {
  at::Tensor first;             ///< of the first layer; each later one gets what the one before gave
  std::vector<Tensors> others;  ///< beside each layer: its further inputs, undefined where left out
  Tensors loss;                 ///< the loss's further inputs

  /// What layer `i` is called with.
  Tensors of_layer(size_t i, const at::Tensor& chained) const;
  Tensors of_loss(const at::Tensor& chained) const;
};

/// Throws what LibTorch throws where a dtype has no such tensor.
Inputs make_inputs(const Plan&);

/// Whether its dtype is one that autograd works with.
bool can_have_gradient(const at::Tensor&);

}  // namespace dtypefuzz
