#pragma once
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "harness/core/finding.h"
#include "harness/core/observation.h"
#include "harness/core/plan.h"
#include "properties/expectation.h"

namespace dtypefuzz {

// The properties that hold one run against others. They look at one layer by itself, in train on the CPU, and
// its siblings: a stack adds nothing to them, and what single layers there are is soon seen.

enum class Kin : uint8_t { mode, device, autocast, repair };

/// A sibling as it ran.
struct Related {
  Kin kin = Kin::mode;
  Plan plan;
  Observation seen;
  Promise promise;    ///< of its layer's call
  bool sound = true;  ///< it violates no property by itself
};

/// The siblings of a plan of one layer: the other modes, meta, the other documented autocast dtype.
std::vector<std::pair<Kin, Plan>> relatives_of(const Plan&);
/// The same plan after the cast that an explanation of the promised refusal suggests: what is passed to what
/// the module has. Nothing where no mismatch is promised.
std::optional<Plan> repaired(const Plan&, const CallFacts&, const Promise&);

/// Properties 7 (modes_agree), 8 (devices_agree), 9 (autocast_dtypes_agree), 14 (values_agree_with_float64)
/// and 15 (suggested_repair_works). `base` is the plan itself; the repairs come in their order.
std::vector<Violation> judge_relations(const Related& base, std::span<const Related>,
                                       std::span<const ValueFacts>);

}  // namespace dtypefuzz
