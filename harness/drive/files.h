#pragma once
#include <filesystem>
#include <string>

namespace dtypefuzz {

/// A regular file of at most `most` bytes. Anything else (longer, a directory, a pipe, a device) is an Error,
/// which names the file; nothing is waited for, and no more than `most` bytes and one are read.
std::string read_file(const std::filesystem::path&, size_t most);

}  // namespace dtypefuzz
