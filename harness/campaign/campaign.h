#pragma once
#include <atomic>
#include <functional>

#include "harness/campaign/snapshot.h"
#include "harness/campaign/worker.h"

namespace dtypefuzz {

struct Progress {
  uint64_t cases = 0;
  uint64_t finished = 0;  ///< cases that reached their end without an error
  double seconds = 0;     ///< of running cases, those of the runs that this one goes on from included
  double after = 0;       ///< seconds since the last case, of minimizing alone; 0: cases run
  size_t waiting = 0;     ///< candidates that are not yet minimized and run again
  bool interrupted = false;
  StageTimes times = {};  ///< of all workers, see `Settings::keeps_times`
};

struct Listener {
  /// Each signature once. A new cause, and the first places that a cause has spread to, were made small and
  /// seen again in fresh processes, three times out of three (else they are flaky); further places are told
  /// of as they were met. Of several cases with one signature it is that of the lowest index.
  std::function<void(const Finding&, Standing)> report;
  std::function<void(const Progress&)> tick = {};  ///< about five times a second
  std::function<void(const Snapshot&)> save = {};  ///< at every change, and about once a second
};

/// Runs cases in worker processes until time or cases are used up. A worker that dies or takes more than the
/// limits costs one case, which becomes a finding, and is replaced. Goes on `from` where an earlier one was.
/// An interrupted one ends after the cases in flight and leaves waiting what waits.
Progress run_campaign(const Settings&, const Listener&, const std::atomic<int>& interrupted,
                      Snapshot from = {});

}  // namespace dtypefuzz
