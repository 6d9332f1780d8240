#include "harness/search/minimize.h"

#include <algorithm>

#include "harness/search/simpler.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

/// How many operands have been given a dtype of their own.
size_t operands_apart(const Reading& reading) {
  return static_cast<size_t>(
      std::count_if(reading.answers.begin(), reading.answers.end(),
                    [](const Answered& answer) { return is_operand_dtype(answer.ask) && answer.taken > 0; }));
}

/// Whether a smaller case's signature names the finding of a larger one's.
bool same_finding(const Signature& large, const Signature& small, bool whatever_operands) {
  Signature a = large;
  if (small.autocast == "off") a.autocast = "off";
  if (whatever_operands) a.operands = small.operands, a.category = small.category;
  return a == small;
}

/// The violation in which a candidate shows what a larger case does, if any.
const Violation* shown_by(const std::vector<Violation>& violations, const Signature& large,
                          bool whatever_operands) {
  const auto at = std::find_if(violations.begin(), violations.end(), [&](const Violation& v) {
    return same_finding(large, v.signature, whatever_operands);
  });
  return at == violations.end() ? nullptr : &*at;
}

}  // namespace

std::string kept_by_minimizing(Signature signature) {
  signature.autocast = "off";
  signature.operands = signature.category = "-";
  return to_string(signature);
}

Case minimize(const Case& c, const Space& space, Violation& violation, const Shows& shows) {
  Reading smallest = reading_of(c, space);
  for (bool smaller = true; smaller;) {
    smaller = false;
    const Size size = size_of(smallest);
    const size_t apart = operands_apart(smallest);
    Reading next;
    each_simpler(smallest, space, [&](Reading&& candidate) {
      if (!(size_of(candidate) < size)) return true;
      const auto violations = shows(candidate);
      const Violation* shown = shown_by(violations, violation.signature, false);
      if (!shown && operands_apart(candidate) < apart)
        shown = shown_by(violations, violation.signature, true);
      if (!shown) return true;
      violation = *shown;
      next = std::move(candidate);
      smaller = true;
      return false;
    });
    if (smaller) smallest = std::move(next);
  }
  return std::move(smallest.body);
}

}  // namespace dtypefuzz
