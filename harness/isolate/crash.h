#pragma once
#include "harness/check/check.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// What the end of a process means for the case that was in flight in it.
Violation crash_of(const Plan&, const Remains&, int status);

/// Checks a case in this process, as the outermost thing that it does: an exception that no handler of ours
/// waits for ends it where it was thrown. `remains`: where the process leaves what becomes of it; null:
/// nowhere. `verdicts`: as `Checker::check` gives them.
Checked check_guarded(Checker&, Plan&&, Siblings, Remains* remains, std::vector<Verdict>* verdicts = nullptr);

}  // namespace dtypefuzz
