#pragma once
#include <string>
#include <unordered_map>
#include <unordered_set>
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

/// Whether the layers of a case are held against their siblings (properties/relations.h), ten runs each: all,
/// as replay and minimizing do, or one of sixteen, picked by what the layer is, as campaigns do. The pick
/// depends on the layer alone, so that a campaign finds the same on any number of jobs.
enum class Siblings : uint8_t { sampled, always };

/// plan -> run -> expectation -> verdicts. Remembers which dtypes the LibTorch in use supports.
class Checker {
 public:
  explicit Checker(Strictness strictness = {}) : strictness_(strictness) {}
  Checked check(const Case&, Siblings = Siblings::always);
  Checked check(Plan, Siblings = Siblings::always);
  /// The same for a plan that was run already, siblings aside.
  Checked judged(Plan, Observation);
  /// Takes the next dtypes that are asked about for unsupported, without a run: asking ended a process.
  void assume_unsupported(bool assume) { assume_unsupported_ = assume; }

 private:
  Expectation expectation_of(const Plan&, const Observation&);
  bool supports(const Plan&, const CallFacts&, Dtype, Phase);
  void relate(const Plan&, const CallFacts&, std::vector<Violation>&);
  bool is_picked(const Plan&, const LayerPlan&, const CallFacts&);

  Strictness strictness_;
  std::unordered_map<uint64_t, bool> supported_;
  std::unordered_set<uint64_t> layers_related_;
  bool assume_unsupported_ = false;
};

}  // namespace dtypefuzz
