#include "harness/engines/function_coverage.h"

#if defined(__x86_64__) && defined(__linux__)
#include <link.h>
#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace dtypefuzz {
namespace {

/// What the handler needs. Never freed: breakpoints may still be met while the process runs its exit
/// handlers.
struct Watched {
  const char* library = nullptr;
  void (*first_reached)() = nullptr;
  uintptr_t begin = 0, end = 0;  // of the library's code
  std::vector<uintptr_t> starts;
  std::vector<uint8_t> original;  // the byte that stood at each start
};
Watched& watched = *new Watched;

constexpr uint8_t kBreakpoint = 0xCC;  // int3, one byte; the trap stands after it

void on_trap(int, siginfo_t*, void* context) {
  auto& rip = static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP];
  const auto address = static_cast<uintptr_t>(rip) - 1;
  const auto it = std::lower_bound(watched.starts.begin(), watched.starts.end(), address);
  if (it == watched.starts.end() || *it != address) {  // somebody else's: as if we were not here
    signal(SIGTRAP, SIG_DFL);
    raise(SIGTRAP);
    return;
  }
  auto* byte = reinterpret_cast<volatile uint8_t*>(address);
  if (*byte == kBreakpoint) {  // else another thread was faster
    *byte = watched.original[static_cast<size_t>(it - watched.starts.begin())];
    watched.first_reached();
  }
  rip = static_cast<greg_t>(address);
}

/// .eh_frame_hdr, version 1 with a table: (function start, frame description) pairs, each 32 bits and
/// relative to the header. Linux Standard Base, "The .eh_frame_hdr section".
int collect(dl_phdr_info* info, size_t, void*) {
  if (!info->dlpi_name || !std::strstr(info->dlpi_name, watched.library)) return 0;
  const uint8_t* header = nullptr;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    const uintptr_t at = info->dlpi_addr + segment.p_vaddr;
    if (segment.p_type == PT_GNU_EH_FRAME) header = reinterpret_cast<const uint8_t*>(at);
    if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X))
      watched.begin = at, watched.end = at + segment.p_memsz;
  }
  constexpr uint8_t kCountIsUnsigned32 = 0x03, kTableIsRelative32 = 0x3B;
  if (!header || header[0] != 1 || header[2] != kCountIsUnsigned32 || header[3] != kTableIsRelative32)
    return 1;
  const auto word = [&](size_t offset) {
    int32_t value;
    std::memcpy(&value, header + offset, sizeof value);
    return value;
  };
  const auto count = static_cast<uint32_t>(word(8));
  for (size_t i = 0; i < count; ++i) {
    const auto start =
        reinterpret_cast<uintptr_t>(header) + static_cast<uintptr_t>(static_cast<intptr_t>(word(12 + 8 * i)));
    if (start >= watched.begin && start < watched.end) watched.starts.push_back(start);
  }
  return 1;
}

}  // namespace

size_t watch_functions(const char* library, void (*first_reached)()) {
  watched.library = library;
  watched.first_reached = first_reached;
  dl_iterate_phdr(collect, nullptr);
  auto& starts = watched.starts;
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  struct sigaction action = {};
  action.sa_sigaction = on_trap;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  if (starts.empty() || sigaction(SIGTRAP, &action, nullptr) != 0) return 0;
  const auto page = static_cast<uintptr_t>(sysconf(_SC_PAGESIZE));
  const uintptr_t begin = watched.begin & ~(page - 1);
  if (mprotect(reinterpret_cast<void*>(begin), watched.end - begin, PROT_READ | PROT_WRITE | PROT_EXEC) != 0)
    return 0;
  watched.original.resize(starts.size());
  for (size_t i = 0; i < starts.size(); ++i) {
    auto* byte = reinterpret_cast<uint8_t*>(starts[i]);
    watched.original[i] = *byte;
    *byte = kBreakpoint;
  }
  return starts.size();
}

}  // namespace dtypefuzz

#else
namespace dtypefuzz {
size_t watch_functions(const char*, void (*)()) {
  return 0;
}
}  // namespace dtypefuzz
#endif
