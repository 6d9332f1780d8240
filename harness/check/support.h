#pragma once
#include <cstdint>
#include <unordered_map>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "properties/expectation.h"

namespace dtypefuzz {

/// Which dtypes the LibTorch in use supports in a layer: asked by running the layer in that dtype alone, and
/// remembered.
class Support {
 public:
  /// Whether the call's layer runs in this dtype up to the phase that threw.
  bool has(const Plan&, const CallFacts&, Dtype, Phase);
  /// Takes the next dtypes that are asked about for unsupported, without a run: asking ended a process.
  void assume_unsupported(bool assume) { assume_unsupported_ = assume; }

 private:
  std::unordered_map<uint64_t, bool> known_;
  bool assume_unsupported_ = false;
};

/// What the contracts promise for a run, and which of the dtypes that it was refused for are supported.
Expectation expectation_of(const Plan&, const Observation&, Support&);

}  // namespace dtypefuzz
