#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/cause.h"
#include "dtypefuzz/check.h"
#include "dtypefuzz/finding.h"
#include "harness/blame/blame.h"

namespace dtypefuzz {

/// A violation and what it is blamed on.
struct Inspected {
  Violation violation;
  Cause cause;
  Whereabouts where;  ///< where it was asked for
};

/// Looks at a case once more, with its operators recorded, in this process: each violation that `wanted`
/// wants, and its cause. `wants_where`: whether a cause's whereabouts are looked up, which takes a second.
/// `most`: no more are looked for; siblings, ten runs a layer, run where the run itself does not show as
/// many.
std::vector<Inspected> inspect(const Case&, const Space&, Strictness,
                               const std::function<bool(const Signature&)>& wanted,
                               const std::function<bool(const Cause&)>& wants_where, size_t most = SIZE_MAX);

/// The same in a process of its own. A case that ends its process is blamed on what was in flight there.
std::vector<Inspected> inspect_isolated(const Case&, const Space&, const Limits&, Strictness,
                                        const std::function<bool(const Signature&)>& wanted,
                                        const std::function<bool(const Cause&)>& wants_where,
                                        const std::string& onednn_isa = {}, size_t most = SIZE_MAX);

}  // namespace dtypefuzz
