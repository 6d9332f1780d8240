#include "harness/isolate/guard.h"

#include <c10/util/Exception.h>
#include <cxxabi.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>
#include <unwind.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <typeinfo>

#include "harness/run/position.h"
#include "harness/run/prepare.h"

namespace dtypefuzz {
namespace {

/// What the handlers need; of one process.
struct Guard {
  Remains* remains = nullptr;
  Limits limits;
  int statm = -1;
  uint64_t page = 4096;
  std::atomic<bool> large{false};
};
Guard guard;

constexpr long kTickNanoseconds = 50'000'000;  // at 3 GB/s, the most one core fills, 150 MB over the limit

uintptr_t instruction_of(const void* context) {
  const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
  return static_cast<uintptr_t>(machine.gregs[REG_RIP]);
#elif defined(__aarch64__)
  return machine.pc;
#else
  return 0;
#endif
}

struct Walk {
  uintptr_t from;  ///< the instruction that was interrupted: frames above it are the handler's
  bool reached;
};

_Unwind_Reason_Code on_frame(_Unwind_Context* context, void* data) {
  Walk& walk = *static_cast<Walk*>(data);
  const uintptr_t at = _Unwind_GetIP(context);
  walk.reached = walk.reached || at == walk.from;
  if (!walk.reached) return _URC_NO_REASON;
  if (at == 0 && guard.remains->depth > 0) return _URC_END_OF_STACK;
  const uint32_t depth = guard.remains->depth;
  if (depth == std::size(guard.remains->frames)) return _URC_END_OF_STACK;
  guard.remains->frames[depth] = at;
  guard.remains->depth = depth + 1;  // frame by frame: the unwinder may fall over a broken stack
  return _URC_NO_REASON;
}

void write_stack(const void* context) {
  Remains& remains = *guard.remains;
  Walk walk{instruction_of(context), false};
  remains.depth = 0;
  _Unwind_Backtrace(on_frame, &walk);
  if (remains.depth > 1) return;
  // A call of no function: who called stands on the stack.
  remains.frames[0] = walk.from;
  remains.depth = 1;
#if defined(__x86_64__)
  const auto sp = static_cast<const ucontext_t*>(context)->uc_mcontext.gregs[REG_RSP];
  remains.frames[1] = *reinterpret_cast<const uintptr_t*>(sp);
  remains.depth = 2;
#endif
}

void on_fatal(int signal, siginfo_t*, void* context) {
  write_stack(context);
  raise(signal);  // the handler is used up: dies of it on return
}

[[noreturn]] void end_for(EndedBy cause, const void* context) {
  guard.remains->cause = cause;
  write_stack(context);
  kill(getpid(), SIGKILL);
  _exit(3);
}

/// Bytes that are in memory for this process alone. Async-signal-safe.
uint64_t own_bytes() {
  char text[128];
  const ssize_t n = pread(guard.statm, text, sizeof text - 1, 0);
  if (n <= 0) return 0;
  uint64_t fields[3] = {};  // size, resident, shared; in pages
  size_t field = 0;
  for (ssize_t i = 0; i < n && field < 3; ++i) {
    if (text[i] == ' ')
      ++field;
    else
      fields[field] = fields[field] * 10 + static_cast<uint64_t>(text[i] - '0');
  }
  return (fields[1] - std::min(fields[1], fields[2])) * guard.page;
}

void on_tick(int, siginfo_t*, void* context) {
  const int error = errno;
  const double since = guard.remains->since;
  if (since > 0 && now() - since > guard.limits.seconds) end_for(EndedBy::hang, context);
  const uint64_t bytes = own_bytes();
  guard.large = bytes > guard.limits.bytes / 2;
  if (since > 0 && bytes > guard.limits.bytes) end_for(EndedBy::memory, context);
  errno = error;
}

[[noreturn]] void on_terminate() {
  if (const std::type_info* type = abi::__cxa_current_exception_type()) {
    int status = 0;
    const char* name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
    const auto tell = [&](const char* message) {
      char* thrown = guard.remains->thrown;
      std::snprintf(thrown, sizeof guard.remains->thrown, "%s%s%s", name ? name : type->name(),
                    *message ? ": " : "", message);
      if (char* end = std::strchr(thrown, '\n')) *end = 0;
    };
    try {
      throw;
    } catch (const c10::Error& e) {
      tell(e.what_without_backtrace());
    } catch (const std::exception& e) {
      tell(e.what());
    } catch (...) {
      tell("");
      guard.remains->cause = EndedBy::foreign_exception;
    }
  }
  std::abort();
}

void write_map(Remains& remains) {
  remains.map_length = 0;
  uint32_t length = 0;
  std::FILE* maps = std::fopen("/proc/self/maps", "re");
  if (!maps) return;
  for (char line[1024]; std::fgets(line, sizeof line, maps);) {
    const size_t n = std::strlen(line);
    if (!std::strstr(line, "r-xp") && !std::strstr(line, "rwxp")) continue;  // no code
    if (length + n > sizeof remains.map) break;
    std::memcpy(remains.map + length, line, n);
    length += static_cast<uint32_t>(n);
  }
  std::fclose(maps);
  remains.map_length = length;
}

_Unwind_Reason_Code no_frame(_Unwind_Context*, void*) {
  return _URC_END_OF_STACK;
}

}  // namespace

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Remains::begin() {
  position = 0;
  cause = EndedBy::status;
  depth = 0;
  thrown[0] = 0;
  since = now();
}

void guard_process(Remains& remains, const Limits& limits, bool own_map) {
  guard.remains = &remains;
  guard.limits = limits;
  guard.page = static_cast<uint64_t>(sysconf(_SC_PAGESIZE));
  guard.statm = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  remains.end();
  if (own_map) write_map(remains);
  _Unwind_Backtrace(no_frame, nullptr);  // what it loads when first called, it loads now
  const rlimit no_core{0, 0};            // a campaign that is left alone would fill the disk
  setrlimit(RLIMIT_CORE, &no_core);
  std::set_terminate(on_terminate);

  static char stack[64 * 1024];  // a stack overflow leaves none to handle it on
  const stack_t alternate{.ss_sp = stack, .ss_flags = 0, .ss_size = sizeof stack};
  sigaltstack(&alternate, nullptr);
  const int tick = SIGRTMIN + 5;
  struct sigaction action = {};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, tick);
  action.sa_sigaction = on_fatal;
  action.sa_flags = static_cast<int>(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND);
  for (const int signal : {SIGSEGV, SIGABRT, SIGFPE, SIGBUS, SIGILL}) sigaction(signal, &action, nullptr);
  action.sa_sigaction = on_tick;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
  sigaction(tick, &action, nullptr);

  // To this thread and no other: its stack is asked for.
  sigevent event = {};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = tick;
  event._sigev_un._tid = static_cast<pid_t>(syscall(SYS_gettid));
  timer_t timer;
  if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0) return;  // the parent still ends what hangs
  const itimerspec every{.it_interval = {0, kTickNanoseconds}, .it_value = {0, kTickNanoseconds}};
  timer_settime(timer, 0, &every, nullptr);
}

void begin_cases(Remains& remains, const Limits& limits, bool within_backward) {
  guard_process(remains, limits);
  prepare_process();
  write_positions_to(&remains.position, within_backward);
}

bool grown_large() {
  return guard.large;
}

}  // namespace dtypefuzz
