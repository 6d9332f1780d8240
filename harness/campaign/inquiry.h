#pragma once
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dtypefuzz/finding.h"
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
  /// Fresh: three fresh processes out of three showed it. Known: it was not run again. Else flaky.
  Standing standing = Standing::flaky;
  std::vector<Candidate> also;  ///< what else ended a process on the way
};
/// Makes it smaller and, unless it is then known, runs it in three more processes. Every run is in a process
/// of its own or in one that may end without harm.
Inquired inquire(const Candidate&, const Space&, const std::set<std::string>& known, const Limits&,
                 Strictness);

/// A process that inquires, and what it says when it has ended with 0.
Child inquiry_into(const Candidate&, const Space&, const std::set<std::string>& known, const Limits&,
                   Strictness);
Inquired inquired_from(const std::string& text);

}  // namespace dtypefuzz
