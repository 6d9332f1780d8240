#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dtypefuzz/cause.h"
#include "dtypefuzz/finding.h"
#include "harness/run/trail.h"
#include "properties/facts.h"

namespace dtypefuzz {

/// All that a rule of blame may look at: plain values of one violation, looked at once more.
struct Evidence {
  const Violation& violation;
  const Facts& facts;       ///< that show it
  const Trail& trail;       ///< of the run that shows it: of a sibling's, where that one was refused
  const Observation& seen;  ///< of that run
  const Trail* held_against = nullptr;  ///< the run that it should be like: float64's, a sibling's
  /// Where the process ended: the operator in flight, and LibTorch's functions on the stack, the innermost
  /// first.
  std::string in_flight = {}, stack = {};
};

/// The cause of a violation, and the operation of the trail that it names.
struct Blame {
  Cause cause;
  const Operation* operation = nullptr;  ///< null: a call of the front end, or none was found
  std::optional<ThrowSite> thrown = {};
  std::string exception = {};
  std::string_view rule = {};  ///< that found it
};

/// One rule: for what is broken in this way, how the one to blame is found.
struct Rule {
  Broken broken;
  std::string_view name;
  std::optional<Blame> (*find)(const Evidence&);
};
/// In the order in which they are tried; the first one that finds something counts.
std::span<const Rule> rules();

/// Operators that are one fault, whichever of them shows it.
struct Merging {
  std::string_view operation, as;
  std::string_view because;
};
std::span<const Merging> mergings();
/// What an operation is called after merging.
std::string merged(std::string operation);
/// An operator whose operand is its own wherever within it that is taken.
struct Owner {
  std::string_view operation;
  std::string_view operand;  ///< empty: each of them
  std::string_view because;
};
std::span<const Owner> owners();

/// Always one: the property and the module, where nothing can be found out.
Blame blame(const Evidence&);

}  // namespace dtypefuzz
