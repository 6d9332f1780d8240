#include "harness/blame/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "generators/stack.h"
#include "harness/check/check.h"
#include "harness/check/siblings.h"
#include "harness/files/finding_json.h"
#include "harness/isolate/crash.h"
#include "harness/isolate/native_stack.h"
#include "harness/isolate/process.h"
#include "harness/run/run.h"
#include "harness/run/values.h"
#include "properties/property.h"
#include "properties/siblings.h"

namespace dtypefuzz {
namespace {

constexpr size_t kFramesShown = 6;

/// LibTorch's functions that called the operation, the innermost first, from the operator's own on.
std::string callers_of(const Operation& operation) {
  std::vector<std::string> names = names_of({.addresses = operation.frames, .map = {}});
  const auto is_recording = [](const std::string& name) {
    return name.starts_with("dtypefuzz::") || name.find("RecordFunction") != std::string::npos ||
           name.find("record_function") != std::string::npos || name.starts_with("std::");
  };
  names.erase(names.begin(), std::ranges::find_if_not(names, is_recording));
  const auto ours = std::ranges::find_if(
      names, [](const std::string& name) { return name.find("dtypefuzz") != std::string::npos; });
  names.erase(ours, names.end());
  while (!names.empty() && names.back().starts_with("std::")) names.pop_back();  // through which we called it
  if (names.size() > kFramesShown) names.resize(kFramesShown);
  return fmt::format("{}", fmt::join(names, " < "));
}

/// Where a call of the front end is to blame: what it called that changed something, else what it called
/// first, tells which of LibTorch's functions it is.
const Operation* first_in_its_phase(const Evidence& evidence) {
  const Signature& signature = evidence.violation.signature;
  const std::string_view phase = signature.culprit == "to" ? "convert" : std::string_view(signature.phase);
  const Operation* first = nullptr;
  for (const Operation& operation : evidence.trail.operations) {
    if (to_string(operation.phase) != phase) continue;
    if (std::ranges::any_of(operation.taken, &Passed::changed)) return &operation;
    if (!first) first = &operation;
  }
  return first;
}

/// A recorded run.
struct Looked {
  Observation seen;
  Trail trail;
};
Looked look_at(const Plan& plan) {
  TrailRecorder recorder({.device = plan.device});
  Looked looked{.seen = run_compared(plan), .trail = {}};
  looked.trail = recorder.take();
  return looked;
}

/// Which runs of siblings differ: the one to look at, and the one that it is held against.
struct Pair {
  const Plan* looked_at = nullptr;
  const Plan* against = nullptr;
};
Pair differing(const LayerWithSiblings& layer, const Violation& violation) {
  const std::string& property = violation.signature.property;
  const Sibling::Kind kind = property == "modes_agree"     ? Sibling::kMode
                             : property == "devices_agree" ? Sibling::kDevice
                                                           : Sibling::kAutocast;
  std::vector<std::pair<const Plan*, Reaction>> ran = {{&layer.plan, reaction_of(layer.seen)}};
  for (const Sibling& sibling : layer.siblings)
    if (sibling.kind == kind && sibling.sound) ran.emplace_back(&sibling.plan, reaction_of(sibling.seen));
  std::erase_if(ran, [](const auto& one) { return one.second.kind == Reaction::kNone; });
  if (ran.empty()) return {};
  const auto& [first, reaction] = ran.front();
  for (const auto& [plan, its] : ran) {
    if (its.kind != reaction.kind)
      return its.kind == Reaction::kRefused ? Pair{plan, first} : Pair{first, plan};
    if (its.kind == Reaction::kAccepted && its.given != reaction.given) return {plan, first};
  }
  return {};
}

class Inspector {
 public:
  Inspector(Strictness strictness, const std::function<bool(const Signature&)>& wanted,
            const std::function<bool(const Cause&)>& wants_where, size_t most)
      : strictness_(strictness), wanted_(wanted), wants_where_(wants_where), most_(most) {}

  std::vector<Inspected> inspect(const Plan& plan) {
    const Looked looked = look_at(plan);
    const Expectation promised = expectation_of(plan, looked.seen, support_);
    const Facts facts(plan, promised, looked.seen, strictness_);
    const auto violations = judge(facts);
    for (const Violation& violation : violations)
      tell({.violation = violation, .facts = facts, .trail = looked.trail, .seen = looked.seen});
    if (!violations.empty() && violations.front().severity == Severity::crash) return std::move(found_);
    for (const CallFacts& call : looked.seen.calls)
      if (found_.size() < most_ && has_siblings(plan, call)) look_at_siblings(plan, call);
    return std::move(found_);
  }

 private:
  void look_at_siblings(const Plan& plan, const CallFacts& call) {
    const LayerWithSiblings layer = run_siblings(plan, call, support_);
    const Facts facts = layer.facts();
    for (const Violation& violation : judge(facts)) {
      if (!wanted_(violation.signature)) continue;
      if (violation.broken == Broken::values || violation.broken == Broken::values_rounded) {
        const ValueTrails trails = trails_of_values(layer.plan);
        tell({.violation = violation,
              .facts = facts,
              .trail = trails.got,
              .seen = layer.seen,
              .held_against = &trails.exact});
        continue;
      }
      Pair pair;
      Plan differentiated;
      if (violation.broken == Broken::repair_refused) {
        for (const Sibling& sibling : layer.siblings)
          if (sibling.kind == Sibling::kRepair) pair.looked_at = &sibling.plan;
      } else if (violation.broken != Broken::sibling_differs) {
        pair.looked_at = &layer.plan;  // what it is held against succeeds
        if (violation.broken == Broken::gradient_values) {
          differentiated = layer.plan;
          differentiated.input_requires_grad = true;
          pair.looked_at = &differentiated;
        }
      } else {
        pair = differing(layer, violation);
      }
      const Looked looked = pair.looked_at ? look_at(*pair.looked_at) : Looked{};
      const Looked against = pair.against ? look_at(*pair.against) : Looked{};
      tell({.violation = violation,
            .facts = facts,
            .trail = looked.trail,
            .seen = looked.seen,
            .held_against = &against.trail});
    }
  }

  void tell(const Evidence& evidence) {
    const Violation& violation = evidence.violation;
    if (!wanted_(violation.signature)) return;
    if (std::ranges::any_of(
            found_, [&](const Inspected& known) { return known.violation.signature == violation.signature; }))
      return;
    const Blame found = blame(evidence);
    Inspected inspected{.violation = violation, .cause = found.cause, .where = {}};
    if (found.thrown) inspected.where.thrown = *found.thrown;
    inspected.where.exception = found.exception;
    if (const Operation* at = found.operation ? found.operation : first_in_its_phase(evidence);
        at && wants_where_(found.cause))
      inspected.where.stack = callers_of(*at);
    found_.push_back(std::move(inspected));
  }

  const Strictness strictness_;
  const std::function<bool(const Signature&)>& wanted_;
  const std::function<bool(const Cause&)>& wants_where_;
  const size_t most_;
  Support support_;
  std::vector<Inspected> found_;
};

nlohmann::json to_json(const Inspected& inspected) {
  nlohmann::json json = to_json(inspected.violation);
  json["cause"] = to_string(inspected.cause);
  json["where"] = to_json(inspected.where);
  return json;
}

Inspected inspected_at(const JsonAt& at) {
  return {.violation = violation_at(at),
          .cause = cause_at(at.field("cause")),
          .where = whereabouts_at(at.field("where"))};
}

/// What the process of one look shares with its parent.
struct Look {
  Remains remains;
  char in_flight[TrailRecorder::kInFlightBytes];
};

}  // namespace

std::vector<Inspected> inspect(const Case& c, const Space& space, Strictness strictness,
                               const std::function<bool(const Signature&)>& wanted,
                               const std::function<bool(const Cause&)>& wants_where, size_t most) {
  return Inspector(strictness, wanted, wants_where, most).inspect(plan_of(c, space));
}

std::vector<Inspected> inspect_isolated(const Case& c, const Space& space, const Limits& limits,
                                        Strictness strictness,
                                        const std::function<bool(const Signature&)>& wanted,
                                        const std::function<bool(const Cause&)>& wants_where,
                                        const std::string& onednn_isa, size_t most) {
  const auto started = [&](Look& look, const auto& work) {
    return forked([&, work](int pipe) {
      if (!onednn_isa.empty()) setenv("ONEDNN_MAX_CPU_ISA", onednn_isa.c_str(), /*overwrite=*/1);
      begin_cases(look.remains, limits, /*within_backward=*/true);
      look.remains.begin();
      outermost([&] { work(pipe); });
      look.remains.end();
    });
  };
  const SharedMemory<Look> first;
  Child child = started(*first, [&](int pipe) {
    auto json = nlohmann::json::array();
    for (const Inspected& inspected : inspect(c, space, strictness, wanted, wants_where, most))
      json.push_back(to_json(inspected));
    write_line(pipe, line_of(json));
  });
  const int status = attend(child, first->remains, limits.seconds);
  if (status == 0 && !child.text.empty()) {
    const auto json = parse_json(child.text);
    const JsonAt told{json, ""};
    std::vector<Inspected> all;
    for (size_t i = 0; i < told.size(); ++i) all.push_back(inspected_at(told[i]));
    return all;
  }
  // Once more, to see in which operator it ends.
  const SharedMemory<Look> second;
  Child again = started(*second, [&](int) {
    const TrailRecorder recorder({.in_flight = second->in_flight});
    Checker(strictness).check(plan_of(c, space));
  });
  const int status_again = attend(again, second->remains, limits.seconds);
  const bool ended_again = second->remains.since > 0;
  const Remains& remains = ended_again ? second->remains : first->remains;
  const Plan plan = plan_of(c, space);
  const Violation violation = crash_of(plan, remains, ended_again ? status_again : status);
  if (!wanted(violation.signature)) return {};
  const Observation nothing_seen;
  const Expectation nothing_promised;
  const Trail no_trail;
  const std::string stack = stack_of(remains);
  const Blame found = blame({.violation = violation,
                             .facts = Facts(plan, nothing_promised, nothing_seen),
                             .trail = no_trail,
                             .seen = nothing_seen,
                             .in_flight = ended_again ? second->in_flight : "",
                             .stack = stack});
  return {{.violation = violation,
           .cause = found.cause,
           .where = {.thrown = {}, .exception = {}, .stack = stack}}};
}

}  // namespace dtypefuzz
