#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "generators/stack.h"
#include "harness/blame/known.h"
#include "harness/files/cause_file.h"

namespace dtypefuzz {

/// One place of the baseline.
struct Known {
  std::filesystem::path path = {};  ///< of its case; empty: it was met, and none was kept
  std::string cause = {};
  bool here = false;  ///< recorded for this CPU's capability, or for all; else it is `unseen` here
};

/// One cause of the baseline, with its places of whatever LibTorch and CPU.
struct KnownCause {
  std::filesystem::path folder = {};
  CauseFile file;
};

/// The faults already known.
struct Baseline {
  std::map<std::string, Known> places;       ///< of this LibTorch, by signature
  std::map<std::string, KnownCause> causes;  ///< by text

  /// What is told of a place's cause.
  std::string title_of(const Known&) const;
  std::string upstream_of(const Known&) const;
  KnownFaults faults() const;
};

/// Nothing for `none`. A directory that does not exist is an Error. Cases in a folder without a cause have
/// that of what could not be looked at. A place is the first signature of a line of `[seen]`.
Baseline load_baseline(const std::string& directory, const Space&);

/// The cause that a person means: its text, the name of its folder, a part of either that no other one has, a
/// signature, or a path to its folder, its file or a case of it. An Error that says what there is.
const KnownCause& cause_named(const Baseline&, const std::string& word);

}  // namespace dtypefuzz
