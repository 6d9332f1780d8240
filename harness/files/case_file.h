#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"

namespace dtypefuzz {

struct Space;

inline constexpr size_t kMaxCaseBytes = 64 * 1024;
/// Of a name and of an answer; the longest of our own have 60.
inline constexpr size_t kMaxWordBytes = 256;

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

// Case files are read as untrusted input: whatever the bytes, a reader gives a case or throws an Error of one
// line, and what it gives is text (UTF-8 without control characters), bounded, and its verdicts signatures.

/// Throws Error with line and expectation; never reads past 64 KiB.
CaseFile parse_case(std::string_view text);
std::string print_case(const CaseFile&);
/// Without the answers that are the simplest, modules and numbers of layers aside: what people read, write
/// and keep. It means the same, and a question that the generator learns later leaves it as it is.
Case shortest(const Case&, const Space&);
/// A case as it is saved: its shortest form.
std::string print_shortest(CaseFile, const Space&);
/// The same, made whole: every question answered, in order, words in the spelling that is offered. `place` (a
/// file's name) is put in front of every error. A word that is unknown is one; so is, without `[seen]`, every
/// answer that is not offered or not asked for. Of a file that a run has saved, and a grammar that has gone
/// on, such are repaired, and notes on it are appended to `notes`.
CaseFile read_case(std::string_view text, const std::string& place, const Space&,
                   std::vector<std::string>* notes = nullptr);
/// The same of a file. What is no regular file (a directory, a pipe, a device) is an Error, and is not opened
/// for long enough to wait for anybody.
CaseFile load_case(const std::filesystem::path&, const Space&, std::vector<std::string>* notes = nullptr);
/// What ends in `.case` below the paths, directories aside, sorted; links to directories are not followed. A
/// path that does not exist, or a directory that cannot be read, is an Error.
std::vector<std::filesystem::path> case_files(const std::vector<std::string>& paths);
/// The same of files with this name.
std::vector<std::filesystem::path> files_named(std::string_view name, const std::vector<std::string>& paths);
/// `Linear-input-weight-float-3fa4c2.case`: readable, one to one with the signature (a hash of 32 bits
/// aside), and a plain name in its directory whatever the text.
std::string file_name_of(const std::string& signature);

}  // namespace dtypefuzz
