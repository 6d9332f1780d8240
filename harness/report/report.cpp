#include "harness/report/report.h"

#include <algorithm>
#include <cctype>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "harness/files/seen.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

/// The signature that a run saved this file under; nothing where it holds or was never run.
std::string recorded(const CaseFile& file) {
  const Seen* here = seen_here(file);
  if (!here && !file.seen.empty()) here = &file.seen.front();
  return !here || here->verdicts.front() == "holds" ? "" : here->verdicts.front();
}

}  // namespace

size_t Report::count(Standing standing) const {
  return static_cast<size_t>(
      std::ranges::count_if(entries, [&](const Entry& entry) { return entry.standing == standing; }));
}

size_t Report::count(Standing standing, Severity severity) const {
  return static_cast<size_t>(std::ranges::count_if(entries, [&](const Entry& entry) {
    return entry.standing == standing && entry.finding.violation.severity == severity;
  }));
}

Entry no_longer_shown(const std::string& signature, const std::string& path) {
  return {.finding = {.violation = {.signature = parse_signature(signature),
                                    .promised = "as the file records",
                                    .seen = "no longer shown"},
                      .body = {}},
          .standing = Standing::fixed,
          .path = path};
}

Report report_of(const std::string& findings, const Space& space, const std::map<std::string, Entry>& results,
                 const std::map<std::string, Known>& baseline, std::map<std::string, bool>& fixed) {
  std::map<std::string, Entry> told = results;
  for (const auto& path : case_files({findings})) {
    const CaseFile file = load_case(path, space);
    const std::string signature = recorded(file);
    if (signature.empty() || path.parent_path().filename() == "flaky") continue;
    const auto [it, unheard] = told.try_emplace(signature, no_longer_shown(signature, {}));
    Entry& entry = it->second;
    entry.path = path.string();
    if (entry.title.empty()) entry.title = file.title();
    if (!unheard) continue;
    entry.layers = size_of(file.body, space).layers;
    for (const Violation& v : check_isolated(file.body, space, {}, {}).violations)
      if (to_string(v.signature) == signature) {
        entry.standing = Standing::fresh;
        entry.finding.violation = v;
      }
  }
  Report report;
  for (auto& [signature, entry] : told) {
    const auto known = baseline.find(signature);
    const auto kept = fixed.find(signature);
    if (entry.standing != Standing::fixed)
      entry.standing = kept != fixed.end() && kept->second ? Standing::returned
                       : kept != fixed.end() || known != baseline.end() || entry.standing == Standing::known
                           ? Standing::known
                           : Standing::fresh;
    if (known != baseline.end() && entry.title.empty()) entry.title = known->second.title;
    fixed[signature] = entry.standing == Standing::fixed;
    report.entries.push_back(entry);
  }
  std::ranges::stable_sort(report.entries, [](const Entry& a, const Entry& b) {
    return std::pair(a.standing, a.finding.violation.severity) <
           std::pair(b.standing, b.finding.violation.severity);
  });
  return report;
}

std::string quoted(const std::string& path) {
  const auto plain = [](unsigned char c) {
    return std::isalnum(c) || std::string_view("/._-+").find(static_cast<char>(c)) != std::string_view::npos;
  };
  if (!path.empty() && path[0] != '-' && std::ranges::all_of(path, plain)) return path;
  std::string text = path.starts_with('-') ? "./" : "";
  text += '\'';
  for (const char c : path)
    if (c == '\'')
      text += "'\\''";
    else
      text += c;
  return text + "'";
}

}  // namespace dtypefuzz
