#pragma once
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <utility>
#include <vector>

#include "harness/check/support.h"
#include "properties/facts.h"

namespace dtypefuzz {

/// Whether the layers of a case are held against their siblings, ten runs each: all, as replay and minimizing
/// do, or some, as campaigns do; or all of them, and no numbers against float64, which is most of the work.
enum class Siblings : uint8_t { sampled, always, without_numbers };

/// The siblings of a plan of one layer that are always run: the other modes, meta, the other documented
/// autocast dtype.
std::vector<std::pair<Sibling::Kind, Plan>> siblings_of(const Plan&);
/// The same plan after the cast that an explanation of the promised refusal suggests: what is passed to what
/// the module has. Nothing where no mismatch is promised.
std::optional<Plan> repaired(const Plan&, const CallFacts&, const Promise&);

/// One layer of a case by itself, in train on the CPU, and what it is held against, as they ran. A stack adds
/// nothing to that, and what single layers there are is soon seen.
struct LayerWithSiblings {
  Plan plan;
  Observation seen;
  Expectation promised;
  bool sound = true;
  std::vector<Sibling> siblings;
  std::vector<ValueFacts> values;
  /// Views of this, which has to outlive them.
  Facts facts() const;
};
/// Whether a call is of a layer that can run by itself. Later iterations show what the first one did.
bool has_siblings(const Plan&, const CallFacts&);
/// `with_numbers`: its results and gradients are held against float64.
LayerWithSiblings run_siblings(const Plan&, const CallFacts&, Support&, bool with_numbers = true);

/// Picks layers to hold against their siblings: one of sixteen, by what the layer is, and each once.
class SampledLayers {
 public:
  bool picks(const Plan&, const CallFacts&);
  /// Picks plans whose conversions, clipping and steps are compared with float64: one of sixteen.
  static bool picks(const Plan&);

 private:
  std::unordered_set<uint64_t> met_;
};

}  // namespace dtypefuzz
