#include "harness/isolate/crash.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include "harness/run/position.h"
#include "properties/property.h"

namespace dtypefuzz {
Violation crash_of(const Plan& plan, const Remains& remains, int status) {
  const std::string thrown = remains.thrown;
  std::string what, seen;
  switch (remains.cause) {
    case EndedBy::hang:
      what = "hang", seen = "did not end within the limit";
      break;
    case EndedBy::memory:
      what = "memory", seen = thrown.empty() ? "took more memory than the limit" : thrown;
      break;
    case EndedBy::foreign_exception:
      what = "foreign_exception", seen = fmt::format("threw {}, which is no std::exception", thrown);
      break;
    case EndedBy::status:
      what = WIFSIGNALED(status) ? fmt::format("SIG{}", sigabbrev_np(WTERMSIG(status)))
                                 : fmt::format("exit_{}", WEXITSTATUS(status));
      seen = "the process ended: " + what + (thrown.empty() ? "" : ", terminated by " + thrown);
  }
  const Position at = position_of(remains.position, plan.device);
  return violation_of(plan, Ending{.phase = at.phase,
                                   .culprit = at.culprit,
                                   .input = at.input,
                                   .device = at.device,
                                   .autocast = at.autocast,
                                   .how = std::move(what),
                                   .seen = std::move(seen)});
}

Checked check_guarded(Checker& checker, Plan&& plan, Siblings siblings, Remains* remains,
                      std::vector<Verdict>* verdicts) {
  if (remains) remains->begin();
  std::optional<Checked> checked;
  outermost([&] { checked.emplace(checker.check(std::move(plan), siblings, verdicts)); });
  if (remains) remains->end();
  return std::move(*checked);
}

}  // namespace dtypefuzz
