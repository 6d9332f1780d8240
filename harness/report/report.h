// What a run's findings come to when they are held against what is known.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/finding.h"
#include "harness/corpus/corpus.h"

namespace dtypefuzz {

/// `returned`: an earlier report called it fixed, and it is here again.
enum class Standing : uint8_t { fresh, returned, known, fixed };
std::string_view to_string(Standing);  ///< new, returned, known, fixed

/// One signature and what is told of it.
struct Entry {
  std::string signature;
  Standing standing = Standing::fresh;
  Severity severity = Severity::refusal;
  std::string title, promised, seen;
  std::string path;  ///< its case file; empty where there is none
  size_t layers = 0;
  bool operator==(const Entry&) const = default;
};

struct Report {
  std::vector<Entry> entries;  ///< new ones first, then the most severe, then by signature
  size_t count(Standing) const;
  size_t count(Standing, Severity) const;
};

/// What `fuzz --json` and `replay --json` printed, by signature: findings, flaky ones aside, and what a
/// replayed case showed; a signature that a case records and no longer shows is fixed, where nothing else
/// shows it. A line that is not as it should be is an Error with its number.
std::map<std::string, Entry> parse_results(std::string_view text, const std::string& place);
/// What earlier reports told: whether a signature is open or was fixed. Same form, type `kept`.
std::map<std::string, bool> parse_kept(std::string_view text, const std::string& place);
std::string print_kept(const std::map<std::string, bool>& fixed);

/// Tells the case files of a run apart. What the results do not tell of a file, its replay does.
Report report_of(const std::string& findings, const Space&, const std::map<std::string, Entry>& results,
                 const std::map<std::string, Known>& baseline, std::map<std::string, bool>& fixed);

/// One test case a signature; new ones fail.
std::string to_junit(const Report&);
/// `command`: how a person calls this program.
std::string to_markdown(const Report&, const std::string& command);
/// A path as a shell takes it.
std::string quoted(const std::string& path);

}  // namespace dtypefuzz
