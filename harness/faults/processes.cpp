// What ends the process, or would never end.
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

constexpr std::string_view kProperty = "process_survives";

[[gnu::noinline]] void planted_segfault(Call&) {
  *reinterpret_cast<volatile int*>(16) = 1;
}
[[gnu::noinline]] void planted_abort(Call&) {
  std::abort();
}
[[gnu::noinline]] void planted_exit(Call&) {
  std::exit(0);
}
[[gnu::noinline]] void planted_throw(Call&) {
  throw 42;
}
[[gnu::noinline]] void planted_overflow(Call& call) {
  volatile char room[4096];
  room[0] = 1;
  if (room[0]) planted_overflow(call);
  room[1] = 1;  // so that no loop is made of it
}
[[gnu::noinline]] void planted_hang(Call&) {
  for (volatile bool on = true; on;) usleep(1000);
}
[[gnu::noinline]] void planted_spin(Call&) {
  for (volatile bool on = true; on;) {
  }
}
[[gnu::noinline]] void planted_hunger(Call&) {
  static char* volatile kept;  // what the compiler sees nobody use it would leave out
  for (volatile bool on = true; on;) {
    kept = new char[1 << 20];
    std::memset(kept, 1, 1 << 20);
  }
}
[[gnu::noinline]] void planted_greed(Call&) {
  at::empty({int64_t{1} << 46});
}

Does in_bfloat16(Does does) {
  return where([](const Call& call) { return any_has(call, at::kBFloat16); }, std::move(does));
}
Does in_no_grad(Does does) {
  return where([](const Call&) { return !at::GradMode::is_enabled(); }, std::move(does));
}

}  // namespace

std::vector<Fault> faults_of_processes() {
  const auto one = [](Wrong wrong, std::string name, const char* op, Does does, const char* modules) {
    return Fault{std::move(name), wrong, kProperty, {on_cpu(op, std::move(does))}, modules};
  };
  return {
      one(Wrong::crash, "leaky_relu writes to nowhere", "leaky_relu", planted_segfault, "LeakyReLU"),
      one(Wrong::crash, "elu aborts in bfloat16", "elu", in_bfloat16(planted_abort), "ELU"),
      one(Wrong::crash, "softplus exits in bfloat16", "softplus", in_bfloat16(planted_exit), "Softplus"),
      one(Wrong::crash, "hardshrink throws a number", "hardshrink", planted_throw, "Hardshrink"),
      one(Wrong::crash, "silu calls itself for ever", "silu", planted_overflow, "SiLU"),
      one(Wrong::crash, "gelu_backward writes to nowhere", "gelu_backward", planted_segfault, "GELU,Linear"),
      one(Wrong::crash, "softmax writes to nowhere in no_grad", "_softmax", in_no_grad(planted_segfault),
          "Linear,Softmax"),
      one(Wrong::hang, "softshrink does not return", "softshrink", planted_hang, "Softshrink"),
      one(Wrong::hang, "mish spins in bfloat16", "mish", in_bfloat16(planted_spin), "Mish"),
      one(Wrong::hang, "the optimizers' addcdiv_ does not return", "addcdiv_", planted_hang, "Linear"),
      one(Wrong::memory, "log_sigmoid takes all memory", "log_sigmoid_forward", planted_hunger, "LogSigmoid"),
      one(Wrong::memory, "avg_pool2d takes all memory in bfloat16", "avg_pool2d", in_bfloat16(planted_hunger),
          "AvgPool2d"),
      one(Wrong::memory, "tanh asks for 256 TiB", "tanh", planted_greed, "Tanh"),
  };
}

}  // namespace dtypefuzz
