#pragma once
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/atlas/atlas.h"

namespace dtypefuzz {

/// The text of the file: JSON, one element of each list a line.
std::string print_atlas(const Atlas&);
/// Throws Error that says what is wrong and where (`sections[3].layout: 9, but there are 4`) for any text
/// that `print_atlas` could not have written.
Atlas parse_atlas(std::string_view text);
Atlas load_atlas(const std::filesystem::path&);

}  // namespace dtypefuzz
