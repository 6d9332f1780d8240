#pragma once
#include <compare>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "harness/isolate/hunt.h"
#include "harness/isolate/process.h"

namespace dtypefuzz {

/// The verdict of one case, reached in a process of its own: a signal, an exit or a limit is a violation too.
struct Isolated {
  std::vector<Violation> violations;
  std::string not_applicable;  ///< the run could not be set up, for this reason
  std::string outcome;     ///< what happened, in a few words: `refused in forward by Linear: mat1 and ...`
  std::string stack = {};  ///< native frames where the process ended
};
/// `onednn_isa`: as if the CPU had no more than this instruction set (oneDNN's name for it).
Isolated check_isolated(const Case&, const Space&, const Limits&, Strictness,
                        const std::string& onednn_isa = {});

/// Which of several cases with one signature counts: that of the lowest place.
struct Place {
  uint64_t index = 0;  ///< of the case
  uint64_t order = 0;  ///< of the violation among those of its case
  auto operator<=>(const Place&) const = default;
};

/// A violation as a worker met it, before anything was made smaller.
struct Candidate {
  Place place;
  Violation violation;
  Case body;
  std::string stack = {};
};

/// What became of a candidate.
struct Inquired {
  Finding finding;
  bool known = false;
  bool repeats = false;         ///< in three fresh processes out of three
  std::vector<Candidate> also;  ///< what else ended a process on the way
};
/// Makes it smaller and, unless it is then known, runs it in three more processes. Every run is in a process
/// of its own or in one that may end without harm.
Inquired inquire(const Candidate&, const Space&, const std::set<std::string>& known, const Limits&,
                 Strictness);

/// One line of text each, and back: how processes tell each other.
std::string to_line(const Candidate&);
Candidate candidate_from(const std::string& line);
std::string to_line(const Inquired&);
Inquired inquired_from(const std::string& line);

}  // namespace dtypefuzz
