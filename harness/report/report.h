// What a run's findings come to when they are held against what is known.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/finding.h"
#include "harness/corpus/baseline.h"

namespace dtypefuzz {

/// One signature and what is told of it.
struct Entry {
  Finding finding;  ///< without a case where only its file is known
  Standing standing = Standing::fresh;
  std::string title = {};
  std::string path = {};  ///< its case file; empty where there is none
  size_t layers = 0;
  bool operator==(const Entry&) const = default;
  std::string signature() const { return to_string(finding.violation.signature); }
};

/// A finding that somebody recorded and that is not there any more.
Entry no_longer_shown(const std::string& signature, const std::string& path);

/// Whether a run that shows it has failed: what was fixed stays fixed.
inline bool is_red(Standing standing) {
  return standing == Standing::fresh || standing == Standing::returned;
}

struct Report {
  std::vector<Entry> entries;  ///< new ones first, then the most severe, then by signature
  size_t count(Standing) const;
  size_t count_red() const { return count(Standing::fresh) + count(Standing::returned); }
  size_t count(Standing, Severity) const;
};

/// Tells the case files of a run apart. What the results do not tell of a file, its replay does.
Report report_of(const std::string& findings, const Space&, const std::map<std::string, Entry>& results,
                 const std::map<std::string, Known>& baseline, std::map<std::string, bool>& fixed);

/// One test case a signature; what is new or has returned fails.
std::string to_junit(const Report&);
/// `command`: how a person calls this program.
std::string to_markdown(const Report&, const std::string& command);
/// A path as a shell takes it.
std::string quoted(const std::string& path);

}  // namespace dtypefuzz
