#include "harness/isolate/hunt.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstring>

#include "harness/run/run.h"
#include "harness/search/minimize.h"
#include "properties/violation.h"

namespace dtypefuzz {
namespace {

/// An allocation that was refused. Sizes of cases are bounded, so somebody asked for what nobody needs.
bool out_of_memory(const Observation& seen) {
  return seen.error && (seen.error->type == "std::bad_alloc" ||
                        seen.error->message.find("DefaultCPUAllocator") != std::string::npos);
}

/// The finding that a process did not survive a plan, `at` this position.
Violation not_survived(const Plan& plan, const Position& at, std::string what, std::string seen) {
  Culprit culprit = at.culprit;
  // Before any layer's gradient has come, it is the end of the stack that runs.
  if (at.phase == Phase::backward && culprit.kind == Culprit::kStage)
    culprit = plan.loss ? Culprit{Culprit::kLoss}
                        : Culprit{Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
  Dtype dtype = at.input == Dtype::Undefined ? plan.params_dtype : at.input;
  const LayerPlan* layer = layer_of(plan, culprit);
  const bool cast = layer && layer->contract->autocast_cpu == AutocastPolicy::lower_precision;
  if (cast && at.autocast && at.device->autocast_documents(*at.autocast) && autocast_casts(dtype))
    dtype = *at.autocast;
  return {.signature = {.property = "process_survives",
                        .culprit = culprit_name(plan, culprit, at.phase),
                        .operands = "-",
                        .category = std::string(to_string(category_of(dtype))),
                        .phase = std::string(to_string(at.phase)),
                        .family = std::move(what),
                        .device = std::string(to_string(at.device)),
                        .autocast = autocast_class(at.autocast)},
          .severity = Severity::crash,
          .promised = "a step succeeds or throws",
          .seen = std::move(seen)};
}

/// Where a run was that ended in an exception.
Position position_of(const Plan& plan, const Observation& seen) {
  Position at{.phase = seen.error->phase,
              .culprit = seen.error->culprit,
              .device = plan.device,
              .autocast = plan.autocast};
  for (const CallFacts& call : seen.calls)
    if (call.culprit == at.culprit && !call.received.empty()) at.input = call.received.front().dtype;
  return at;
}

}  // namespace

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
  return not_survived(plan, position_of(remains.position, plan.device), std::move(what), std::move(seen));
}

Checked Hunt::check(Plan&& plan, Siblings siblings) {
  if (remains_) remains_->begin();
  std::optional<Checked> checked;
  outermost([&] { checked.emplace(checker_.check(std::move(plan), siblings)); });
  if (remains_) {
    remains_->end();
    if (out_of_memory(checked->seen)) {
      std::snprintf(remains_->thrown, sizeof remains_->thrown, "%.200s",
                    checked->seen.error->message.c_str());
      remains_->cause = Cause::memory;
      checked->violations = {
          not_survived(checked->plan, position_of(checked->plan, checked->seen), "memory", remains_->thrown)};
    }
  }
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
  const auto shows = [&](const Case& candidate) {
    if (entering) entering(candidate);
    return check(plan_of(candidate)).violations;
  };
  const auto violations = shows(c);
  const auto first = std::find_if(violations.begin(), violations.end(),
                                  [&](const Violation& shown) { return shown.signature == v.signature; });
  if (first == violations.end()) return std::nullopt;
  Finding finding{*first, {}, 0};
  finding.minimized = minimize(c, finding.violation, shows);
  finding.layers = size_of(finding.minimized).layers;
  return finding;
}

}  // namespace dtypefuzz
