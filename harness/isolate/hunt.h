#pragma once
#include <atomic>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/check/check.h"
#include "harness/files/case_file.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// A finding, minimized.
struct Finding {
  Violation violation;
  Case minimized;
  size_t layers = 0;
  std::string stack = {};  ///< native frames where the process ended; empty: it did not
  /// What each run in a fresh process showed, where they did not all show this.
  std::vector<std::string> observed = {};
};

/// Shared memory between one worker and its parent: the case in flight is known to the parent before it runs.
struct Slot {
  Remains remains;
  std::atomic<uint64_t> index{0};    ///< of the case that the worker has claimed
  std::atomic<bool> claimed{false};  ///< and not yet judged
  std::atomic<uint64_t> served{0};   ///< cases that this worker process has judged
  std::atomic<uint32_t> length{0};
  char text[kMaxCaseBytes];

  void enter(const Case&);
  Case in_flight() const;
};

/// What the end of a process means for the case that was in flight in it.
Violation crash_of(const Plan&, const Remains&, int status);

/// Judges cases one after another, in this process. `tell` gets the first case of every signature, with the
/// violation's place among those of its case.
class Hunt {
 public:
  using Tell = std::function<void(const Case&, const Violation&, size_t order)>;
  /// `whole`: what cases are made smaller in. `remains`: where the process leaves what
  /// becomes of a case that ends it; null: nowhere.
  explicit Hunt(Space whole, Strictness strictness, Tell tell = {}, Remains* remains = nullptr)
      : whole_(std::move(whole)), checker_(strictness), tell_(std::move(tell)), remains_(remains) {}

  Checked judge(const Case&, Plan&&);
  /// Without telling.
  Checked check(Plan&&, Siblings = Siblings::always);
  /// The smallest case that shows the violation, or nothing where this process does not show it at all.
  /// `entering` sees each step before it runs.
  std::optional<Finding> minimized(const Case&, const Violation&,
                                   const std::function<void(const Case&)>& entering = {});

 private:
  Space whole_;
  Checker checker_;
  std::set<std::string> met_;
  Tell tell_;
  Remains* remains_;
};

}  // namespace dtypefuzz
