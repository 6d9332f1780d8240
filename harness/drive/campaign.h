#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/drive/hunt.h"
#include "harness/drive/isolate.h"

namespace dtypefuzz {

class Worker;
/// Feeds a worker with cases until `claim()` says stop. Runs in a process of its own and need not return.
using Engine = std::function<void(Worker&)>;

struct Settings {
  Engine engine;
  double seconds = 60;  ///< 0: no limit
  uint64_t runs = 0;    ///< 0: as many as the time allows
  uint64_t seed = 1;
  int jobs = 1;
  double case_seconds = 10;
  Space space;
  Bias bias;
  Strictness strictness;
  std::set<std::string> known;  ///< signatures that need no minimizing
};

struct Progress {
  uint64_t cases = 0;
  uint64_t finished = 0;  ///< cases that reached their end without an error
  double seconds = 0;
  bool interrupted = false;
};

enum class Novelty : uint8_t { fresh, known, flaky };

/// What an engine works with: the next case's index, and somebody to give the case to.
class Worker {
 public:
  const Settings& settings() const { return settings_; }
  int job() const { return job_; }
  /// The index of the next case, which depends on the seed and the index alone; nothing: it is time to end.
  std::optional<uint64_t> claim();
  Checked judge(const Case& c, Plan&& plan) { return hunt_.judge(c, std::move(plan)); }
  Checked judge(const Made& made) { return judge(made.body, Plan(made.plan)); }
  /// For an engine that is another program: pass this text, and let it call `attached`.
  std::string ticket() const;
  static Worker attached(const std::string& ticket);

 private:
  struct Board;
  friend Progress run_campaign(const Settings&, const std::function<void(const Finding&, Novelty)>&,
                               const std::function<void(const Progress&)>&, const std::atomic<int>&);
  Worker(Settings, int job, int board_file, int pipe);

  Settings settings_;
  int job_, board_file_, pipe_;
  Board* board_;
  Hunt hunt_;
};

/// Runs cases in worker processes until time or cases are used up. A worker that dies or hangs costs one
/// case, which becomes a finding, and is replaced. `report` gets each signature once, after it was seen again
/// in fresh processes, three times out of three (else it is flaky); `tick` comes about five times a second.
Progress run_campaign(const Settings&, const std::function<void(const Finding&, Novelty)>& report,
                      const std::function<void(const Progress&)>& tick, const std::atomic<int>& interrupted);

}  // namespace dtypefuzz
