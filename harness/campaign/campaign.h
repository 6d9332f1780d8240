#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "harness/campaign/worker.h"
#include "harness/isolate/isolate.h"

namespace dtypefuzz {

struct Progress {
  uint64_t cases = 0;
  uint64_t finished = 0;  ///< cases that reached their end without an error
  double seconds = 0;     ///< those of the runs that this one goes on from included
  size_t waiting = 0;     ///< candidates that are not yet minimized and run again
  bool interrupted = false;
};

enum class Novelty : uint8_t { fresh, known, flaky };
std::string_view to_string(Novelty);

/// All that a campaign needs to go on as if it had never ended.
struct Snapshot {
  uint64_t next = 0;      ///< every case below this index has been judged, none is needed again
  uint64_t finished = 0;  ///< of these, how many reached their end
  double seconds = 0;
  uint64_t starts =
      0;  ///< worker processes so far: a worker's random state, where it has one, follows from it
  struct Told {
    Novelty novelty;
    Severity severity;
    bool operator==(const Told&) const = default;
  };
  std::map<std::string, Told> told;    ///< by signature
  std::map<std::string, Place> met;    ///< by signature before minimizing
  std::map<Place, Candidate> waiting;  ///< met and not yet told
};
std::string print_snapshot(const Snapshot&);
/// An Error for what is none.
Snapshot parse_snapshot(const std::string& text);

struct Listener {
  /// Each signature once, after it was seen again in fresh processes, three times out of three (else it is
  /// flaky). Of several cases with one signature it is that of the lowest index.
  std::function<void(const Finding&, Novelty)> report;
  std::function<void(const Progress&)> tick = {};  ///< about five times a second
  std::function<void(const Snapshot&)> save = {};  ///< at every change, and about once a second
};

/// Runs cases in worker processes until time or cases are used up. A worker that dies or takes more than the
/// limits costs one case, which becomes a finding, and is replaced. Goes on `from` where an earlier one was.
/// An interrupted one ends after the cases in flight and leaves waiting what waits.
Progress run_campaign(const Settings&, const Listener&, const std::atomic<int>& interrupted,
                      Snapshot from = {});

}  // namespace dtypefuzz
