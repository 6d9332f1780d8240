#include "harness/corpus/baseline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"
#include "harness/core/words.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

bool is_of_this_libtorch(std::string_view key) {
  const std::string ours = seen_key();
  return key.starts_with(ours) && (key.size() == ours.size() || key[ours.size()] == '-');
}

bool is_of_here(std::string_view key) {
  return key == seen_key() || key == seen_key(cpu_capability());
}

}  // namespace

std::string Baseline::title_of(const Known& place) const {
  return causes.at(place.cause).file.said();
}

std::string Baseline::upstream_of(const Known& place) const {
  return causes.at(place.cause).file.upstream;
}

KnownFaults Baseline::faults() const {
  KnownFaults faults;
  for (const auto& [signature, place] : places) faults.places[signature] = place.cause;
  for (const auto& [text, cause] : causes) faults.causes.insert(text);
  return faults;
}

Baseline load_baseline(const std::string& directory, const Space& space) {
  Baseline baseline;
  if (directory == "none") return baseline;
  std::map<fs::path, std::string> cause_of;  // of a folder
  for (const auto& path : files_named(kCauseFile, {directory})) {
    CauseFile file = load_cause_file(path);
    const std::string text = to_string(file.cause);
    cause_of[path.parent_path()] = text;
    KnownCause& cause = baseline.causes.try_emplace(text, KnownCause{path.parent_path(), file}).first->second;
    for (const auto& [signature, keys] : file.places) {
      cause.file.places.emplace(signature, keys);
      for (const std::string& key : keys_in(keys))
        if (is_of_this_libtorch(key)) {
          Known& place = baseline.places.try_emplace(signature, Known{.cause = text}).first->second;
          place.here = place.here || is_of_here(key);
        }
    }
  }
  for (const auto& path : case_files({directory})) {
    if (path.parent_path().filename() == "flaky") continue;
    const CaseFile file = load_case(path, space);
    const Seen* here = seen_here(file);
    for (const Seen& seen : file.seen) {
      if (!is_of_this_libtorch(seen.key) || seen.verdicts.front() == "holds") continue;
      const std::string& signature = seen.verdicts.front();
      Known& place = baseline.places[signature];
      if (place.path.empty() || &seen == here) {
        place.path = path;
        if (const auto at = cause_of.find(path.parent_path()); at != cause_of.end()) place.cause = at->second;
      }
      place.here = place.here || &seen == here;
      if (!place.cause.empty()) continue;
      CauseFile unlooked{.cause = unlooked_cause(parse_signature(signature)), .title = file.title()};
      place.cause = to_string(unlooked.cause);
      baseline.causes.try_emplace(place.cause, KnownCause{path.parent_path(), std::move(unlooked)});
    }
  }
  return baseline;
}

const KnownCause& cause_named(const Baseline& baseline, const std::string& word) {
  if (const auto at = baseline.causes.find(word); at != baseline.causes.end()) return at->second;
  if (const auto at = baseline.places.find(word); at != baseline.places.end())
    return baseline.causes.at(at->second.cause);
  std::error_code error;
  const fs::path path = fs::weakly_canonical(word, error);
  std::vector<const KnownCause*> found;
  for (const auto& [text, cause] : baseline.causes) {
    const fs::path folder = fs::weakly_canonical(cause.folder, error);
    if (!cause.folder.empty() && (path == folder || path.parent_path() == folder)) return cause;
    if (!word.empty() &&
        (text.find(word) != std::string::npos || folder.filename().string().find(word) != std::string::npos ||
         cause.file.said().find(word) != std::string::npos))
      found.push_back(&cause);
  }
  if (found.size() == 1) return *found.front();
  if (found.empty()) {
    std::vector<std::string> names;
    for (const auto& [text, cause] : baseline.causes) names.push_back(cause.folder.filename().string());
    fail("'{}': no such cause{}; list causes names them", as_text(word, 300), did_you_mean(word, names));
  }
  std::vector<std::string> names;
  for (const KnownCause* cause : found)
    names.push_back(names.size() < 5 ? cause->folder.filename().string() : "...");
  names.resize(std::min<size_t>(names.size(), 6));
  fail("'{}': {} causes have that in their name: {}", as_text(word, 300), found.size(),
       fmt::join(names, ", "));
}

}  // namespace dtypefuzz
