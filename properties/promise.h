#pragma once
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/contract.h"
#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

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
  std::vector<Dtype> outputs = {};         ///< Undefined: unspecified; the last one serves all that follow
  std::string reason = {};

  bool accepts() const { return kind == kAccepts; }
  bool refuses() const { return kind == kRefusesMismatch || kind == kRefusesCategory; }
  /// The dtype of an output; Undefined where none is promised.
  Dtype output(size_t index) const {
    return outputs.empty() ? Dtype::Undefined : outputs[std::min(index, outputs.size() - 1)];
  }
};

/// The dtypes as the operator sees them after the region's casts. Nothing where that is unspecified.
std::optional<std::vector<OperandFacts>> effective_operands(const Contract&, const Received&);
Promise promise_of(const Contract&, const Received&);

/// The stranger category of two dtypes.
Category stranger(Dtype, Dtype);

/// The contract of the addition of a residual branch.
const Contract& residual_contract();
/// The layer, or the loss, that a culprit is; null for the stages of a run.
const LayerPlan* layer_of(const Plan&, const Culprit&);
/// The contract that a call is held to.
const Contract& contract_of(const Plan&, const CallFacts&);
/// What a call received, as contracts are asked about it.
Received received_by(const Plan&, const CallFacts&);
/// The one dtype of all operands that have none of their own by nature, where those that have one have it, or
/// another that the contract lists and that is no floating one (masks, targets, indices). Nothing where some
/// disagree.
std::optional<Dtype> agreeing_dtype(const Plan&, const CallFacts&);
/// The promise for one call, given the plan that it belongs to.
Promise promise_for(const Plan&, const CallFacts&);

}  // namespace dtypefuzz
