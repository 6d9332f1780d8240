#pragma once
#include <vector>

#include "harness/core/plan.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {

/// A fault that fires on one combination of answers alone: a module with these options, in this dtype, on this many
/// dimensions. It depends on the case and nothing else, so that it repeats and minimizes.
struct RareFault {
  Fault fault;
  std::string_view family;     ///< of its signature: SIGSEGV, hang, memory
  double one_in;               ///< cases that reach it, as measured: see `dtypefuzz faults --measure`
  std::function<bool(const Plan&, const LayerPlan&)> asked_for;  ///< whether a drawn layer is the combination
};

/// A crash, a hang and an exhaustion. `often`: on wider combinations, for a campaign of a minute.
std::vector<RareFault> rare_faults(bool often);
/// All their kernels, to be planted together.
std::vector<Kernel> kernels_of(const std::vector<RareFault>&);

/// How often cases drawn as a campaign draws them ask for each of the combinations, if every layer were reached.
std::vector<uint64_t> count_asked(const std::vector<RareFault>&, uint64_t seed, uint64_t cases);

}  // namespace dtypefuzz
