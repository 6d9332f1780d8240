#pragma once
#include <atomic>
#include <functional>
#include <set>
#include <string>

#include "harness/drive/case_file.h"
#include "harness/drive/check.h"
#include "harness/drive/search.h"

namespace dtypefuzz {

/// A finding, minimized.
struct Finding {
  Violation violation;
  Case minimized;
  size_t layers = 0;
};

/// Shared memory between one worker and its parent: the case in flight is known to the parent before it runs.
struct Slot {
  std::atomic<uint64_t> cases{0}, finished{0};
  std::atomic<double> since{0};       ///< when the case in flight began, in seconds of the steady clock
  std::atomic<uint32_t> position{0};  ///< how far it came, see run.h
  std::atomic<bool> busy{false};
  std::atomic<bool> counted{false};  ///< the case in flight is a step of minimizing
  std::atomic<uint32_t> length{0};
  char text[kMaxCaseBytes];

  void enter(const Case&, bool counted = false);
  Case in_flight() const;
};
/// Seconds of the steady clock, which all processes of a machine share.
double now();

/// Judges cases one after another. A signature that is new to it is minimized and told once.
class Hunt {
 public:
  /// `known` findings are told by signature only, unminimized, with `is_known`.
  using Tell = std::function<void(const Finding&, bool is_known)>;
  Hunt(Strictness strictness, std::set<std::string> known, Tell tell, Slot* slot = nullptr)
      : checker_(strictness), known_(std::move(known)), tell_(std::move(tell)), slot_(slot) {}

  Checked judge(const Case&, Plan&&);

 private:
  Checked observed(const Case&, Plan&&, bool counted);
  void tell(const Case&, const Violation&);

  Checker checker_;
  std::set<std::string> known_;
  std::set<std::string> met_;   ///< signatures before minimizing
  std::set<std::string> told_;  ///< and after
  Tell tell_;
  Slot* slot_;
};

}  // namespace dtypefuzz
