// Whether what is known still happens.
#pragma once
#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "harness/campaign/worker.h"
#include "harness/corpus/baseline.h"

namespace dtypefuzz {

/// Known places that can be looked at: those with a case, recorded for this CPU, that `settings.space` could
/// draw, those of `met` aside.
std::vector<std::string> places_to_look_at(const Baseline&, const Settings&,
                                           const std::set<std::string>& met);

struct LookedAt {
  size_t places = 0;              ///< how many were; fewer than there are: it was interrupted
  std::vector<std::string> gone;  ///< signatures that their cases no longer show
};
/// Runs the case of each place: many in one process, and what does not show it there once more, with all that
/// a replay runs, in a process of its own. `tick`: how many of them are looked at, about five times a second.
LookedAt look_at(const std::vector<std::string>& places, const Baseline&, const Settings&,
                 const std::atomic<int>& interrupts, const std::function<void(size_t)>& tick);

}  // namespace dtypefuzz
