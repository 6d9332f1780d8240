#pragma once
#include <filesystem>
#include <map>
#include <string>

#include "generators/stack.h"

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

}  // namespace dtypefuzz
