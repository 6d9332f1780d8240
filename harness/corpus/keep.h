#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "harness/files/case_file.h"

namespace dtypefuzz {

/// What this LibTorch does with the case, under each instruction set that the CPU has: one line where all
/// agree, a line for each where they do not. The signature `first`, if it is among them, leads its line.
void record_seen(CaseFile&, const Space&, const std::string& first = {});

/// What became of files that were adopted.
struct Adopted {
  size_t cases = 0, causes = 0, places = 0;  ///< new ones; a place has a case or has none
};
/// Adopts the findings of a run: every case and every place whose signature `into` does not have, in the
/// folder of its cause. A case whose folder names no cause is looked at. A file that is no case is an Error,
/// and nothing is adopted; names in `into` are made of causes and signatures alone.
Adopted merge_corpus(const std::string& from, const std::string& into, const Space&);

/// Looks at every case of a directory once more and moves it into the folder of what it is blamed on now.
/// What cannot be looked at on this CPU stays where it is. Returns how many have moved, a line each.
std::vector<std::string> sort_corpus(const std::string& directory, const Space&);

/// Every file parses, means what it says without repairs, and is its own shortest text; every cause has its
/// places, in a folder of its name. Returns what is wrong, a line each.
std::vector<std::string> check_corpus(const std::string& directory, const Space&);
/// Writes each case in its shortest form, and into each cause's file the places of its cases; returns how
/// many changed.
size_t tidy_corpus(const std::string& directory, const Space&);

/// Gives a cause its title: that in `path`, its folder, its file or a case of it; a case without a cause its
/// own.
void accept_finding(const std::string& path, const std::string& title, const std::string& upstream,
                    const Space&);
/// Removes the case whose `[seen]` names the signature, its place, and the cause that has no other; an Error
/// where none does.
std::filesystem::path drop_finding(const std::string& directory, const std::string& signature, const Space&);

}  // namespace dtypefuzz
