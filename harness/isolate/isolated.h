#pragma once
#include <string>
#include <vector>

#include "generators/stack.h"
#include "harness/core/finding.h"
#include "harness/isolate/guard.h"
#include "properties/property.h"

namespace dtypefuzz {

/// What one property said of a case, in words: `holds`, `violated`, `not applicable: no step was taken`.
struct Said {
  std::string property, verdict;
};

/// The verdict of one case, reached in a process of its own: a signal, an exit or a limit is a violation too.
struct Isolated {
  std::vector<Violation> violations;
  std::string not_applicable;  ///< the run could not be set up, for this reason
  std::string outcome;     ///< what happened, in a few words: `refused in forward by Linear: mat1 and ...`
  std::string stack = {};  ///< native frames where the process ended
  std::vector<Said> said = {};  ///< by each property
};
/// `onednn_isa`: as if the CPU had no more than this instruction set (oneDNN's name for it).
Isolated check_isolated(const Case&, const Space&, const Limits&, Strictness,
                        const std::string& onednn_isa = {});

}  // namespace dtypefuzz
