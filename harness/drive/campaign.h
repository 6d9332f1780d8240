#pragma once
#include <atomic>
#include <functional>
#include <map>
#include <string>

#include "generators/stack.h"
#include "harness/drive/check.h"

namespace dtypefuzz {

struct Settings {
  std::string engine = "random";
  double seconds = 60;
  uint64_t runs = 0;  ///< 0: as many as the time allows
  uint64_t seed = 0;
  double case_seconds = 10;
  Space space;
  Bias bias;
  Strictness strictness;
};

/// A finding, minimized.
struct Finding {
  Violation violation;
  Case minimized;
  size_t layers = 0;
};

struct Progress {
  uint64_t cases = 0;
  double seconds = 0;
  uint64_t finished = 0;  ///< cases that reached their end without an error
  bool interrupted = false;
};

/// Runs cases in a worker process until time or cases are used up. A worker that dies or hangs costs one case,
/// which becomes a finding, and is replaced. `report` gets each signature once; `tick` about five times a second.
Progress run_campaign(const Settings&, const std::function<void(const Finding&)>& report,
                      const std::function<void(const Progress&)>& tick, const std::atomic<int>& interrupted);

/// The verdict of one case, reached in a process of its own: a signal or a hang is a violation too.
std::vector<Violation> check_isolated(const Case&, double seconds, Strictness);

}  // namespace dtypefuzz
