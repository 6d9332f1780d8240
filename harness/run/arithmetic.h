#pragma once
#include <torch/torch.h>

#include <memory>
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/model.h"

// What is done to numbers beside forward and backward, held against the same worked out apart from it.
namespace dtypefuzz {

/// The numbers in a model before a conversion.
class HeldNumbers {
 public:
  HeldNumbers(const Plan&, const Model&);
  /// The first number that is not what it was, cast to the dtype that it has now as C++ casts it; none: they
  /// all are. A complex number that became real has no imaginary part any more, of which LibTorch warns.
  std::vector<ConversionFacts> changed_by_conversion(const Model&) const;

 private:
  struct Kept {
    size_t layer, held;
    Dtype dtype;
    std::vector<double> numbers;
  };
  std::vector<Kept> kept_;
};

/// Gradients before clipping.
class ClippedNumbers {
 public:
  ClippedNumbers(Clip, const Tensors& parameters);
  /// `norm`: what clipping by norm gave back. Adds what it did, held against float64: the norm may be rounded
  /// once to the widest of the gradients' dtypes, each gradient twice.
  void compare(double norm, const Tensors& parameters, std::vector<ArithmeticFacts>&) const;

 private:
  Clip clip_;
  std::vector<std::vector<double>> gradients_;  ///< beside the parameters; empty: it has none
};

/// The first step of an optimizer on the same parameters and gradients in float64.
class StepInFloat64 {
 public:
  StepInFloat64(const OptimizerRow&, const Tensors& parameters);
  /// Adds what the step did, held against that in float64: of the parameter 4 units in the last place, of its
  /// change 64. Numbers whose gradient is no normal one are left aside.
  void compare(const Tensors& parameters, std::vector<ArithmeticFacts>&);

 private:
  Tensors exact_;  ///< beside the parameters; undefined: it is left aside
  std::vector<std::vector<double>> before_, gradients_;  ///< beside them as well
  std::unique_ptr<torch::optim::Optimizer> optimizer_;
};

}  // namespace dtypefuzz
