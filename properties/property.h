#pragma once
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/core/finding.h"
#include "harness/core/plan.h"
#include "properties/expectation.h"

namespace dtypefuzz {

/// Where strictness matters: refusals that blame another operand, or name fewer than two dtypes, are graded
/// and hold by default; under `strict` they are violations.
struct Strictness {
  bool strict = false;
};

using Property = void (*)(const Plan&, const Expectation&, const Observation&, Strictness,
                          std::vector<Violation>&);
struct NamedProperty {
  std::string_view name;
  Property judge;
  std::string_view sentence;
};

/// All properties. Pure functions of promises and facts: no tensor, no input or output, no randomness.
std::span<const NamedProperty> all_properties();

/// Every violated property of one run, those aside that an earlier one at the same culprit implies.
std::vector<Violation> judge(const Plan&, const Expectation&, const Observation&, Strictness = {});

/// How well a refusal that is promised says what disagrees.
struct Grade {
  enum Kind : uint8_t {
    kNone,    ///< not to be graded: another rule is broken as well, or the message is not about dtypes
    kExact,   ///< names the dtypes that disagree, and whatever it says of operands is right
    kBlames,  ///< the same of `blamed`, although another operand disagrees before it
    kVague,   ///< names too few dtypes, or tells of a cast instead of operands
    kFault,   ///< unrelated, false, or unknown: no such refusal was promised
  } kind = kNone;
  std::string blamed = {};
  std::string why = {};  ///< what is missing, in words
};
/// The grade of the error with which `call`, for which `promise` foresaw a refusal, ended.
Grade grade_of_refusal(const Expectation&, const Promise& promise, const CallFacts& call,
                       const std::string& message);

/// The contract of the addition of a residual branch.
const Contract& residual_contract();
/// The promise for one call, given the plan that it belongs to.
Promise promise_for(const Plan&, const CallFacts&);
const LayerPlan* layer_of(const Plan&, const Culprit&);
/// What ran: a module, or the stage that the phase stands for.
std::string culprit_name(const Plan&, const Culprit&, Phase);

}  // namespace dtypefuzz
