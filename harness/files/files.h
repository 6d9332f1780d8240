#pragma once
#include <unistd.h>

#include <filesystem>
#include <string>

namespace dtypefuzz {

/// A regular file of at most `most` bytes. Anything else (longer, a directory, a pipe, a device) is an Error,
/// which names the file; nothing is waited for, and no more than `most` bytes and one are read.
std::string read_file(const std::filesystem::path&, size_t most);

/// A new folder below `base`, removed with all that is in it by the process that made it. An Error where none
/// can be made.
struct TemporaryFolder {
  explicit TemporaryFolder(const std::filesystem::path& base = std::filesystem::temp_directory_path());
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path path;
  pid_t owner = getpid();
};

}  // namespace dtypefuzz
