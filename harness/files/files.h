#pragma once
#include <unistd.h>

#include <filesystem>
#include <string>

namespace dtypefuzz {

/// A regular file of at most `most` bytes. Anything else (longer, a directory, a pipe, a device) is an Error,
/// which names the file; nothing is waited for, and no more than `most` bytes and one are read.
std::string read_file(const std::filesystem::path&, size_t most);

/// Temporary file, fsync, rename. A symbolic link is replaced, not followed.
void write_atomically(const std::filesystem::path&, std::string_view text);

/// An Error where nothing could be written to a path that a person has named: before a long run, not after.
void expect_output(const std::filesystem::path&);
/// What a person has named to be written to: a regular file is whole at any moment; a link is followed; into
/// a pipe or a device it is written. Its directory must be there, as one that is mistyped is none to make.
/// `appends`: behind what is in it.
void write_output(const std::filesystem::path&, std::string_view text, bool appends = false);

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
