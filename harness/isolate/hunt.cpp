#include "harness/isolate/hunt.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "harness/run/position.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"
#include "properties/property.h"

namespace dtypefuzz {

void Slot::enter(const Case& c) {
  uint32_t at = 0;
  for (const Choice& choice : c.choices) {
    if (at + choice.name.size() + choice.value.size() + 2 > sizeof text) break;
    const auto put = [&](std::string_view piece) {
      std::memcpy(text + at, piece.data(), piece.size());
      at += static_cast<uint32_t>(piece.size());
    };
    put(choice.name), put("="), put(choice.value), put("\n");
  }
  length = at;
}

Case Slot::in_flight() const {
  return parse_case("# dtypefuzz case 1\n" + std::string(text, length)).body;
}

Violation crash_of(const Plan& plan, const Remains& remains, int status) {
  const std::string thrown = remains.thrown;
  std::string what, seen;
  switch (remains.cause) {
    case Cause::hang:
      what = "hang", seen = "did not end within the limit";
      break;
    case Cause::memory:
      what = "memory", seen = thrown.empty() ? "took more memory than the limit" : thrown;
      break;
    case Cause::foreign_exception:
      what = "foreign_exception", seen = fmt::format("threw {}, which is no std::exception", thrown);
      break;
    case Cause::status:
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

Checked Hunt::check(Plan&& plan, Siblings siblings) {
  if (remains_) remains_->begin();
  std::optional<Checked> checked;
  outermost([&] { checked.emplace(checker_.check(std::move(plan), siblings)); });
  if (remains_) remains_->end();
  return std::move(*checked);
}

Checked Hunt::judge(const Case& c, Plan&& plan) {
  Checked checked = check(std::move(plan), Siblings::sampled);
  for (size_t i = 0; i < checked.violations.size(); ++i)
    if (met_.insert(to_string(checked.violations[i].signature)).second) tell_(c, checked.violations[i], i);
  return checked;
}

std::optional<Finding> Hunt::minimized(const Case& c, const Violation& v,
                                       const std::function<void(const Case&)>& entering) {
  const auto shows = [&](const Reading& candidate) {
    if (entering) entering(candidate.body);
    return check(Plan(candidate.plan)).violations;
  };
  const auto violations = shows(reading_of(c, whole_));
  const auto first = std::find_if(violations.begin(), violations.end(),
                                  [&](const Violation& shown) { return shown.signature == v.signature; });
  if (first == violations.end()) return std::nullopt;
  Finding finding{*first, {}, 0};
  finding.minimized = minimize(c, whole_, finding.violation, shows);
  finding.layers = size_of(finding.minimized, whole_).layers;
  return finding;
}

}  // namespace dtypefuzz
