#pragma once
#include <atomic>
#include <cstdint>

#include "dtypefuzz/check.h"

namespace dtypefuzz {

/// What a process has beyond its limits to end itself, before its parent does.
constexpr double kGraceSeconds = 5;

/// Why a process ended, where its exit status does not say it.
enum class EndedBy : uint8_t { status, hang, memory, foreign_exception };

/// What a process leaves behind when it dies, in memory that its parent sees.
struct Remains {
  std::atomic<double> since{0};       ///< when the case in flight began, by `now()`; 0: none is in flight
  std::atomic<uint64_t> position{0};  ///< how far it came, see harness/run/position.h
  std::atomic<EndedBy> cause{EndedBy::status};
  std::atomic<uint32_t> depth{0};  ///< how many frames were written
  uintptr_t frames[64];            ///< of the native stack where it ended, the innermost first
  char thrown[256];                ///< the exception that ended it, as text; empty: none
  std::atomic<uint32_t> map_length{0};
  char map[16 * 1024];  ///< where its code lies, as /proc/self/maps tells; empty: where the parent's does

  void begin();
  void end() { since = 0; }
};
/// Seconds of the steady clock, which all processes of a machine share.
double now();

/// From here on this process ends when its case takes more than the limits, and whatever ends it (a signal,
/// an exception that nobody catches, a limit) leaves a stack in `remains`. Once a process, on the thread that
/// runs cases. `own_map`: it does not lie where its parent does, so that it has to say where.
void guard_process(Remains& remains, const Limits& limits, bool own_map = false);

/// For a process that was forked to run cases: prepares it as every one of ours is, guards it, and has its
/// runs write where they are into `remains`. `within_backward`: as write_positions_to says.
void begin_cases(Remains& remains, const Limits& limits, bool within_backward = false);

/// Whether this process has grown to half of what it may take: time for another one, so that no case is
/// blamed for what those before it have left.
bool grown_large();

/// Calls `work` as if nothing had called it. An exception that it lets out finds no handler and ends the
/// process at once, with the stack still as it was where it was thrown.
template <class Work>
[[gnu::noinline]] void outermost(Work&& work) {
#if defined(__x86_64__) && defined(__ELF__)
  asm volatile(".cfi_undefined rip");  // the unwinder's mark for the end of a stack
#endif
  work();
  asm volatile("");  // no tail call: the frame has to be there
}

}  // namespace dtypefuzz
