#pragma once
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {

/// A fault that fires on one combination of answers alone: a module with these options, in this dtype, on
/// this many dimensions. It depends on the case and nothing else, so that it repeats and minimizes.
struct RareFault {
  Fault fault;
  std::string_view family;  ///< of its signature: SIGSEGV, hang, memory
  std::string_view module;  ///< the only one whose operator it is
  double one_in;  ///< cases reach it: the crash 90 times in 200,000 of seed 1; what is rarer is the product
                  ///< of how often its answers came one by one in 150,000, and is not met in those
};

/// A crash, a hang and an exhaustion. `often`: on wider combinations, for a campaign of a minute, whose speed
/// says nothing.
std::vector<RareFault> rare_faults(bool often);
/// All their kernels, to be planted together.
std::vector<Kernel> kernels_of(const std::vector<RareFault>&);

/// What a campaign with them came to.
struct RareCampaign {
  struct Found {
    size_t findings = 0;    ///< with its module and family; 1 is right
    std::string signature;  ///< of the first
    size_t layers = 0;
    uint64_t index = 0;  ///< of the first case that met it
  };
  std::vector<Found> found;         ///< beside the faults
  std::vector<std::string> others;  ///< new findings that the LibTorch without the faults does not show
  size_t of_libtorch = 0;           ///< new findings that it does
  uint64_t cases = 0;
  double rate = 0, rate_without = 0;  ///< cases/s
  bool interrupted = false;
  /// All found, none twice, and nothing else.
  bool finds_all() const;
  /// At least three quarters of the speed without them.
  bool is_fast() const { return rate >= 0.75 * rate_without; }
};
/// `plain`: a campaign as `dtypefuzz fuzz` makes it. An eighth of its time runs without faults before it and
/// an eighth after it, so that a machine that changes its speed hits both alike.
RareCampaign run_with(const std::vector<RareFault>&, const Settings& plain,
                      const std::atomic<int>& interrupted,
                      const std::function<void(const std::string&)>& say);

}  // namespace dtypefuzz
