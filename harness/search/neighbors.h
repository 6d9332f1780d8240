#pragma once
#include <cstdint>
#include <vector>

#include "generators/stack.h"

namespace dtypefuzz {

/// What lies round some cases: each of them with one answer changed, every answer to every option, in order;
/// then, without an end, with two or three changed at random. Where one finding is, those of sibling modules,
/// other operands and other dtypes are near.
class Neighbors {
 public:
  Neighbors(const std::vector<Case>& starts, const Space&);
  /// How many have one answer changed; those with a larger index have more.
  uint64_t singles() const { return first_.empty() ? 0 : first_.back(); }
  /// Depends on the starts, the space, the seed and the index alone.
  Reading at(uint64_t seed, uint64_t index) const;

 private:
  Reading single(uint64_t index) const;

  const Space& space_;
  std::vector<Reading> starts_;
  std::vector<uint64_t> first_;  ///< of each start's singles, the index behind them
};

}  // namespace dtypefuzz
