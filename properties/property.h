#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "dtypefuzz/finding.h"
#include "properties/facts.h"
#include "properties/signature.h"

namespace dtypefuzz {

/// What one property says of one run; what it found broken is told apart from it, as violations.
struct Verdict {
  enum Kind : uint8_t { kNotApplicable, kHolds, kViolated } kind = kHolds;
  std::string_view why = {};  ///< why it does not apply; a literal
  bool operator==(const Verdict&) const = default;
};
/// holds, violated, `not applicable`
std::string_view to_string(Verdict::Kind);

class Say;

/// A sentence that holds of LibTorch, and the function that says when it does not. Pure: no tensor, no input
/// or output, no randomness.
struct Property {
  std::string_view name;
  /// What it is about: a run, or one layer by itself held against its siblings.
  enum About : uint8_t { kRun, kSiblings } about;
  void (*judge)(const Facts&, Say&);
  std::string_view sentence;
};

/// Through this a property speaks. It holds unless it says something else; `not_applicable` and `holds` may
/// follow one another while it looks, and what is violated stays so.
class Say {
 public:
  Say(const Property& property, const Facts& facts, std::vector<Violation>& out)
      : property_(property), facts_(facts), out_(out) {}

  void holds() { say({Verdict::kHolds}); }
  /// `why`: a literal.
  void not_applicable(std::string_view why) { say({Verdict::kNotApplicable, why}); }
  /// Names it; what a run repeats is one violation.
  void violated(Breach&&);

  const Verdict& verdict() const { return verdict_; }

 private:
  void say(Verdict verdict) {
    if (verdict_.kind != Verdict::kViolated) verdict_ = verdict;
  }

  const Property& property_;
  const Facts& facts_;
  std::vector<Violation>& out_;
  Verdict verdict_ = {};
};

/// All properties, in the order in which they are judged.
std::span<const Property> all_properties();

/// Every violation in the facts: of a run, or, where siblings ran, of one layer held against them. Where the
/// process did not survive, nothing else counts.
std::vector<Violation> judge(const Facts&);
/// The violation that the end of a process is.
Violation violation_of(const Plan&, const Ending&);
/// What each property says, beside `all_properties`, and why those that do not apply do not.
std::vector<Verdict> judge_all(const Facts&);

}  // namespace dtypefuzz
