#pragma once
#include <torch/torch.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// A parameter or buffer of a layer, by the name `named_parameters` gives it.
struct Held {
  std::string name;
  at::Tensor tensor;
  Role role;
};

/// The modules of a plan. Units are what a person would hold: a module, or a Sequential with its children.
struct Model {
  /// One a layer; the same object where it is reused.
  std::vector<std::shared_ptr<torch::nn::Module>> layers;
  std::vector<std::vector<Held>> held;  ///< beside each layer
  std::vector<std::shared_ptr<torch::nn::Module>> units;
  std::shared_ptr<torch::nn::Module> loss;
  std::vector<Held> loss_held;

  /// `begins`: called before each unit, and the loss, is converted.
  void to(Dtype, const std::function<void()>& begins = nullptr);
  void train(bool);
  std::vector<at::Tensor> parameters() const;
};

/// The modules on the plan's device, as their constructors leave them. `at_layer` is set to the layer that is
/// being made, so that whoever catches an exception can tell whose it is; -1: the loss, or none.
Model make_model(const Plan&, int& at_layer);
/// Gives single operands the dtypes that the case asks for.
void apply_operand_dtypes(const Plan&, Model&);
/// All that comes before the first forward of a plan that loads and converts nothing, unobserved: made, in
/// the dtypes and the mode that the plan asks for.
Model ready_model(const Plan&);
/// One model made once for many runs of plans that differ in dtypes alone: making a TransformerEncoder takes
/// as long as its forward (0.9 and 0.8 ms). What a run has changed (values, dtypes, gradients) is put back
/// before the next.
class Stock {
 public:
  /// As if made anew; the random numbers that making it takes are given back.
  Model fresh(const Plan&, int& at_layer);

 private:
  bool restore();
  std::optional<Model> model_;
  std::vector<std::vector<at::Tensor>> originals_;  ///< beside what each layer holds, the loss's last
};

}  // namespace dtypefuzz
