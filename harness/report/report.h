// What a run's findings come to when they are held against what is known.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
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
  std::vector<Entry> places = {};  ///< in the order of Standing, then the most severe, then by signature
  size_t count(Standing) const;
};

/// What a report counts. Of places, none is partly fixed.
inline constexpr Standing kReported[] = {Standing::fresh, Standing::returned, Standing::spread,
                                         Standing::known, Standing::fixed,    Standing::partly_fixed};

/// Which findings make a run fail.
enum class FailOn : uint8_t {
  cause,  ///< new causes, and what was fixed and has returned
  place,  ///< known causes at new places, too
};
bool is_red(Standing, FailOn);

/// Causes in the order of Standing, then the most severe, then by name.
struct Report {
  std::vector<CauseEntry> causes;
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
  bool operator==(const Kept&) const = default;
};

/// Tells the findings of a run apart: what its results told, and in its directory what they did not tell. A
/// file is replayed and looked at once more; a place without one is as the file of its cause says. What a
/// result does not name a cause of has that of the baseline, or of the directory. `kept`: by signature, from
/// report to report.
Report report_of(const std::string& findings, const Space&, const std::map<std::string, Entry>& results,
                 const Baseline&, std::map<std::string, Kept>& kept);

/// A suite of tests, one a cause, which fails where the cause is red; its places are told in its output.
std::string to_junit(const Report&, FailOn);
/// `command`: how a person calls this program.
std::string to_markdown(const Report&, const std::string& command);
/// A path as a shell takes it.
std::string quoted(const std::string& path);
/// Where LibTorch threw, or what was on its stack: `Loops.h:311 cpu_kernel`. Empty where neither is known.
std::string to_line(const Whereabouts&);

}  // namespace dtypefuzz
