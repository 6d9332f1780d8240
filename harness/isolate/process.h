#pragma once
#include <sys/mman.h>
#include <sys/types.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <new>
#include <string>
#include <string_view>

#include "dtypefuzz/error.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// A process forked off this one, which ends when this one does, and the text that it writes.
struct Child {
  pid_t pid = -1;
  int pipe = -1;
  std::string text = {};
  bool running() const { return pid > 0; }
  /// Takes in what is there, without waiting; false: it writes no more.
  bool read();
  /// Waits for its end and gives its status.
  int wait();
  /// Ends it at once, where it runs, and forgets what it had to say.
  void end();
};
/// `work` gets the descriptor to write to. Its return ends the process with 0, an Error with the Error's
/// code.
Child forked(const std::function<void(int pipe)>& work);
/// Writes it all, or ends the process with exit code 3 where nobody reads any more.
void write_line(int pipe, std::string_view line);

/// Waits for a process that runs one case at a time, and ends it where it cannot end itself. Its status.
int attend(Child&, Remains&, double seconds);

/// Memory that this process and those it forks see.
template <class T>
class SharedMemory {
 public:
  SharedMemory() {
    void* memory = mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) fail_environment("no shared memory: {}", std::strerror(errno));
    value_ = new (memory) T;  // the memory is zero, and what is an array stays so
  }
  ~SharedMemory() { munmap(value_, sizeof(T)); }
  SharedMemory(const SharedMemory&) = delete;
  SharedMemory& operator=(const SharedMemory&) = delete;
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

}  // namespace dtypefuzz
