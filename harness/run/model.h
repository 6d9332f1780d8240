#pragma once
#include <torch/torch.h>

#include <optional>
#include <string>
#include <vector>

#include "harness/core/plan.h"

namespace dtypefuzz {

/// A parameter or buffer of a layer, by the name `named_parameters` gives it.
struct Held {
  std::string name;
  at::Tensor tensor;
  Role role;
};

/// The modules of a plan. Units are what a person would hold: a module, or a Sequential with its children.
struct Model {
  std::vector<std::shared_ptr<torch::nn::Module>>
      layers;                           ///< one a layer; the same object where it is reused
  std::vector<std::vector<Held>> held;  ///< beside each layer
  std::vector<std::shared_ptr<torch::nn::Module>> units;
  std::shared_ptr<torch::nn::Module> loss;
  std::vector<Held> loss_held;

  void to(Dtype);
  std::vector<at::Tensor> parameters() const;
};

/// Makes one layer's module on the plan's device. `at_layer` is set to the layer at work, for whoever
/// catches.
Model make_model(const Plan&, int& at_layer);
/// Of the CPU: dropout, random pooling.
void seed_random_numbers(uint64_t seed);

/// One model made once for many runs of plans that differ in dtypes alone: making a Transformer takes as long
/// as its forward. What a run has changed (values, dtypes, gradients) is put back before the next.
class Stock {
 public:
  /// As if made anew; the random numbers that making it takes are given back.
  Model fresh(const Plan&, int& at_layer);

 private:
  bool restore();
  std::optional<Model> model_;
  std::vector<std::vector<at::Tensor>> originals_;  ///< beside what each layer holds, the loss's last
};

/// Gives single operands the dtypes that the case asks for.
void apply_operand_dtypes(const Plan&, Model&);

}  // namespace dtypefuzz
