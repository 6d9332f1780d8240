#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "harness/atlas/atlas.h"

namespace dtypefuzz {

/// Cells of one module that changed alike.
struct CellChange {
  std::string module;
  std::string operand;  ///< that runs along the row
  CellResult before, after;
  bool exception_alone = false;  ///< nothing differs but the class that was thrown
  uint64_t cells = 0;
  std::string example;  ///< the first of them: `weight float32, input float64, cpu, autocast off, train`
};
struct Difference {
  uint64_t same = 0, changed = 0;
  uint64_t exception_alone = 0;  ///< cells that differ in the class that was thrown, and are not `changed`
  std::map<std::string, uint64_t> only_before, only_after;  ///< cells by module
  /// Those of the exception alone last; by module and operand, the most cells first.
  std::vector<CellChange> changes;
  bool none() const {
    return changed == 0 && exception_alone == 0 && only_before.empty() && only_after.empty();
  }
};
/// Where one of two cells has no class of exception, as in a file of before, that is no difference.
Difference compare(const Atlas& before, const Atlas& after);

}  // namespace dtypefuzz
