#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/core/finding.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {

/// One entry of the baseline.
struct Known {
  std::filesystem::path path;
  std::string title;
  bool here = false;  ///< recorded for this CPU's capability, or for all; else it is `unseen` here
};
/// The findings already known for this LibTorch, by signature: the first one of each line, on whatever CPU.
/// An empty map for `none`. A directory that does not exist is an Error.
std::map<std::string, Known> load_baseline(const std::string& directory, const Space&);

/// What this LibTorch does with the case, under each instruction set that the CPU has: one line where all
/// agree, a line for each where they do not. The signature `first`, if it is among them, leads its line.
void record_seen(CaseFile&, const Space&, const std::string& first = {});
/// Adopts the findings of a run: every case whose signature `into` does not have. Returns how many. A file
/// that is no case is an Error, and nothing is adopted; names in `into` are made of signatures alone.
size_t merge_corpus(const std::string& from, const std::string& into, const Space&);
/// Every file parses, means what it says without repairs, and is its own shortest text; returns what is
/// wrong, a line each.
std::vector<std::string> check_corpus(const std::string& directory, const Space&);
/// Writes each file in its shortest form; returns how many changed.
size_t tidy_corpus(const std::string& directory, const Space&);
void accept_finding(const std::string& file, const std::string& title, const std::string& upstream,
                    const Space&);
/// Removes the file whose `[seen]` names the signature; an Error where none does.
std::filesystem::path drop_finding(const std::string& directory, const std::string& signature, const Space&);

}  // namespace dtypefuzz
