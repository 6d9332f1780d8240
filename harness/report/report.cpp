#include "harness/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <tuple>

#include "harness/blame/inspect.h"
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

template <class Range, class Holds>
size_t count_where(const Range& range, const Holds& holds) {
  return static_cast<size_t>(std::ranges::count_if(range, holds));
}

bool is_looked_at(const Finding& finding) {
  return cause_of(finding) != unlooked_cause(finding.violation.signature);
}

/// The cause that somebody has found before, where the entry has none, and what is known of it.
void complete(Entry& entry, const Baseline& known) {
  const auto place = known.places.find(entry.signature());
  // Of several files that show it, the one that is named for it.
  if (place != known.places.end() && !place->second.path.empty() &&
      std::filesystem::path(entry.path).filename() != file_name_of(entry.signature()))
    entry.path = place->second.path.string();
  if (place != known.places.end() && !is_looked_at(entry.finding))
    entry.finding.cause = known.causes.at(place->second.cause).file.cause;
  const auto cause = known.causes.find(entry.cause());
  if (cause == known.causes.end()) return;
  const CauseFile& file = cause->second.file;
  if (entry.title.empty()) entry.title = file.title;
  if (entry.upstream.empty()) entry.upstream = file.upstream;
  if (entry.finding.where == Whereabouts{}) entry.finding.where = file.where;
}

/// Adds what lies in the directory of a run and was not told by it.
void add_found(std::map<std::string, Entry>& told, const std::string& findings, const Space& space,
               const Baseline& found) {
  const auto is_located = [&](const Cause& cause) {
    const auto at = found.causes.find(to_string(cause));
    return at != found.causes.end() && at->second.file.where != Whereabouts{};
  };
  for (const auto& path : case_files({findings})) {
    const CaseFile file = load_case(path, space);
    const std::string signature = recorded(file);
    if (signature.empty() || path.parent_path().filename() == "flaky") continue;
    const auto [it, unheard] = told.try_emplace(signature, no_longer_shown(signature, {}, {}));
    Entry& entry = it->second;
    entry.path = path.string();
    if (entry.title.empty()) entry.title = file.title();
    if (!unheard) continue;
    entry.layers = size_of(file.body, space).layers;
    for (const Inspected& seen : inspect_isolated(
             file.body, space, {}, {}, [&](const Signature& s) { return to_string(s) == signature; },
             [&](const Cause& cause) { return !is_located(cause); })) {
      entry.standing = Standing::fresh;
      entry.finding.violation = seen.violation;
      entry.finding.cause = seen.cause;
      entry.finding.where = seen.where;
    }
  }
  for (const auto& [signature, place] : found.places)
    if (place.here && place.path.empty())
      told.try_emplace(signature,
                       Entry{.finding = {.violation = {.signature = parse_signature(signature),
                                                       .promised = "as for the other places of its cause",
                                                       .seen = "met; its case was not kept"},
                                         .body = {}}});
}

/// What is known before a report, of places that this CPU can show.
class Before {
 public:
  Before(const Baseline& baseline, const std::map<std::string, Kept>& kept)
      : kept_(kept), faults_(baseline.faults()) {
    for (const auto& [text, cause] : baseline.causes)
      if (!cause.file.title.empty()) accepted_.insert(text);
    for (const auto& [signature, known] : kept) {
      const std::string cause = to_string(known.cause);
      (known.fixed ? ended_ : open_).insert(cause);
      if (known.fixed) continue;
      faults_.add(parse_signature(signature), known.cause);
      if (!known.since.empty() && !accepted_.contains(cause)) told_.insert(cause);
    }
    for (const auto& [signature, place] : baseline.places)
      // What has no case cannot be seen to be fixed, and keeps no cause open.
      if (place.here && !place.path.empty() && !is_fixed(signature)) open_.insert(place.cause);
  }

  Standing standing_of(const Entry& entry) const {
    if (entry.standing == Standing::fixed) return Standing::fixed;
    if (is_fixed(entry.signature())) return Standing::returned;
    if (told_.contains(entry.cause()) && kept_.contains(entry.signature())) return Standing::open;
    // A case that records it, or the baseline of who ran it. What spread within the run is no less new for
    // that.
    if (entry.standing == Standing::known) return Standing::known;
    const Standing standing = faults_.standing_of(entry.finding.violation.signature, entry.finding.cause);
    const bool all_fixed = ended_.contains(entry.cause()) && !open_.contains(entry.cause());
    return all_fixed && standing < Standing::known ? Standing::returned : standing;
  }

  /// Whether its cause was told of before, and nobody has accepted it.
  bool is_open(const Kept& place) const { return !place.fixed && told_.contains(to_string(place.cause)); }

 private:
  bool is_fixed(const std::string& signature) const {
    const auto at = kept_.find(signature);
    return at != kept_.end() && at->second.fixed;
  }

  const std::map<std::string, Kept>& kept_;
  KnownFaults faults_;
  std::set<std::string> ended_, open_;  ///< causes with a place that was called fixed, with one that was not
  std::set<std::string> accepted_, told_;  ///< causes with a title; told of, and without one
};

/// What all say that say anything; empty where they differ.
std::string agreed(const std::vector<Entry>& places, std::string Entry::* text) {
  std::string found;
  for (const Entry& place : places) {
    if (!found.empty() && !(place.*text).empty() && place.*text != found) return {};
    if (found.empty()) found = place.*text;
  }
  return found;
}

Standing standing_of(const CauseEntry& cause, bool is_unheard) {
  for (const auto standing : {Standing::fresh, Standing::returned, Standing::open, Standing::spread})
    if (cause.count(standing) > 0) return standing;
  if (cause.count(Standing::fixed) == 0) return Standing::known;
  return is_unheard || cause.count(Standing::known) > 0 ? Standing::partly_fixed : Standing::fixed;
}

CauseEntry entry_of(std::vector<Entry>&& places, const std::set<std::string>& unheard) {
  const bool is_known =
      std::ranges::any_of(places, [](const Entry& place) { return place.standing != Standing::fresh; });
  for (Entry& place : places)
    if (is_known && place.standing == Standing::fresh) place.standing = Standing::spread;
  std::ranges::sort(places, {}, [](const Entry& place) {
    return std::tuple(place.standing, place.finding.violation.severity, place.signature());
  });
  CauseEntry entry{.cause = cause_of(places.front().finding),
                   .title = agreed(places, &Entry::title),
                   .upstream = agreed(places, &Entry::upstream)};
  if (entry.title.empty()) entry.title = sentence_of(entry.cause);
  entry.severity = Severity::vague;
  for (const Entry& place : places) {
    entry.severity = std::min(entry.severity, place.finding.violation.severity);
    if (entry.where == Whereabouts{}) entry.where = place.finding.where;
    if (!place.since.empty() && (entry.since.empty() || place.since < entry.since)) entry.since = place.since;
  }
  entry.places = std::move(places);
  entry.standing = standing_of(entry, unheard.contains(to_string(entry.cause)));
  return entry;
}

}  // namespace

Entry no_longer_shown(const std::string& signature, const std::string& path,
                      const std::optional<Cause>& cause) {
  return {.finding = {.violation = {.signature = parse_signature(signature),
                                    .promised = "as the file records",
                                    .seen = "no longer shown"},
                      .body = {},
                      .cause = cause},
          .standing = Standing::fixed,
          .path = path};
}

bool is_red(Standing standing, FailOn fail_on) {
  if (fail_on == FailOn::none) return false;
  return standing == Standing::fresh || standing == Standing::returned ||
         (standing == Standing::spread && fail_on == FailOn::place) ||
         (standing == Standing::open && fail_on == FailOn::open);
}

size_t CauseEntry::count(Standing wanted) const {
  return count_where(places, [&](const Entry& place) { return place.standing == wanted; });
}

size_t Report::count(Standing standing) const {
  size_t places = 0;
  for (const CauseEntry& cause : causes) places += cause.count(standing);
  return places;
}

size_t Report::count_causes(Standing standing) const {
  return count_where(causes, [&](const CauseEntry& cause) { return cause.standing == standing; });
}

size_t Report::count_causes(Standing standing, Severity severity) const {
  return count_where(causes, [&](const CauseEntry& cause) {
    return cause.standing == standing && cause.severity == severity;
  });
}

size_t Report::count_red(FailOn fail_on) const {
  return count_where(causes, [&](const CauseEntry& cause) { return is_red(cause.standing, fail_on); });
}

Report by_cause(std::vector<Entry> entries, const std::set<std::string>& unheard) {
  std::map<std::string, std::vector<Entry>> places;
  for (Entry& entry : entries) places[entry.cause()].push_back(std::move(entry));
  Report report;
  for (auto& [cause, of_it] : places) report.causes.push_back(entry_of(std::move(of_it), unheard));
  std::ranges::stable_sort(report.causes, {},
                           [](const CauseEntry& cause) { return std::pair(cause.standing, cause.severity); });
  return report;
}

Report report_of(const std::string& findings, const Space& space, const std::map<std::string, Entry>& results,
                 const Baseline& baseline, std::map<std::string, Kept>& kept, const std::string& today) {
  std::map<std::string, Entry> told = results;
  const Baseline found = load_baseline(findings, space);
  add_found(told, findings, space, found);
  const Before before(baseline, kept);
  // What was told of and not accepted is told again, whether this run met it or not.
  for (const auto& [signature, place] : kept)
    if (before.is_open(place) && !told.contains(signature)) {
      Entry entry = no_longer_shown(signature, {}, place.cause);
      entry.finding.violation.promised = "as was told";
      entry.finding.violation.seen = fmt::format("told on {}; this run did not meet it", place.since);
      entry.finding.violation.severity = place.severity;
      entry.standing = Standing::open;
      told.emplace(signature, std::move(entry));
    }
  std::vector<Entry> entries;
  for (auto& [signature, entry] : told) {
    for (const Baseline* known : {&baseline, &found}) complete(entry, *known);
    entry.finding.cause = cause_of(entry.finding);
    entry.standing = before.standing_of(entry);
    if (const auto at = kept.find(signature); at != kept.end()) entry.since = at->second.since;
    if (entry.since.empty() && entry.standing <= Standing::open) entry.since = today;
    if (!entry.path.empty()) entry.path = from_here(entry.path);
    entries.push_back(std::move(entry));
  }
  std::set<std::string> unheard;
  for (const auto& [signature, place] : baseline.places)
    if (place.here && !place.path.empty() && !told.contains(signature)) unheard.insert(place.cause);
  Report report = by_cause(std::move(entries), unheard);
  for (const auto& [signature, place] : baseline.places)
    report.not_reachable += !place.here && !told.contains(signature);
  for (const CauseEntry& cause : report.causes) {
    for (const Entry& place : cause.places)
      kept[place.signature()] = {cause.cause, place.standing == Standing::fixed, place.since,
                                 place.finding.violation.severity};
    // Those of its places that have no case, too.
    if (cause.standing == Standing::fixed)
      for (auto& [signature, place] : kept) place.fixed = place.fixed || place.cause == cause.cause;
  }
  return report;
}

std::string from_here(const std::string& path) {
  std::error_code error;
  const std::filesystem::path near = std::filesystem::proximate(path, error);
  return error || near.empty() || *near.begin() == ".." ? path : near.string();
}

std::string to_line(const Whereabouts& where) {
  const ThrowSite& thrown = where.thrown;
  if (thrown == ThrowSite{}) return where.stack;
  return thrown.file.empty() ? thrown.function
                             : fmt::format("{}:{} {}", thrown.file, thrown.line, thrown.function);
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
