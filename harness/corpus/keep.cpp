#include "harness/corpus/keep.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "generators/stack.h"
#include "harness/core/text.h"
#include "harness/corpus/baseline.h"
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

size_t merge_corpus(const std::string& from, const std::string& into, const Space& space) {
  std::filesystem::create_directories(into);
  auto known = load_baseline(into, space);
  std::vector<CaseFile> files;  // all are read before any is written: one bad file changes nothing
  for (const auto& path : case_files({from}))
    if (path.parent_path().filename() != "flaky")
      files.push_back(load_case(path, space));  // a baseline is what repeats
  size_t adopted = 0;
  for (CaseFile& file : files) {
    if (file.seen.empty() || file.seen.front().verdicts.front() == "holds") continue;
    const std::string signature = file.seen.front().verdicts.front();
    if (known.contains(signature)) continue;
    const auto path = std::filesystem::path(into) / file_name_of(signature);
    record_seen(file, space, signature);
    if (std::filesystem::exists(std::filesystem::symlink_status(path))) {
      // Of another LibTorch: its title and what it saw stay.
      const CaseFile there = load_case(path, space);
      if (!names(there, signature))
        fail("{}: is in the way of another finding, '{}'", path.string(), signature);
      file.about = there.about;
      for (const Seen& seen : there.seen)
        if (seen.key != seen_key() && !seen.key.starts_with(seen_key() + "-")) file.seen.push_back(seen);
    }
    write_atomically(path, print_shortest(file, space));
    known[signature] = {path, file.title(), true};
    ++adopted;
  }
  return adopted;
}

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
  return changed;
}

void accept_finding(const std::string& path, const std::string& title, const std::string& upstream,
                    const Space& space) {
  CaseFile file = load_case(path, space);
  const auto put = [&](const char* name, const std::string& text) {
    if (text.empty() || text.find_first_of("\r\n") != std::string::npos)
      fail("--{} '{}': expected one line of text", name, text);
    std::erase_if(file.about, [&](const Choice& about) { return about.name == name; });
    file.about.insert(file.about.begin(), {name, text});
  };
  if (!upstream.empty()) put("upstream", upstream);
  put("title", title);
  const std::string kept = print_shortest(file, space);
  if (kept.size() > kMaxCaseBytes)
    fail("--title '{}': {} would have {} bytes, a case has at most {}", as_text(title, 60), path, kept.size(),
         kMaxCaseBytes);
  write_atomically(path, kept);
}

std::filesystem::path drop_finding(const std::string& directory, const std::string& signature,
                                   const Space& space) {
  parse_signature(signature);
  for (const auto& path : case_files({directory}))
    if (names(load_case(path, space), signature)) {
      std::filesystem::remove(path);
      return path;
    }
  fail("{}: no case names the signature '{}'", directory, signature);
}

}  // namespace dtypefuzz
