#pragma once
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/finding.h"
#include "harness/blame/known.h"
#include "harness/check/check.h"
#include "harness/isolate/guard.h"
#include "harness/isolate/process.h"
#include "harness/search/minimize.h"

namespace dtypefuzz {

/// The finding on its smallest case, with what `shows` says of it there; nothing where `shows` does not show
/// it.
std::optional<Finding> minimized(const Finding&, const Space&, const Shows&);

/// What became of a candidate.
struct Inquired {
  Finding finding;
  /// Fresh: three fresh processes out of three showed it. Known: the place is, and it was not run again. Else
  /// flaky.
  Standing standing = Standing::flaky;
  std::vector<Candidate> also;  ///< what else ended a process on the way
};
/// Makes it smaller, finds its cause and, unless both are then known, runs it in three more processes. Every
/// run is in a process of its own or in one that may end without harm.
Inquired inquire(const Candidate&, const Space&, const KnownFaults&, const Limits&, Strictness);

/// What candidates, as they were met, are to be blamed on, one after another in this process; what ends a
/// process in one of its own. Those that do not show it again are left out.
std::vector<std::pair<Cause, Place>> causes_of(const std::vector<const Candidate*>&, const Space&,
                                               const Limits&, Strictness);

/// A process that inquires, and what it says when it has ended with 0.
Child inquiry_into(const Candidate&, const Space&, const KnownFaults&, const Limits&, Strictness);
Inquired inquired_from(const std::string& text);

}  // namespace dtypefuzz
