#include "harness/files/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
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
