#pragma once
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/campaign/record.h"
#include "harness/cli/screen.h"
#include "harness/corpus/baseline.h"
#include "harness/report/report.h"

namespace dtypefuzz {

/// What became of a campaign, those of before it was resumed included: causes first, their places below.
struct Tally {
  /// A new cause, where it was met first.
  struct Fresh {
    Severity severity;
    std::string title, path;
  };
  std::vector<Fresh> fresh;
  size_t spread = 0, flaky = 0, fixed = 0;                   ///< places
  std::set<std::string> spread_causes, known_causes, known;  ///< known: places met again
  size_t fixed_causes = 0, partly_fixed_causes = 0;
  size_t not_reachable = 0;  ///< known places that another CPU showed, and this one cannot
  /// Known places that were to be looked at after the last case, and how many were.
  size_t to_look_at = 0, looked_at = 0;
  bool looks = true;            ///< --check-known
  double check_seconds = 0;     ///< of looking at them
  double last_new_seconds = 0;  ///< of running cases, at the last new cause
  size_t to_minimize = 0;       ///< what waited for it when cases had ended, or more

  void add(const std::string& signature, const Snapshot::Told&, const std::string& cause,
           const std::string& title, const std::string& path);
  bool has_failed(FailOn) const;
  nlohmann::json counts(const Progress&) const;
  /// `3 new (1 crash)`, the most severe alone
  std::string news() const;
};

/// Where a campaign is: at its cases, or at making small what they showed.
Status status_of(const Progress&, const Tally&, const Orders&, const Settings&);

/// Whether what the baseline knows still happens, as far as this campaign could draw it. A cause is fixed
/// where all its places are.
void look_for_fixed(const Baseline&, const Settings&, bool json, const std::atomic<int>& interrupts, Tally&,
                    ProgressLine&);

/// The last words of a campaign. `ended_by`: a signal, or 0.
void print_summary(const Orders&, const Orders& usual, const Settings&, const Progress&, const Tally&,
                   const Baseline&, int ended_by);

}  // namespace dtypefuzz
