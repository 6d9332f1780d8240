#include "harness/files/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"

namespace dtypefuzz {

std::string read_file(const std::filesystem::path& path, size_t most) {
  const std::string name = path.empty() ? "''" : as_text(path.string(), 300);
  const auto refuse = [&] { fail("{}: {}", name, std::strerror(errno)); };
  // A pipe opened like this waits for no writer.
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file < 0) refuse();
  const struct Closed {
    int file;
    ~Closed() { close(file); }
  } closed{file};
  struct stat facts{};
  if (fstat(file, &facts) != 0) refuse();
  if (!S_ISREG(facts.st_mode)) fail("{}: not a regular file", name);
  const auto too_long = [&](auto size) { fail("{}: {} bytes, expected at most {}", name, size, most); };
  if (facts.st_size > static_cast<off_t>(most)) too_long(facts.st_size);
  std::string text;
  size_t size = 0;
  do {
    text.resize(std::min(most + 1, size + static_cast<size_t>(facts.st_size) + 4096));
    const ssize_t n = read(file, text.data() + size, text.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) refuse();
    if (n == 0) break;
    size += static_cast<size_t>(n);
  } while (size <= most);
  if (size > most) too_long(size);
  text.resize(size);
  return text;
}

namespace {

[[noreturn]] void refuse_to(std::string_view what, const std::filesystem::path& path) {
  fail_environment("{}: cannot {}: {}", path.string(), what, std::strerror(errno));
}

/// False: it could not be written whole, as errno says.
bool write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(file, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

void write_atomically(const std::filesystem::path& path, std::string_view text) {
  std::error_code error;
  if (path.has_parent_path()) std::filesystem::create_directories(path.parent_path(), error);
  if (error) fail_environment("{}: cannot be made: {}", path.parent_path().string(), error.message());
  const auto temporary = path.string() + fmt::format(".{}.tmp", getpid());
  unlink(temporary.c_str());  // of a process that had our number
  const int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) refuse_to("create", path);
  if (!write_all(file, text)) {
    const int why = errno;
    close(file), unlink(temporary.c_str());
    errno = why;
    refuse_to("write", path);
  }
  if (fsync(file) != 0 || close(file) != 0 || std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int why = errno;
    unlink(temporary.c_str());
    errno = why;
    refuse_to("save", path);
  }
}

void expect_output(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const auto refuse = [&](const std::string& why) {
    fail_environment("{}: cannot be written: {}", path.string(), why);
  };
  struct stat facts{};
  if (stat(path.c_str(), &facts) == 0) {
    if (S_ISDIR(facts.st_mode)) refuse("it is a directory");
    if (!S_ISREG(facts.st_mode)) return;  // whoever reads there decides
  }
  const auto folder = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (stat(folder.c_str(), &facts) != 0) refuse(fmt::format("{}: {}", folder.string(), std::strerror(errno)));
  if (!S_ISDIR(facts.st_mode)) refuse(fmt::format("{}: {}", folder.string(), std::strerror(ENOTDIR)));
  if (access(folder.c_str(), W_OK) != 0) refuse(fmt::format("{}: {}", folder.string(), std::strerror(errno)));
}

void write_output(const std::filesystem::path& path, std::string_view text, bool appends) {
  namespace fs = std::filesystem;
  expect_output(path);
  std::error_code error;
  const fs::path target = fs::is_symlink(path, error) ? fs::weakly_canonical(path, error) : path;
  const bool is_there = fs::exists(target, error);
  if (!appends && !error && (!is_there || fs::is_regular_file(target, error)))
    return write_atomically(target, text);
  const int file =
      open(path.c_str(), O_WRONLY | O_CREAT | O_NOCTTY | O_CLOEXEC | (appends ? O_APPEND : 0), 0644);
  if (file < 0) refuse_to("open", path);
  const bool is_written = write_all(file, text);
  const int why = errno;
  if (close(file) != 0 && is_written) refuse_to("write", path);
  errno = why;
  if (!is_written) refuse_to("write", path);
}

TemporaryFolder::TemporaryFolder(const std::filesystem::path& base) {
  std::string name = base / "dtypefuzz-XXXXXX";
  if (!mkdtemp(name.data())) fail_environment("{}: no folder can be made there; set TMPDIR", name);
  path = name;
}
TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  if (getpid() == owner) std::filesystem::remove_all(path, ignored);
}

}  // namespace dtypefuzz
