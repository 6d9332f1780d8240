// What a run's findings come to when they are held against what is known.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dtypefuzz/finding.h"
#include "harness/corpus/baseline.h"

namespace dtypefuzz {

/// One place, which is a signature, and what is told of it.
struct Entry {
  Finding finding;  ///< without a case where only its file is known
  Standing standing = Standing::fresh;
  std::string title = {};     ///< of its cause
  std::string upstream = {};  ///< of its cause
  std::string path = {};      ///< its case file; empty where there is none
  size_t layers = 0;
  std::string since = {};  ///< the date on which a report told of it first, where it is new, returned or open
  bool operator==(const Entry&) const = default;
  std::string signature() const { return to_string(finding.violation.signature); }
  /// What it is blamed on, as text.
  std::string cause() const { return to_string(cause_of(finding)); }
  /// What is wrong, in one line: the title, else what the cause says by itself.
  std::string said() const { return title.empty() ? sentence_of(cause_of(finding)) : title; }
};

/// A finding that somebody recorded and that is not there any more.
Entry no_longer_shown(const std::string& signature, const std::string& path,
                      const std::optional<Cause>& cause);

/// One fault, and all that is told of its places.
struct CauseEntry {
  Cause cause;
  Standing standing = Standing::fresh;
  Severity severity = Severity::refusal;  ///< the worst of its places
  std::string title = {}, upstream = {};  ///< `title` is never empty
  Whereabouts where = {};
  std::string since = {};          ///< the earliest of its places'
  std::vector<Entry> places = {};  ///< in the order of Standing, then the most severe, then by signature
  size_t count(Standing) const;
};

/// What a report counts. Of places, none is partly fixed.
inline constexpr Standing kReported[] = {Standing::fresh,       Standing::returned, Standing::open,
                                         Standing::spread,      Standing::known,    Standing::fixed,
                                         Standing::partly_fixed};

/// Which findings make a run fail.
enum class FailOn : uint8_t {
  fresh,  ///< `new`: new causes, and what was fixed and has returned
  place,  ///< known causes at new places, too
  open,   ///< new ones, and what an earlier report told of and nobody has accepted or mended
  none,   ///< nothing: the report alone counts
};
bool is_red(Standing, FailOn);

/// Causes in the order of Standing, then the most severe, then by name.
struct Report {
  std::vector<CauseEntry> causes;
  size_t not_reachable = 0;      ///< known places that other CPUs have shown, and this one cannot
  size_t count(Standing) const;  ///< of places
  size_t count_causes(Standing) const;
  size_t count_causes(Standing, Severity) const;
  size_t count_red(FailOn) const;  ///< of causes
};

/// The places by cause. A cause is new where all of its places are; else those have spread. It is fixed where
/// all that is told of it is no longer shown and `unheard` does not have it, which are causes with a known
/// place that nothing is told of; partly fixed where some is.
Report by_cause(std::vector<Entry>, const std::set<std::string>& unheard = {});

/// What an earlier report told of a place.
struct Kept {
  Cause cause;
  bool fixed = false;
  std::string since = {};  ///< when it was told of first, as `2026-11-20`; empty: it was known by then
  Severity severity = Severity::refusal;
  bool operator==(const Kept&) const = default;
};

/// Tells the findings of a run apart: what its results told, and in its directory what they did not tell. A
/// file is replayed and looked at once more; a place without one is as the file of its cause says. What a
/// result does not name a cause of has that of the baseline, or of the directory. `kept`: by signature, from
/// report to report. What was told of once is open until the baseline has its cause with a title, which is
/// how it is accepted, or it is fixed; whether a run met it or not. `today` is a date, as `2026-11-20`.
/// Paths are as seen from the working directory, where they are below it.
Report report_of(const std::string& findings, const Space&, const std::map<std::string, Entry>& results,
                 const Baseline&, std::map<std::string, Kept>& kept, const std::string& today);

/// What a report says of the run that it is about.
struct About {
  std::vector<std::pair<std::string, std::string>> properties = {};  ///< names and values
  double seconds = 0;                                                ///< of running cases
  std::string time = {};                                             ///< ISO 8601, UTC
};
/// A suite of tests, one a cause, which fails where the cause is red and is skipped where it is known; its
/// places are told in its output.
std::string to_junit(const Report&, FailOn, const About&);

/// One test of a suite.
struct TestCase {
  std::string path;
  double seconds = 0;
  enum Outcome : uint8_t { passed, skipped, failed } outcome = passed;
  std::string kind = {};  ///< in a word
  std::string text = {};  ///< all that is told of it
};
/// A suite with a test a case file.
std::string to_junit(const std::vector<TestCase>&);
/// Workflow commands of GitHub Actions, a line a cause, which it shows as annotations: errors for what is
/// red, warnings for what is open or has spread, notices for what is fixed.
std::string to_annotations(const Report&, FailOn);
/// `command`: how a person calls this program.
std::string to_markdown(const Report&, const std::string& command);
/// A path below the working directory as it is called from there, which is what links lead to; any other as
/// it is.
std::string from_here(const std::string& path);
/// A path as a shell takes it.
std::string quoted(const std::string& path);
/// Where LibTorch threw, or what was on its stack: `Loops.h:311 cpu_kernel`. Empty where neither is known.
std::string to_line(const Whereabouts&);

}  // namespace dtypefuzz
