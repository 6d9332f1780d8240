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
  std::vector<Violation> violations;
};

/// plan -> run -> expectation -> verdicts. Remembers which dtypes the LibTorch in use supports.
class Checker {
 public:
  explicit Checker(Strictness strictness = {}) : strictness_(strictness) {}
  Checked check(const Case&);
  Checked check(Plan);

 private:
  bool supports(const Plan&, const CallFacts&, Dtype, Phase);
  Strictness strictness_;
  std::unordered_map<std::string, bool> supported_;
};

}  // namespace dtypefuzz
