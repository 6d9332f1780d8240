#pragma once
#include <optional>
#include <string>
#include <vector>

#include "harness/core/contract.h"

namespace dtypefuzz {

/// What a contract promises for what was received.
struct Promise {
  enum Kind : uint8_t {
    kAccepts,          ///< succeeds with `outputs`, or is cleanly refused as unsupported
    kRefusesMismatch,  ///< `first` and `second` disagree
    kRefusesCategory,  ///< `first` is of a category that is not taken
    kUnspecified,      ///< nothing is promised, for `reason`
  } kind = kUnspecified;
  std::string first = {}, second = {};
  Category category = Category::floating;  ///< the stranger one of the operands concerned
  std::vector<OperandFacts> group = {};    ///< the operands concerned, dtypes as the operator sees them
  std::vector<Dtype> outputs = {};         ///< Undefined: unspecified
  std::string reason = {};
};

/// The dtypes as the operator sees them after the region's casts. Nothing where that is unspecified.
std::optional<std::vector<OperandFacts>> effective_operands(const Contract&, const Received&);
Promise promise_of(const Contract&, const Received&);

}  // namespace dtypefuzz
