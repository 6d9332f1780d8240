#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/files/case_file.h"

namespace dtypefuzz {

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
