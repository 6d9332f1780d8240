#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/observation.h"

namespace dtypefuzz {

enum class Severity : uint8_t { crash, wrong_bits, late, silent, refusal, vague };
std::string_view to_string(Severity);

/// The name of a finding, stable over runs, seeds and versions: no dtype pair, no size, no address.
struct Signature {
  std::string property;
  std::string culprit;   ///< a module, or a stage: `load`, `to`, `scaler`, `Adam`, `autocast`
  std::string operands;  ///< `input/weight`, or `-`
  std::string category;  ///< the stranger one of the operands' categories, or `-`
  std::string phase;
  std::string
      family;  ///< of the message; `accepted` where none came, `unrecognized` where no family knows it
  std::string device;
  std::string autocast;  ///< off, bfloat16, float16, other
  bool operator==(const Signature&) const = default;
};
/// `property:culprit:operands:category:phase:family:device:autocast`
std::string to_string(const Signature&);
/// Throws Error for a text that is no signature.
Signature parse_signature(std::string_view text);

/// A property that does not hold, with all that a report needs, the case aside.
struct Violation {
  Signature signature;
  Severity severity = Severity::refusal;
  std::string promised;
  std::string seen;
  bool operator==(const Violation&) const = default;
};

}  // namespace dtypefuzz
