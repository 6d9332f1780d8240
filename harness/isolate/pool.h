#pragma once
#include <poll.h>

#include <vector>

#include "harness/isolate/process.h"

namespace dtypefuzz {

/// Worker processes, one a job, each guarded. One that dies, or whose case takes longer than it may, costs
/// its owner that case: he is told, and says whether a fresh process takes the job over.
class Pool {
 public:
  struct Terms {
    size_t jobs = 1;
    Limits limits = {};  ///< of a case
    /// What the worker of a job leaves behind, in memory that both sides see. It calls `begin` and `end`
    /// round each of its cases.
    std::function<Remains&(size_t job)> remains;
    /// All that a worker does, in its process. `start`: how many workers there were before it, on all jobs.
    std::function<void(size_t job, uint64_t start, int pipe)> work;
    /// A line that a worker wrote, in the process of the owner, as is `ended`.
    std::function<void(size_t job, const std::string& line)> heard;
    /// A worker has ended with this status, and all its lines are heard. True: another one takes its place.
    std::function<bool(size_t job, int status)> ended;
    uint64_t starts = 0;           ///< workers that there were before the pool
    double grace = kGraceSeconds;  ///< see there
  };
  /// Starts a worker for each job.
  explicit Pool(Terms);
  /// Ends those that still run.
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  size_t jobs() const { return workers_.size(); }
  bool running() const;
  /// How many workers there have been, those before the pool included.
  uint64_t starts() const { return starts_; }
  /// Waits until a worker or one of `others` has something to read, at most this long.
  void wait(int milliseconds, std::vector<pollfd> others = {}) const;
  /// Hears what there is to hear, ends what hangs, and replaces what has ended. Never waits.
  void look_after();

 private:
  void start(size_t job);

  Terms terms_;
  uint64_t starts_;
  std::vector<Child> workers_;
};

/// The exit code of a worker that asks for a fresh one in its place (sysexits.h, EX_TEMPFAIL).
constexpr int kReplaceMe = 75;
/// For a worker between two cases: ends it with that code where it has grown large.
void make_way_if_large();

}  // namespace dtypefuzz
