#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "properties/expectation.h"
#include "properties/messages.h"

namespace dtypefuzz {

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
  bool operator==(const Grade&) const = default;
};

/// A refusal that was promised, as it came.
struct Refusal {
  const Expectation& promised;
  const Promise& promise;  ///< of the call
  const CallFacts& call;
  const std::optional<Recognized>& message;
};

/// One rule: the grade, where it decides.
struct GradeRule {
  std::string_view name;
  std::optional<Grade> (*grade)(const Refusal&);
  std::string_view example;  ///< a message that it grades; of what call, says the test
};
/// The rules, in the order in which they are tried. The last one decides what is left.
std::span<const GradeRule> grade_rules();

/// The grade of the error with which `call`, for which `promise` foresaw a refusal, ended.
Grade grade_of_refusal(const Expectation&, const Promise& promise, const CallFacts& call,
                       const std::optional<Recognized>& message);

}  // namespace dtypefuzz
