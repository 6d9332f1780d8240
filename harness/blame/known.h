#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>

#include "dtypefuzz/cause.h"
#include "dtypefuzz/finding.h"

namespace dtypefuzz {

/// What is known of LibTorch's faults, and need not be told of again.
struct KnownFaults {
  std::map<std::string, std::string> places;  ///< signatures, each with its cause
  std::set<std::string> causes;

  void add(const Signature&, const Cause&);
  /// The known place that it is, or that it is without its region: minimizing drops a region that is not
  /// needed.
  std::optional<Signature> place_of(const Signature&) const;
  bool has_place(const Signature& signature) const { return place_of(signature).has_value(); }
  bool has_cause(const Cause& cause) const { return causes.contains(to_string(cause)); }
  /// Known, spread or fresh. A place that nobody could look at yet is known whatever it is blamed on.
  Standing standing_of(const Signature&, const std::optional<Cause>&) const;
};

/// A line a place: its signature and its cause; a line `- CAUSE` for a cause without one.
std::string print_known(const KnownFaults&);
/// The inverse. Lines that begin with `#` say nothing; an Error for what is none of these.
KnownFaults parse_known(const std::string& text);

}  // namespace dtypefuzz
