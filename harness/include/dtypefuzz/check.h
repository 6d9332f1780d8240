#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/finding.h"
#include "dtypefuzz/space.h"

namespace dtypefuzz {

/// What one property said of a case, in words: `holds`, `violated`, `not applicable: no step was taken`.
struct Said {
  std::string property, verdict;
};

/// What one case may take.
struct Limits {
  double seconds = 10;
  /// Of memory that its process has for itself. Not RLIMIT_AS: LibTorch alone maps gigabytes that it never
  /// touches, and a refused allocation would be one more way for a case to fail.
  uint64_t bytes = uint64_t{2} << 30;
};

/// The verdict of one case, reached in a process of its own: a signal, an exit or a limit is a violation too.
struct Isolated {
  std::vector<Violation> violations;
  std::string not_applicable;  ///< the run could not be set up, for this reason
  std::string outcome;  ///< what happened, in a few words: `refused in forward by Linear: mat1 and ...`
  /// What is promised of the layer that ended the run, or of the last one: `Linear refuses: input is float64,
  /// weight is float32`.
  std::string promise = {};
  std::string stack = {};       ///< native frames where the process ended
  std::vector<Said> said = {};  ///< by each property
  /// Of the last layer that refused operands which disagree: the cast that it needs, and what came of trying
  /// it: `cast input to float32 (tried: succeeds)`. Empty where there is none.
  std::string repair = {};
};
/// `onednn_isa`: as if the CPU had no more than this instruction set (oneDNN's name for it).
Isolated check_isolated(const Case&, const Space&, const Limits&, Strictness,
                        const std::string& onednn_isa = {});

}  // namespace dtypefuzz
