#pragma once
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/finding.h"
#include "generators/stack.h"
#include "harness/check/siblings.h"
#include "properties/property.h"

namespace dtypefuzz {

/// What one case came to.
struct Checked {
  Plan plan;
  Observation seen;
  Expectation promised;
  std::vector<Violation> violations;
  /// The cast that the last layer's refusal asks for, tried on that layer alone, in words.
  std::string repair = {};
};

/// plan -> run -> expectation -> verdicts. Remembers which dtypes the LibTorch in use supports.
class Checker {
 public:
  explicit Checker(Strictness strictness = {}) : strictness_(strictness) {}
  /// `verdicts`: what each property says, beside `all_properties`; null: nobody asks.
  Checked check(Plan, Siblings = Siblings::always, std::vector<Verdict>* verdicts = nullptr);
  /// The same for a plan that was run already, siblings aside.
  Checked judged(Plan, Observation);
  /// Takes the next dtypes that are asked about for unsupported, without a run: asking ended a process.
  void assume_unsupported(bool assume) { support_.assume_unsupported(assume); }

 private:
  Strictness strictness_;
  Support support_;
  SampledLayers sampled_;
};

}  // namespace dtypefuzz
