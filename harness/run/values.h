#pragma once
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/trail.h"

namespace dtypefuzz {

/// The distance from 1 to the next number, of the real type for complex ones; 0 for integers.
double epsilon_of(Dtype);

/// The outputs of a plan's first layer, and the gradients of its input and parameters where backward runs,
/// held against the same layer in float64, on the numbers that it really got. Where the layer is random in
/// train, it runs in eval. Nothing where the layer is refused or cannot be set up, and nothing on other
/// devices than the CPU.
std::vector<ValueFacts> compare_values(const Plan&);

/// What an output may be, worked out in float64.
struct Wanted {
  std::vector<double> exact;
  /// The same after each operand's every number was moved by its dtype's epsilon, up or down: what rounding
  /// the operands alone can do.
  std::vector<std::vector<double>> near;
  /// Where the numbers are not tame: what each operator gives in float32, rounded once. Where that is not the
  /// exact number either nothing is said of it.
  std::vector<double> witness = {};
  double epsilon = 0;   ///< the largest among the dtypes that took part
  double rounding = 0;  ///< what rounding in between may do where the exact result cancels out
  bool tame = true;
};

/// The numbers of one output, complex ones as two each, against what they should be.
/// Integers are right or wrong; nothing is said of those that float64 cannot decide. What leaves the range of
/// the dtype is an infinity of the same sign, or the largest number.
ValueFacts worst_of(int output, Dtype, const std::vector<double>& got, const Wanted&);

/// The operators of such a comparison with their numbers: of the layer as it is, and in float64.
struct ValueTrails {
  Trail got, exact;
};
ValueTrails trails_of_values(const Plan&);

}  // namespace dtypefuzz
