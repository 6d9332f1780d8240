#pragma once
#include <optional>
#include <ranges>
#include <span>
#include <string>
#include <string_view>

#include "dtypefuzz/finding.h"
#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "properties/expectation.h"
#include "properties/messages.h"

namespace dtypefuzz {

/// One layer by itself, run with one thing changed: what the layer is held against.
struct Sibling {
  enum Kind : uint8_t {
    kMode,
    kDevice,
    kAutocast,    ///< in the other documented region
    kNoRegion,    ///< outside of any
    kSimplest,    ///< the same module with the simplest options
    kDimensions,  ///< of another number of dimensions, or for an input of another rank
    kNatural,     ///< what has a documented dtype has the one that it has by nature
    kRepair,
  } kind = kMode;
  Plan plan;
  Observation seen;
  Promise promise;    ///< of its layer's call
  bool sound = true;  ///< it violates no property by itself
};

/// How the process ended that ran a plan, and where the run was.
struct Ending {
  Phase phase = Phase::construct;
  Culprit culprit = {};
  Dtype input = Dtype::Undefined;  ///< of the layer whose turn it was
  Device device = kCpu;            ///< of the run, which may be a sibling of the plan's
  std::optional<Dtype> autocast = {};
  std::string how;   ///< `SIGSEGV`, `exit_3`, `hang`, `memory`, `foreign_exception`
  std::string seen;  ///< the same in words
};

/// A call whose promise can be judged.
struct JudgedCall {
  const CallFacts& call;
  const Promise& promise;
};

/// All that a property may look at: views of plain values, no tensor, no file, no clock.
struct Facts {
  Facts(const Plan& plan, const Expectation& promised, const Observation& seen, Strictness strictness = {});

  const Plan& plan;
  const Expectation& promised;
  const Observation& seen;
  bool strict = false;
  std::optional<Recognized> message;  ///< of the error that ended the run; nothing: none, or one unknown

  /// Where one layer was run by itself: what it is held against, and whether it holds without.
  std::span<const Sibling> siblings = {};
  std::span<const ValueFacts> values = {};
  bool sound = true;
  /// Where the run's process ended; of `seen` nothing is known then.
  const Ending* ending = nullptr;

  /// Whether the error's message is one of this kind.
  bool is(MessageKind kind) const { return message && message->family->kind == kind; }
  /// Of an error that says that a dtype is not supported: why that is not so; empty: it is.
  std::string_view untruth = {};
  /// Whether the error says that a dtype is not supported, and truly so, or says nothing about dtypes'
  /// consistency.
  bool refused_cleanly() const {
    return message && ((message->family->kind == MessageKind::unsupported && untruth.empty()) ||
                       not_about_dtypes(*message));
  }
  /// Whether nothing can be said of the calls after one that ran in a region which autocast does not
  /// document.
  bool ran_undocumented() const { return promised.ran_undocumented(); }
  /// Whether `to()` ran while a graph or gradients of the old dtype were alive.
  bool converted_in_step() const {
    return plan.convert == Convert::after_forward || plan.convert == Convert::after_backward ||
           plan.convert == Convert::between_steps;
  }
  /// The calls on one device, outside of autocast or in a region that its documentation describes.
  auto judged_calls() const {
    return std::views::iota(size_t{0}, seen.calls.size()) | std::views::filter([this](size_t i) {
             return !seen.calls[i].mixed_devices && promised.regions[i] == RegionKind::documented;
           }) |
           std::views::transform([this](size_t i) { return JudgedCall{seen.calls[i], promised.calls[i]}; });
  }
};

}  // namespace dtypefuzz
