#pragma once
#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/cause.h"
#include "dtypefuzz/observation.h"

namespace dtypefuzz {

enum class Severity : uint8_t { crash, wrong_bits, late, silent, refusal, vague };
std::string_view to_string(Severity);

/// Where strictness matters: refusals that blame another operand, or name fewer than two dtypes, are graded
/// and hold by default; under `strict` they are violations.
struct Strictness {
  bool strict = false;
};

/// The name of a finding, stable over runs, seeds and versions: no dtype pair, no size, no address.
struct Signature {
  std::string property;
  std::string culprit;   ///< a module, or a stage: `load`, `to`, `scaler`, `Adam`, `autocast`
  std::string operands;  ///< `input/weight`, or `-`
  std::string category;  ///< the stranger one of the operands' categories, or `-`
  std::string phase;
  std::string
      family;  ///< of the message; `accepted` where none came, `unrecognized` where no family knows it
  std::string device;
  std::string autocast;  ///< off, bfloat16, float16, other
  bool operator==(const Signature&) const = default;
};
/// `property:culprit:operands:category:phase:family:device:autocast`
std::string to_string(const Signature&);
/// Throws Error for a text that is no signature.
Signature parse_signature(std::string_view text);

/// The ways in which something can be broken. Each has its rows in the table of names,
/// and in the table of blame.
enum class Broken : uint8_t {
  call_refused,           ///< operands that agree were refused
  stage_refused,          ///< construction, conversion or loading was
  mismatch_accepted,      ///< operands that disagree were accepted
  mismatch_misnamed,      ///< their refusal is false, unrelated or unknown
  mismatch_vague,         ///< their refusal says too little
  refused_late,           ///< a refusal came after a forward that succeeded
  output_dtype,           ///< an output has another dtype
  gradient_dtype,         ///< a gradient has another dtype than its leaf
  gradient_missing,       ///< a leaf that the graph reaches has none
  trace,                  ///< something that threw had changed something
  changed,                ///< something that succeeded had changed what it should leave alone
  conversion_changed,     ///< a conversion made another number of one
  region_left_changed,    ///< autocast's state is not as before
  region_undocumented,    ///< a region of an undocumented dtype changes something
  region_cached,          ///< a region's cast is served to the next one
  region_cached_refused,  ///< and is refused there
  load_refused,           ///< a checkpoint was refused without a name
  load_changed,           ///< a checkpoint's values changed
  dtype_changed,          ///< a dtype changed without a conversion
  not_finite,             ///< a step made finite numbers infinite
  sibling_differs,        ///< a sibling accepts what the layer refuses, or gives another dtype
  region_takes_away,      ///< a region refuses what runs without
  option_takes_away,      ///< an option refuses a dtype that the simplest variant takes
  dimension_takes_away,   ///< another number of dimensions takes the dtype
  documented_refused,     ///< a documented dtype of an operand was refused
  values,                 ///< results are not those of float64
  values_rounded,         ///< whole results are rounded
  gradient_values,        ///< gradients are not those of float64
  arithmetic,             ///< clipping or a step does not what it does in float64
  repair_refused,         ///< the cast that a refusal suggests does not help
  process_ended,          ///< the process did not survive
};
std::string_view to_string(Broken);

/// A property that does not hold, with all that a report needs, the case aside.
struct Violation {
  Signature signature;
  Severity severity = Severity::refusal;
  std::string promised = {};
  std::string seen = {};
  // What follows is for those who look at it in the process that judged it; text does not have it.
  Broken broken = Broken::call_refused;
  Culprit culprit = {};  ///< whose turn it was
  int iteration = 0;     ///< in which step
  bool operator==(const Violation&) const = default;
};

/// A violation and the case that shows it.
struct Finding {
  Violation violation;
  Case body;
  std::string stack = {};  ///< native frames where the process ended; empty: it did not
  /// What each run in a fresh process showed, where they did not all show this.
  std::vector<std::string> observed = {};
  std::optional<Cause> cause = {};  ///< what it is blamed on; nothing: nobody has looked yet
  Whereabouts where = {};
  bool operator==(const Finding&) const = default;
};

/// The cause of what cannot be looked at here: what another CPU alone shows.
Cause unlooked_cause(const Signature&);
Cause cause_of(const Finding&);

/// What a finding is when it is held against what is known. Reports tell them in this order.
enum class Standing : uint8_t {
  fresh,         ///< `new`: its cause is in no baseline and in no earlier report
  returned,      ///< an earlier report called it fixed, and it is here again
  open,          ///< an earlier report told of it, and nobody has accepted or mended it
  spread,        ///< its cause is known, and shows at a place that is not
  known,         ///< a baseline or an earlier report has it
  fixed,         ///< known, and no longer shown
  partly_fixed,  ///< of a cause: some of its places no longer show it
  flaky,         ///< fresh processes do not show it each time
  minimized,     ///< made smaller for a person, and held against nothing
};
std::string_view to_string(Standing);

/// Which of several cases with one signature counts: that of the lowest place.
struct Place {
  uint64_t index = 0;  ///< of the case
  uint64_t order = 0;  ///< of the violation among those of its case
  auto operator<=>(const Place&) const = default;
};

/// A finding as a worker met it, before anything was made smaller.
struct Candidate {
  Place place;
  Finding finding;
  bool operator==(const Candidate&) const = default;
};

}  // namespace dtypefuzz
