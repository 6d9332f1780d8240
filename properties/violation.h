#pragma once
#include <optional>
#include <span>
#include <string>

#include "properties/messages.h"
#include "properties/property.h"

namespace dtypefuzz {

// What the properties share: how a violation is named.

/// `input float32, weight float64`
std::string list(std::span<const OperandFacts>);
/// off, bfloat16, float16, other
std::string autocast_class(std::optional<Dtype>);
/// The message's family; `accepted` where there is no error.
std::string family_of(const std::optional<ErrorFacts>&);
/// The part that an operand plays, whatever the number of its layer.
std::string role_of(std::string operand);

/// The first two operands of a call whose dtypes differ, by role: what a signature calls `input/weight`.
struct Disagreement {
  std::string operands = "-";
  std::string category = "-";
};
Disagreement disagreement_of(const Promise&, const CallFacts&);

Violation violation(std::string_view property, const Plan&, Severity, const Culprit&, Phase,
                    std::string family, const Disagreement&, std::optional<Dtype> autocast,
                    std::string promised, std::string seen);

/// Refusals that say nothing about dtypes' consistency: values, devices, missing kernels of meta, autograd's
/// rules.
bool not_about_dtypes(const Recognized&);

// The properties that are not in judge.cpp.
void only_conversion_changes_dtypes(const Plan&, const Expectation&, const Observation&, Strictness,
                                    std::vector<Violation>&);
void steps_keep_values_finite(const Plan&, const Expectation&, const Observation&, Strictness,
                              std::vector<Violation>&);

}  // namespace dtypefuzz
