#pragma once
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "harness/blame/known.h"
#include "harness/campaign/board.h"
#include "harness/check/check.h"

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
  Limits limits = {};
  Space space;  ///< what is drawn from
  Space whole;  ///< what cases are read and made smaller in, `space` or more
  Bias bias;
  Strictness strictness;
  KnownFaults known;         ///< that need no minimizing
  bool inquires = true;      ///< false: whatever is met is left waiting, see Snapshot
  bool keeps_times = false;  ///< of the stages of its workers
  std::string trace =
      {};  ///< a file that gets the cases that ran, but for the last of each worker; empty: none
};

/// What an engine works with: the next case's index, and somebody to give the case to.
class Worker {
 public:
  const Settings& settings() const { return settings_; }
  int job() const { return job_; }
  /// How many worker processes the campaign had before this one.
  uint64_t start() const { return start_; }
  /// The index of the next case, which depends on the seed and the index alone; nothing: it is time to end.
  std::optional<uint64_t> claim();
  /// Runs a claimed case, and tells of every signature that this worker has not met before.
  Checked work_on(Reading&&);
  /// `board_file`: of the board that it shares with its campaign; `pipe`: where it tells what it meets.
  Worker(Settings, int job, uint64_t start, int board_file, int pipe);
  /// For an engine that is another program: pass this text, and let it call `attached`, with all that the
  /// names in it may mean.
  std::string ticket() const;
  static Worker attached(const std::string& ticket, const Space& whole);

 private:
  Slot& slot() const;

  Settings settings_;
  int job_;
  uint64_t start_;
  int board_file_, pipe_;
  Board* board_;
  Checker checker_;
  std::set<std::string> met_;
  int trace_file_ = -1;
  std::string trace_;  ///< whole cases that are not written yet
};

}  // namespace dtypefuzz
