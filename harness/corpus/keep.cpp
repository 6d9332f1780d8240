#include "harness/corpus/keep.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "generators/stack.h"
#include "harness/blame/inspect.h"
#include "harness/core/text.h"
#include "harness/corpus/baseline.h"
#include "harness/files/cause_file.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

bool names(const CaseFile& file, const std::string& signature) {
  for (const Seen& seen : file.seen)
    if (std::find(seen.verdicts.begin(), seen.verdicts.end(), signature) != seen.verdicts.end()) return true;
  return false;
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

void record_seen(CaseFile& file, const Space& space, const std::string& first) {
  std::map<std::string, std::vector<std::string>> by_level;
  const std::string prefix = seen_key() + "-";
  for (const Seen& seen : file.seen)
    if (seen.key.starts_with(prefix)) by_level[seen.key.substr(prefix.size())] = seen.verdicts;
  for (const auto& level : cpu_capabilities()) {
    std::vector<std::string> verdicts;
    for (const auto& v : check_isolated(file.body, space, {}, {}, level).violations)
      verdicts.push_back(to_string(v.signature));
    std::sort(verdicts.begin(), verdicts.end());
    const auto leads = std::find(verdicts.begin(), verdicts.end(), first);
    if (leads != verdicts.end()) std::rotate(verdicts.begin(), leads, leads + 1);
    if (verdicts.empty()) verdicts.emplace_back("holds");
    by_level[level] = verdicts;
  }
  std::erase_if(file.seen,
                [&](const Seen& seen) { return seen.key == seen_key() || seen.key.starts_with(prefix); });
  const bool all_agree = std::all_of(by_level.begin(), by_level.end(), [&](const auto& entry) {
    return entry.second == by_level.begin()->second;
  });
  if (all_agree && !by_level.empty()) {
    file.seen.push_back({seen_key(), by_level.begin()->second});
  } else {
    for (const auto& [level, verdicts] : by_level) file.seen.push_back({prefix + level, verdicts});
  }
}

namespace {

/// The signatures of a case, each with the keys under which it leads its line.
std::map<std::string, std::vector<std::string>> places_of(const CaseFile& file) {
  std::map<std::string, std::vector<std::string>> places;
  for (const Seen& seen : file.seen)
    if (seen.verdicts.front() != "holds") places[seen.verdicts.front()].push_back(seen.key);
  return places;
}

/// The violation of a case that has this signature, and its cause, under whatever instruction set of this
/// CPU's shows it. `wants_where`: see `inspect`.
std::optional<Finding> looked_at(const CaseFile& file, const std::string& signature, const Space& space,
                                 const std::function<bool(const Cause&)>& wants_where) {
  std::vector<std::string> levels = cpu_capabilities();
  levels.emplace_back();  // the CPU as it is
  for (auto level = levels.rbegin(); level != levels.rend(); ++level)
    for (const Inspected& seen : inspect_isolated(
             file.body, space, {}, {}, [&](const Signature& s) { return to_string(s) == signature; },
             wants_where, *level))
      return Finding{
          .violation = seen.violation, .body = file.body, .cause = seen.cause, .where = seen.where};
  return std::nullopt;
}

/// The file of the cause that a folder is of, where it is of one.
std::optional<CauseFile> cause_file_in(const std::filesystem::path& folder) {
  const auto path = folder / kCauseFile;
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) return std::nullopt;
  return load_cause_file(path);
}

/// What the cause's file says in place of its cases.
void take_out_of(CaseFile& file, const CauseFile& cause) {
  std::erase_if(file.about, [&](const Choice& about) {
    return about.name == "title" || (about.name == "upstream" && about.value == cause.upstream);
  });
}

}  // namespace

Adopted merge_corpus(const std::string& from, const std::string& into, const Space& space) {
  namespace fs = std::filesystem;
  fs::create_directories(into);
  const Baseline known = load_baseline(into, space);
  // All are read before any is written: one bad file changes nothing.
  const Baseline given = load_baseline(from, space);
  std::map<std::string, CaseFile> files;
  for (const auto& path : case_files({from}))
    if (path.parent_path().filename() != "flaky") {  // a baseline is what repeats
      CaseFile file = load_case(path, space);
      if (!file.seen.empty() && file.seen.front().verdicts.front() != "holds")
        files.emplace(file.seen.front().verdicts.front(), std::move(file));
    }
  Adopted adopted;
  std::set<std::string> causes;
  for (auto& [signature, file] : files) {
    const auto place = given.places.find(signature);
    const CauseFile* told =
        place == given.places.end() ? nullptr : &given.causes.at(place->second.cause).file;
    if (told && told->cause.deed == "unknown") told = nullptr;
    // Another fault may show at a place that is known.
    const bool is_other = told && !known.causes.contains(place->second.cause);
    if (!is_other && known.places.contains(signature) && !known.places.at(signature).path.empty()) continue;
    Finding finding{.violation = {.signature = parse_signature(signature)}, .body = file.body};
    if (told)
      finding.cause = told->cause, finding.where = told->where;
    else if (auto looked = looked_at(file, signature, space, [](const Cause&) { return true; }))
      finding = std::move(*looked);
    const auto folder = fs::path(into) / folder_name_of(cause_of(finding));
    const auto path = folder / file_name_of(signature);
    record_seen(file, space, signature);
    if (fs::exists(fs::symlink_status(path))) {
      // Of another LibTorch: what it saw stays.
      const CaseFile there = load_case(path, space);
      if (!names(there, signature))
        fail("{}: is in the way of another finding, '{}'", path.string(), signature);
      file.about = there.about;
      for (const Seen& seen : there.seen)
        if (seen.key != seen_key() && !seen.key.starts_with(seen_key() + "-")) file.seen.push_back(seen);
    }
    for (const auto& [shown, keys] : places_of(file)) {
      finding.violation.signature = parse_signature(shown);
      if (known.places.contains(shown) && shown != signature) continue;
      for (const std::string& key : keys) note_place(into, finding, key);
    }
    write_atomically(path, print_shortest(file, space));
    ++adopted.cases;
    causes.insert(to_string(cause_of(finding)));
  }
  for (const auto& [text, cause] : given.causes)
    for (const auto& [signature, keys] : cause.file.places) {
      if (files.contains(signature) || known.places.contains(signature)) continue;
      const Finding finding{.violation = {.signature = parse_signature(signature)},
                            .body = {},
                            .cause = cause.file.cause,
                            .where = cause.file.where};
      note_place(into, finding, keys);
      ++adopted.places;
      causes.insert(text);
    }
  for (const std::string& cause : causes) adopted.causes += !known.causes.contains(cause);
  return adopted;
}

std::vector<std::string> sort_corpus(const std::string& directory, const Space& space) {
  namespace fs = std::filesystem;
  struct Sorted {
    CaseFile file;
    fs::path from;
  };
  std::map<std::string, std::vector<Sorted>> by_cause;
  std::map<std::string, CauseFile> causes;
  std::set<std::string> with_a_case;  // signatures
  const Baseline before = load_baseline(directory, space);
  for (const auto& path : case_files({directory})) {
    CaseFile file = load_case(path, space);
    const auto places = places_of(file);
    if (places.empty() || path.parent_path().filename() == "flaky") continue;
    const Seen* here = seen_here(file);
    const std::string signature =
        here && here->verdicts.front() != "holds" ? here->verdicts.front() : places.begin()->first;
    const auto there = cause_file_in(path.parent_path());
    CauseFile cause{.cause = there ? there->cause : unlooked_cause(parse_signature(signature))};
    const auto is_new = [&](const Cause& its) { return !causes.contains(to_string(its)); };
    if (const auto looked = looked_at(file, signature, space, is_new))
      cause.cause = *looked->cause, cause.where = looked->where;
    if (there) {
      cause.title = there->title, cause.upstream = there->upstream;
      if (cause.where == Whereabouts{}) cause.where = there->where;
    }
    const std::string text = to_string(cause.cause);
    const auto at = before.causes.find(text);
    if (at != before.causes.end() && at->second.file.cause.deed != "unknown")
      cause.title = at->second.file.title, cause.upstream = at->second.file.upstream;
    const auto upstream = std::ranges::find(file.about, "upstream", &Choice::name);
    if (cause.upstream.empty() && upstream != file.about.end()) cause.upstream = upstream->value;
    if (cause.title.empty()) cause.title = file.title();
    CauseFile& all = causes.try_emplace(text, cause).first->second;
    if (all.title != cause.title) all.title.clear();  // of one case, and no longer of all
    for (const auto& [shown, keys] : places) with_a_case.insert(shown);
    by_cause[text].push_back({std::move(file), path});
  }
  // What was met and has no case cannot be looked at: it stays.
  std::set<std::string> kept;
  for (const auto& [text, cause] : before.causes)
    for (const auto& [signature, keys] : cause.file.places) {
      if (with_a_case.contains(signature)) continue;
      kept.insert(text);
      if (const auto at = causes.find(text); at != causes.end()) at->second.places[signature] = keys;
    }
  std::vector<std::string> moved;
  for (auto& [text, files] : by_cause) {
    const CauseFile& cause = causes.at(text);
    const auto folder = fs::path(directory) / folder_name_of(cause.cause);
    write_atomically(folder / kCauseFile, print_cause_file(cause));
    for (auto& [file, from] : files) {
      take_out_of(file, cause);
      const auto to = folder / from.filename();
      write_atomically(to, print_shortest(file, space));
      if (to == from) continue;
      fs::remove(from);
      moved.push_back(fmt::format("{} -> {}", from.string(), to.string()));
    }
  }
  tidy_corpus(directory, space);  // which notes the places of the cases
  // A cause that lost its last case to another one is none.
  for (const auto& [text, cause] : before.causes)
    if (!by_cause.contains(text) && !kept.contains(text) && fs::exists(cause.folder / kCauseFile) &&
        case_files({cause.folder.string()}).empty())
      fs::remove_all(cause.folder);
  return moved;
}

namespace {

/// A cause's file with what its cases have seen; places without a case stay as they are.
CauseFile with_places_of_cases(CauseFile file, const std::filesystem::path& folder, const Space& space) {
  std::map<std::string, std::set<std::string>> seen;
  for (const auto& path : case_files({folder.string()}))
    for (const auto& [signature, keys] : places_of(load_case(path, space)))
      seen[signature].insert(keys.begin(), keys.end());
  for (const auto& [signature, keys] : seen) file.places[signature] = fmt::format("{}", fmt::join(keys, " "));
  return file;
}

}  // namespace

std::vector<std::string> check_corpus(const std::string& directory, const Space& space) {
  std::vector<std::string> wrong;
  for (const auto& path : case_files({directory})) {
    std::vector<std::string> notes;
    try {
      const CaseFile file = load_case(path, space, &notes);
      if (print_shortest(file, space) != text_of(path))
        notes.push_back(path.string() + ": is not in its shortest form; corpus tidy writes it");
    } catch (const Error& e) {
      notes.emplace_back(e.what());
    }
    wrong.insert(wrong.end(), notes.begin(), notes.end());
  }
  for (const auto& path : files_named(kCauseFile, {directory})) {
    try {
      const CauseFile file = load_cause_file(path);
      if (path.parent_path().filename() != folder_name_of(file.cause))
        wrong.push_back(fmt::format("{}: is of the cause '{}', whose folder is {}", path.string(),
                                    to_string(file.cause), folder_name_of(file.cause)));
      else if (print_cause_file(with_places_of_cases(file, path.parent_path(), space)) != text_of(path))
        wrong.push_back(path.string() + ": is not as corpus tidy writes it");
    } catch (const Error& e) {
      wrong.emplace_back(e.what());
    }
  }
  return wrong;
}

size_t tidy_corpus(const std::string& directory, const Space& space) {
  size_t changed = 0;
  for (const auto& path : case_files({directory})) {
    const std::string kept = print_shortest(load_case(path, space), space);
    if (kept == text_of(path)) continue;
    write_atomically(path, kept);
    ++changed;
  }
  for (const auto& path : files_named(kCauseFile, {directory})) {
    const std::string kept =
        print_cause_file(with_places_of_cases(load_cause_file(path), path.parent_path(), space));
    if (kept == text_of(path)) continue;
    write_atomically(path, kept);
    ++changed;
  }
  return changed;
}

void accept_finding(const std::string& named, const std::string& title, const std::string& upstream,
                    const Space& space) {
  for (const auto& [name, text] : {std::pair("title", &title), std::pair("upstream", &upstream)})
    if ((text->empty() && text == &title) || as_text(*text) != *text || text->size() > 1000)
      fail("--{} '{}': expected one line of text, at most 1000 bytes", name, as_text(*text, 300));
  const bool is_link = upstream.starts_with("https://") || upstream.starts_with("http://");
  if (!upstream.empty() && !is_link && upstream != "none found")
    fail("--upstream '{}': expected a link, as https://github.com/pytorch/pytorch/issues/N, or 'none found'",
         as_text(upstream, 300));
  const std::filesystem::path path(named);
  const bool is_case = path.extension() == ".case" && !std::filesystem::is_directory(path);
  const auto folder = std::filesystem::is_directory(path) ? path : path.parent_path();
  if (auto cause = cause_file_in(folder)) {
    cause->title = title;
    if (!upstream.empty()) cause->upstream = upstream;
    return write_atomically(folder / kCauseFile, print_cause_file(*cause));
  }
  if (!is_case)
    fail("{}: no {} is there; give the folder of a cause, or a case", as_text(named, 300), kCauseFile);
  CaseFile file = load_case(path, space);
  const auto put = [&](const char* name, const std::string& text) {
    std::erase_if(file.about, [&](const Choice& about) { return about.name == name; });
    file.about.insert(file.about.begin(), {name, text});
  };
  if (!upstream.empty()) put("upstream", upstream);
  put("title", title);
  const std::string kept = print_shortest(file, space);
  if (kept.size() > kMaxCaseBytes)
    fail("--title '{}': {} would have {} bytes, a case has at most {}", as_text(title, 60), named,
         kept.size(), kMaxCaseBytes);
  write_atomically(path, kept);
}

std::filesystem::path drop_finding(const std::string& directory, const std::string& signature,
                                   const Space& space) {
  parse_signature(signature);
  for (const auto& path : case_files({directory}))
    if (names(load_case(path, space), signature)) {
      std::filesystem::remove(path);
      if (auto cause = cause_file_in(path.parent_path())) {
        cause->places.erase(signature);
        if (cause->places.empty())
          std::filesystem::remove_all(path.parent_path());
        else
          write_atomically(path.parent_path() / kCauseFile, print_cause_file(*cause));
      }
      return path;
    }
  fail("{}: no case names the signature '{}'", directory, signature);
}

}  // namespace dtypefuzz
