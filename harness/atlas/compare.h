#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/atlas/atlas.h"

namespace dtypefuzz {

/// Cells of one module that changed alike.
struct Change {
  std::string module;
  std::string operand;  ///< that runs along the row
  CellResult before, after;
  uint64_t cells = 0;
  std::string example;  ///< the first of them: `weight float32, input float64, cpu, autocast off, train`
};
struct Difference {
  uint64_t same = 0, changed = 0;
  std::map<std::string, uint64_t> only_before, only_after;  ///< cells by module
  std::vector<Change> changes;                              ///< by module and operand, the most cells first
  bool none() const { return changed == 0 && only_before.empty() && only_after.empty(); }
};
Difference compare(const Atlas& before, const Atlas& after);

}  // namespace dtypefuzz
