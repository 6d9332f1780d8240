#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dtypefuzz/finding.h"
#include "properties/facts.h"

namespace dtypefuzz {

/// What a property found broken: all that a name may be made of.
struct Breach {
  Broken what;
  const CallFacts* call = nullptr;   ///< the call concerned
  const Promise* promise = nullptr;  ///< and its promise
  Culprit owner = {};                ///< where it is neither the call's nor the error's
  Phase phase = Phase::forward;      ///< where it is neither the call's nor the error's
  std::string_view thing = {};       ///< a tensor's name, or what it is: `weight`, `gradient`, `archive`
  Category category = Category::floating;  ///< of the dtypes concerned, where no call's operands are
  const Family* told = nullptr;            ///< a sibling's message's family; null: no family knows it
  std::string_view how = {};               ///< what happened, in one word, where no message says it
  std::optional<Dtype> autocast = {};      ///< where it is neither the call's nor the plan's
  std::string promised = {}, seen = {};
};

/// The violation that a breach of a property is.
Violation violation_of(std::string_view property, const Facts&, Breach&&);

/// How severe what a signature names is: what is told of a known place that nobody runs again. Where a
/// signature may stand for two severities, the worse.
Severity severity_of(const Signature&);

/// What ran: a module, or the stage that the phase stands for.
std::string culprit_name(const Plan&, const Culprit&, Phase);
std::string culprit_name(const Plan&, const CallFacts&);
/// The phase in which a call ran.
Phase phase_of(const CallFacts&);
/// off, bfloat16, float16, other
std::string autocast_class(std::optional<Dtype>);
/// The part that an operand plays, whatever the number of its layer.
std::string role_of(std::string operand);
/// `input float32, weight float64`
std::string list(std::span<const OperandFacts>);

/// The first two operands of a call whose dtypes differ, by role: what a signature calls `input/weight`.
struct Disagreement {
  std::string operands = "-";
  std::string category = "-";
  bool operator==(const Disagreement&) const = default;
};
Disagreement disagreement_of(const Promise&, const CallFacts&);

}  // namespace dtypefuzz
