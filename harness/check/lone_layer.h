#pragma once
#include <span>
#include <string>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The call's layer as the only one of a plan, in the call's region, with all dtypes as they are by nature.
/// A loss is a layer then, too.
Plan lone_layer(const Plan&, const CallFacts&);

/// The layer's answers, dtypes aside, as one text.
std::string variant_of(const LayerPlan&);

/// Gives one operand of a lone layer its dtype: what the layer holds, or what it is passed.
void give_dtype(Plan& lone, const OperandFacts&);
/// Gives them all theirs, as a person would: the module by `to()` the dtype of its first parameter, and what
/// differs from that one by one. What modules hold as whole numbers by nature stays so.
void give_dtypes(Plan& lone, std::span<const OperandFacts>);

}  // namespace dtypefuzz
