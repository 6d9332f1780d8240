#pragma once
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "harness/blame/known.h"
#include "harness/campaign/campaign.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {

struct TrialSettings {
  uint64_t seed = 1;
  double seconds = 10;  ///< for each fault, and for the control
  uint64_t cases = 0;   ///< no more of them, for each; 0: as many as the time allows
  /// Of a case: what is hunted over is small, so that a hang need not take the time of a campaign's.
  Limits limits = {.seconds = 3, .bytes = uint64_t{1} << 30};
  /// What is known of LibTorch: a fault is caught where it is told of as a new cause, and what it shows as
  /// one that is known hides it.
  KnownFaults known = {};
};

/// What the LibTorch without any fault shows over the same modules, under the same budget and seed.
struct Control {
  std::set<std::string> signatures;  ///< as met, autocast aside, which minimizing may drop
  uint64_t cases = 0;
};

/// What became of the hunt for one fault.
struct Trial {
  bool caught = false;    ///< its own property fired, with a signature that the control does not have
  double seconds = 0;     ///< until then; without: that it took
  uint64_t cases = 0;     ///< until then
  size_t layers = 0;      ///< of the smallest case
  std::string signature;  ///< of that case, which three fresh processes repeated
  Case minimized;
  std::set<std::string> fired;      ///< properties with signatures that the control does not have
  std::string cause;                ///< that it was told as, as text
  bool names_operator = false;      ///< the cause's operation, or its caller, is one that was replaced
  std::set<std::string> hidden_by;  ///< causes that are known, and what it showed was told as
};

/// What is drawn from for a fault: its modules and losses, every dtype, the CPU.
Space space_of(const Fault&);
/// Faults over the same modules have the same control.
std::string family_of(const Fault&);

/// The hunts run in processes of their own, each on one core, with nothing but the ordinary campaign:
/// RapidCheck's engine, its workers, the judge, the minimizer.
Control control_for(const Fault&, const TrialSettings&);
Trial trial_of(const Fault&, const Control&, const TrialSettings&);

}  // namespace dtypefuzz
