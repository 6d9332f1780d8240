#pragma once
#include <vector>

#include "properties/facts.h"

namespace dtypefuzz {

/// What a sibling's layer did, as far as siblings are comparable.
struct Reaction {
  enum Kind : uint8_t { kNone, kAccepted, kRefused } kind = kNone;
  std::vector<Dtype> given = {};
  const Family* told = nullptr;  ///< the refusal's family; null: no family knows it
  /// Refused as unsupported: not by all siblings, and that is no disagreement between some.
  bool refused_as_unsupported() const {
    return kind == kRefused && told && told->kind == MessageKind::unsupported;
  }
};
Reaction reaction_of(const Observation&);
/// The same of the whole run, its backward included.
Reaction outcome_of(const Observation&);

}  // namespace dtypefuzz
