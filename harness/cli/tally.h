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

namespace dtypefuzz {

/// The findings of a campaign by what became of them, those of before it was resumed included.
struct Tally {
  size_t fresh = 0, flaky = 0, fixed = 0, unseen = 0;
  std::set<std::string> known;
  std::map<Severity, size_t> by_severity;
  std::vector<std::string> saved;  ///< files of what is new

  void add(const std::string& signature, const Snapshot::Told&, const std::string& path);
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
/// at.
void look_for_fixed(const std::map<std::string, Known>& baseline, const Settings&, bool json,
                    const std::atomic<int>& interrupts, Tally&);

/// The last words of a campaign. `known`: findings in the baseline.
void print_summary(const Orders&, const Orders& usual, const Settings&, const Progress&, const Tally&,
                   size_t known);

}  // namespace dtypefuzz
