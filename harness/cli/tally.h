#pragma once
#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/campaign/record.h"
#include "harness/corpus/baseline.h"
#include "harness/report/report.h"

namespace dtypefuzz {

/// What became of a campaign, those of before it was resumed included: causes first, their places below.
struct Tally {
  size_t fresh = 0;                                          ///< new causes
  size_t spread = 0, flaky = 0, fixed = 0, unseen = 0;       ///< places; unseen: on this CPU
  std::set<std::string> spread_causes, known_causes, known;  ///< known: places met again
  size_t fixed_causes = 0, partly_fixed_causes = 0;
  std::map<Severity, size_t> by_severity;
  std::vector<std::string> saved;  ///< files of what is new

  void add(const std::string& signature, const Snapshot::Told&, const std::string& cause,
           const std::string& path);
  bool has_failed(FailOn) const;
  nlohmann::json counts(const Progress&) const;
};

/// The progress line: rewritten on a terminal, a plain line now and then elsewhere.
class Ticker {
 public:
  explicit Ticker(bool json);
  void clear() const;
  void tick(const Progress&, const Tally&);

 private:
  bool terminal_;
  double last_ = 0;
};

/// What the baseline knows and this LibTorch no longer shows is fixed; what another CPU showed is not looked
/// at. A cause is fixed where all its places are.
void look_for_fixed(const Baseline&, const Settings&, bool json, const std::atomic<int>& interrupts, Tally&);

/// The last words of a campaign.
void print_summary(const Orders&, const Orders& usual, const Settings&, const Progress&, const Tally&,
                   const Baseline&);

}  // namespace dtypefuzz
