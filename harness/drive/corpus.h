#pragma once
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "harness/core/finding.h"
#include "harness/drive/case_file.h"

namespace dtypefuzz {

/// `libtorch-2.13.0-cpu`: what `[seen]` lines are kept under, followed by `-` and a capability where the
/// verdict depends on the CPU.
std::string seen_key(std::string_view capability = {});
/// The instruction sets that oneDNN picks kernels by, in its own names, lowest first, up to what this CPU
/// has. Source: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
std::vector<std::string> cpu_capabilities();
/// The one in force: the CPU's, lowered by ONEDNN_MAX_CPU_ISA; `+DEFAULT` and the like where
/// ATEN_CPU_CAPABILITY lowers the other kernels.
std::string cpu_capability();
/// The line that speaks for this LibTorch and CPU; null where none does.
const Seen* seen_here(const CaseFile&);

/// A case as it is saved: its shortest form.
std::string print_shortest(CaseFile);

/// One entry of the baseline.
struct Known {
  std::filesystem::path path;
  std::string title;
  bool here = false;  ///< recorded for this CPU's capability, or for all; else it is `unseen` here
};
/// The findings already known for this LibTorch, by signature: the first one of each line, on whatever CPU.
/// An empty map for `none`. A directory that does not exist is an Error.
std::map<std::string, Known> load_baseline(const std::string& directory);

/// What this LibTorch does with the case, under each instruction set that the CPU has: one line where all
/// agree, a line for each where they do not. The signature `first`, if it is among them, leads its line.
void record_seen(CaseFile&, const std::string& first = {});
/// Adopts the findings of a run: every case whose signature `into` does not have. Returns how many. A file
/// that is no case is an Error, and nothing is adopted; names in `into` are made of signatures alone.
size_t merge_corpus(const std::string& from, const std::string& into);
/// Every file parses, means what it says without repairs, and is its own shortest text; returns what is
/// wrong, a line each.
std::vector<std::string> check_corpus(const std::string& directory);
/// Writes each file in its shortest form; returns how many changed.
size_t tidy_corpus(const std::string& directory);
void accept_finding(const std::string& file, const std::string& title, const std::string& upstream);
/// Removes the file whose `[seen]` names the signature; an Error where none does.
std::filesystem::path drop_finding(const std::string& directory, const std::string& signature);

}  // namespace dtypefuzz
