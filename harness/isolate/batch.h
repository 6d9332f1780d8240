#pragma once
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dtypefuzz/check.h"

namespace dtypefuzz {

struct BatchTerms {
  size_t jobs = 1;
  Limits limits = {};                               ///< of an item
  std::function<bool()> stops = nullptr;            ///< asked now and then: true leaves the rest undone
  std::function<void(size_t done)> tick = nullptr;  ///< about five times a second
};

/// `work(i)` for every i below `count`, in processes that do one item after another: what it gave, a line.
/// Nothing of an item whose process ended on it, and of those that were left undone; the others do not suffer
/// from it.
std::vector<std::optional<std::string>> in_batches(size_t count, const BatchTerms&,
                                                   const std::function<std::string(size_t)>& work);

}  // namespace dtypefuzz
