#pragma once
#include <map>
#include <string>

#include "dtypefuzz/finding.h"

namespace dtypefuzz {

/// All that a campaign needs to go on as if it had never ended.
struct Snapshot {
  uint64_t next = 0;      ///< every case below this index has been judged, none is needed again
  uint64_t finished = 0;  ///< of these, how many reached their end
  double seconds = 0;
  /// Worker processes so far: a worker's random state, where it has one, follows from it.
  uint64_t starts = 0;
  struct Told {
    Standing standing;
    Severity severity;
    std::string cause = {};  ///< as text
    bool operator==(const Told&) const = default;
  };
  std::map<std::string, Told> told;    ///< by signature
  std::map<std::string, Place> met;    ///< by signature before minimizing
  std::map<Place, Candidate> waiting;  ///< met and not yet told
};
std::string print_snapshot(const Snapshot&);
/// An Error for what is none.
Snapshot parse_snapshot(const std::string& text);

}  // namespace dtypefuzz
