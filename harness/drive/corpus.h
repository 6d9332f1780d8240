#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "harness/core/finding.h"
#include "harness/drive/case_file.h"

namespace dtypefuzz {

/// `libtorch-2.13.0-cpu`: what `[seen]` lines are kept under.
std::string seen_key(Device = Device::cpu);
/// What kernels may branch on: `AVX512`, lowered by ONEDNN_MAX_CPU_ISA and ATEN_CPU_CAPABILITY.
std::string cpu_capability();

/// The findings already known for this LibTorch: signature to file. An empty map for `none`.
/// A directory that does not exist is an Error.
std::map<std::string, std::filesystem::path> load_baseline(const std::string& directory);

/// Adopts the findings of a run: every case whose signature `into` does not have. Returns how many.
size_t merge_corpus(const std::string& from, const std::string& into);
/// Every file parses, answers every question and is its own canonical text; returns what is wrong, a line each.
std::vector<std::string> check_corpus(const std::string& directory);
void accept_finding(const std::string& file, const std::string& title);
/// Removes the file whose `[seen]` names the signature; an Error where none does.
std::filesystem::path drop_finding(const std::string& directory, const std::string& signature);

}  // namespace dtypefuzz
