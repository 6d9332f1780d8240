#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/core/case.h"

namespace dtypefuzz {

inline constexpr size_t kMaxCaseBytes = 64 * 1024;

/// One line of `[seen]`: what a LibTorch and device did, `holds` or signatures.
struct Seen {
  std::string key;
  std::vector<std::string> verdicts;
  bool operator==(const Seen&) const = default;
};

/// A `.case` file: the case, a title and links, and what was seen.
struct CaseFile {
  Case body;
  std::vector<Choice> about;  ///< `title`, `upstream`, `engine`
  std::vector<Seen> seen;
  std::vector<int> lines;  ///< beside the choices: where each stood
  bool operator==(const CaseFile&) const = default;
  /// What is wrong, in one line; empty where nobody has said it yet.
  std::string title() const;
};

/// Throws Error with line and expectation; never reads past 64 KiB.
CaseFile parse_case(std::string_view text);
std::string print_case(const CaseFile&);
/// Without the answers that are the simplest, modules and counts aside: what people read, write and keep. It means
/// the same, and a question that the generator learns later leaves it as it is.
Case shortest(const Case&);
/// The same, the file's name in front of every error. Notes on repairs are appended to `notes`.
CaseFile load_case(const std::filesystem::path&, std::vector<std::string>* notes = nullptr);
/// Temporary file, fsync, rename.
void write_atomically(const std::filesystem::path&, std::string_view text);
/// Files ending in `.case` below the paths, sorted; a path that does not exist is an Error.
std::vector<std::filesystem::path> case_files(const std::vector<std::string>& paths);
/// What a person may have meant: the offered word with the smallest edit distance, or nothing where none is
/// near.
std::string nearest(std::string_view given, const std::vector<std::string>& offered);
/// `Linear-input-weight-float-3fa4c2.case`: readable, and one to one with the signature.
std::string file_name_of(const std::string& signature);

}  // namespace dtypefuzz
