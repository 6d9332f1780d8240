#include "harness/drive/corpus.h"

#include <ATen/Version.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "dtypefuzz/build_info.h"
#include "generators/stack.h"
#include "harness/core/error.h"

namespace dtypefuzz {
namespace {

bool names(const CaseFile& file, const std::string& signature) {
  for (const Seen& seen : file.seen)
    if (std::find(seen.verdicts.begin(), seen.verdicts.end(), signature) != seen.verdicts.end()) return true;
  return false;
}

}  // namespace

std::string seen_key(Device device) {
  const std::string version(build_info::kLibTorchVersion);
  return fmt::format("libtorch-{}-{}", version.substr(0, version.find('+')), to_string(device));
}

std::string cpu_capability() {
  std::string capability = at::get_cpu_capability();
  if (const char* isa = std::getenv("ONEDNN_MAX_CPU_ISA")) capability += fmt::format("+onednn-{}", isa);
  return capability;
}

std::map<std::string, std::filesystem::path> load_baseline(const std::string& directory) {
  std::map<std::string, std::filesystem::path> known;
  if (directory == "none") return known;
  for (const auto& path : case_files({directory})) {
    const CaseFile file = load_case(path);
    for (const Seen& seen : file.seen)
      if (seen.key.starts_with(seen_key().substr(0, seen_key().rfind('-'))))
        for (const auto& verdict : seen.verdicts)
          if (verdict != "holds") known.emplace(verdict, path);
  }
  return known;
}

size_t merge_corpus(const std::string& from, const std::string& into) {
  std::filesystem::create_directories(into);
  const auto known = load_baseline(into);
  size_t adopted = 0;
  for (const auto& path : case_files({from})) {
    const CaseFile file = load_case(path);
    if (file.seen.empty() || file.seen.front().verdicts.front() == "holds") continue;
    if (known.contains(file.seen.front().verdicts.front())) continue;
    write_atomically(std::filesystem::path(into) / file_name_of(file.seen.front().verdicts.front()), print_case(file));
    ++adopted;
  }
  return adopted;
}

std::vector<std::string> check_corpus(const std::string& directory) {
  std::vector<std::string> wrong;
  for (const auto& path : case_files({directory})) {
    std::vector<std::string> notes;
    try {
      const CaseFile file = load_case(path, &notes);
      for (const Seen& seen : file.seen)
        for (const auto& verdict : seen.verdicts)
          if (verdict != "holds") parse_signature(verdict);
    } catch (const Error& e) {
      notes.emplace_back(e.what());
    }
    wrong.insert(wrong.end(), notes.begin(), notes.end());
  }
  return wrong;
}

void accept_finding(const std::string& path, const std::string& title) {
  if (title.empty() || title.find('\n') != std::string::npos) fail("--title '{}': expected one line of text", title);
  CaseFile file = load_case(path);
  std::erase_if(file.about, [](const Choice& about) { return about.name == "title"; });
  file.about.insert(file.about.begin(), {"title", title});
  write_atomically(path, print_case(file));
}

std::filesystem::path drop_finding(const std::string& directory, const std::string& signature) {
  parse_signature(signature);
  for (const auto& path : case_files({directory}))
    if (names(load_case(path), signature)) {
      std::filesystem::remove(path);
      return path;
    }
  fail("{}: no case names the signature '{}'", directory, signature);
}

}  // namespace dtypefuzz
