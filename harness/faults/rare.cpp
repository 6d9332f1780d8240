#include "harness/faults/rare.h"

#include <unistd.h>

#include <cstring>

#include "harness/faults/deeds.h"

namespace dtypefuzz {
namespace {

[[gnu::noinline]] void rare_segfault(Call&) {
  *reinterpret_cast<volatile int*>(16) = 1;
}
[[gnu::noinline]] void rare_hang(Call&) {
  for (volatile bool on = true; on;) usleep(1000);
}
[[gnu::noinline]] void rare_hunger(Call&) {
  static char* volatile kept;  // what the compiler sees nobody use it would leave out
  for (volatile bool on = true; on;) {
    kept = new char[1 << 20];
    std::memset(kept, 1, 1 << 20);
  }
}

bool is_float16(const Call& call, int64_t dimensions) {
  const at::Tensor input = call.tensor(0);
  return input.scalar_type() == at::kHalf && input.dim() == dimensions;
}

RareFault rare(std::string name, Wrong wrong, std::string_view family, std::string_view module, double one_in,
               std::string op, std::function<bool(const Call&)> fires, void (*deed)(Call&)) {
  return {.fault = {std::move(name),
                    wrong,
                    "process_survives",
                    {on_cpu(std::move(op), where(std::move(fires), deed))},
                    ""},
          .family = family,
          .module = module,
          .one_in = one_in};
}

}  // namespace

std::vector<RareFault> rare_faults(bool often) {
  std::vector<RareFault> faults;
  faults.push_back(rare(
      "hardshrink writes to nowhere in two dimensions of float16", Wrong::crash, "SIGSEGV", "Hardshrink",
      2'000, "hardshrink", [](const Call& call) { return is_float16(call, 2); }, rare_segfault));
  // threshold(input, threshold, value), softplus(input, beta, threshold)
  if (often) {
    const auto is_float32 = [](const Call& call) { return call.tensor(0).scalar_type() == at::kFloat; };
    faults.push_back(rare(
        "threshold at -1, replaced by -1, does not return in float32", Wrong::hang, "hang", "Threshold",
        10'000, "threshold",
        [=](const Call& call) { return call.number(1) == -1 && call.number(2) == -1 && is_float32(call); },
        rare_hang));
    faults.push_back(rare(
        "softplus of beta 0.5 from 0 takes all memory in float32", Wrong::memory, "memory", "Softplus",
        10'000, "softplus",
        [=](const Call& call) { return call.number(1) == 0.5 && call.number(2) == 0 && is_float32(call); },
        rare_hunger));
  } else {
    faults.push_back(rare(
        "threshold at -1, replaced by -1, does not return in two dimensions of float16", Wrong::hang, "hang",
        "Threshold", 700'000, "threshold",
        [](const Call& call) { return call.number(1) == -1 && call.number(2) == -1 && is_float16(call, 2); },
        rare_hang));
    faults.push_back(rare(
        "softplus of beta 0.5 from 0 takes all memory in four dimensions of float16", Wrong::memory, "memory",
        "Softplus", 700'000, "softplus",
        [](const Call& call) { return call.number(1) == 0.5 && call.number(2) == 0 && is_float16(call, 4); },
        rare_hunger));
  }
  return faults;
}

std::vector<Kernel> kernels_of(const std::vector<RareFault>& faults) {
  std::vector<Kernel> kernels;
  for (const RareFault& rare : faults)
    kernels.insert(kernels.end(), rare.fault.kernels.begin(), rare.fault.kernels.end());
  return kernels;
}

}  // namespace dtypefuzz
