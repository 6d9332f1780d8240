#pragma once
#include <string>
#include <unordered_map>
#include <vector>

#include "generators/stack.h"
#include "harness/core/case.h"
#include "harness/core/finding.h"
#include "properties/property.h"

namespace dtypefuzz {

/// What one case came to.
struct Checked {
  Plan plan;
  Observation seen;
  Expectation promised;
  std::vector<Violation> violations;
};

/// plan -> run -> expectation -> verdicts. Remembers which dtypes the LibTorch in use supports.
class Checker {
 public:
  explicit Checker(Strictness strictness = {}) : strictness_(strictness) {}
  Checked check(const Case&);
  Checked check(Plan);
  /// The same for a plan that was run already.
  Checked judged(Plan, Observation);
  /// Takes the next dtypes that are asked about for unsupported, without a run: asking ended a process.
  void assume_unsupported(bool assume) { assume_unsupported_ = assume; }

 private:
  bool supports(const Plan&, const CallFacts&, Dtype, Phase);
  Strictness strictness_;
  std::unordered_map<std::string, bool> supported_;
  bool assume_unsupported_ = false;
};

}  // namespace dtypefuzz
