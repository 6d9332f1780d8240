#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dtypefuzz/contract.h"

// What the rows of several families say in the same words: limits, names, conditions.

namespace dtypefuzz {

/// The most elements of any tensor of a case, so that no stack is slow. Chosen, not measured: 0.8 MB in
/// float64.
constexpr int64_t kMostElements = 100'000;

/// The names of what most modules with parameters hold.
inline std::vector<std::string> weight_and(bool bias) {
  return bias ? std::vector<std::string>{"weight", "bias"} : std::vector<std::string>{"weight"};
}

/// Counts or flags alone: roots, quotients and scales of them are no whole numbers.
inline When is_whole(std::string_view operand) {
  return {some({operand}, kWhole)};
}
inline When is_low(std::string_view operand) {
  return {some({operand}, kLowFloat)};
}

/// Nothing says what distances, likelihoods and the like are for complex numbers.
inline SpecialCase of_real_numbers_alone() {
  return asked_first(
      promises_nothing_where({some(all_operands(), kComplex)}, "defined for real numbers alone"),
      "of an operand that has no meaning there is nothing to say, whatever the others are");
}

/// Margins and logarithms make floating numbers of integers; nothing says which.
inline SpecialCase any_output_of_integers_alone() {
  return accepts_with_any_output_where({each(all_operands(), kWhole)},
                                       "documentation does not say what integers give");
}

}  // namespace dtypefuzz
