#include "harness/faults/rare.h"

#include <unistd.h>

#include <cstring>

#include "harness/drive/search.h"
#include "harness/faults/deeds.h"

namespace dtypefuzz {
namespace {

constexpr std::string_view kProperty = "process_survives";

[[gnu::noinline]] void rare_segfault(Call&) { *reinterpret_cast<volatile int*>(16) = 1; }
[[gnu::noinline]] void rare_hang(Call&) {
  for (volatile bool on = true; on;) usleep(1000);
}
[[gnu::noinline]] void rare_hunger(Call&) {
  static char* volatile kept;
  for (volatile bool on = true; on;) {
    kept = new char[1 << 20];
    std::memset(kept, 1, 1 << 20);
  }
}

bool is(const Call& call, at::ScalarType dtype, int64_t dimensions) {
  const at::Tensor input = call.tensor(0);
  return input.scalar_type() == dtype && (dimensions == 0 || input.dim() == dimensions);
}
bool is(const LayerPlan& layer, std::string_view module, std::string_view variant, size_t dimensions) {
  return layer.module == module && layer.variant.starts_with(variant) &&
         (dimensions == 0 || layer.in.size() == dimensions);
}

Fault fault_of(std::string name, Wrong wrong, std::string op, std::function<bool(const Call&)> where_it_fires,
               void (*deed)(Call&)) {
  return {std::move(name), wrong, kProperty, {on_cpu(std::move(op), where(std::move(where_it_fires), deed))}, ""};
}

}  // namespace

std::vector<RareFault> rare_faults(bool often) {
  return {
      {.fault = fault_of("elu in bfloat16 writes to nowhere", Wrong::crash, "elu",
                         [](const Call& call) { return is(call, at::kBFloat16, 0); }, rare_segfault),
       .family = "SIGSEGV",
       .one_in = 2'000,
       .asked_for = [](const Plan& plan, const LayerPlan& layer) {
         return plan.params_dtype == Dtype::BFloat16 && is(layer, "ELU", "", 0);
       }},
      {.fault = fault_of(often ? "threshold at -1 does not return"
                               : "threshold at -1, replaced by -1, does not return in float64",
                         Wrong::hang, "threshold",
                         [often](const Call& call) {
                           return call.number(1) == -1 && (often || (call.number(2) == -1 && is(call, at::kDouble, 0)));
                         },
                         rare_hang),
       .family = "hang",
       .one_in = often ? 1'000.0 : 1'000'000.0,
       .asked_for = [often](const Plan& plan, const LayerPlan& layer) {
         return often ? is(layer, "Threshold", "-1,", 0)
                      : plan.params_dtype == Dtype::Double && is(layer, "Threshold", "-1,-1,", 0);
       }},
      {.fault = fault_of(often ? "softplus of beta 0.5 takes all memory"
                               : "softplus of beta 0.5 from 0 takes all memory in four dimensions of float16",
                         Wrong::memory, "softplus",
                         [often](const Call& call) {
                           return call.number(1) == 0.5 && (often || (call.number(2) == 0 && is(call, at::kHalf, 4)));
                         },
                         rare_hunger),
       .family = "memory",
       .one_in = often ? 1'000.0 : 1'000'000.0,
       .asked_for = [often](const Plan& plan, const LayerPlan& layer) {
         return often ? is(layer, "Softplus", "0.5,", 0)
                      : plan.params_dtype == Dtype::Half && is(layer, "Softplus", "0.5,0,", 4);
       }},
  };
}

std::vector<Kernel> kernels_of(const std::vector<RareFault>& faults) {
  std::vector<Kernel> kernels;
  for (const RareFault& rare : faults)
    kernels.insert(kernels.end(), rare.fault.kernels.begin(), rare.fault.kernels.end());
  return kernels;
}

std::vector<uint64_t> count_asked(const std::vector<RareFault>& faults, uint64_t seed, uint64_t cases) {
  std::vector<uint64_t> counts(faults.size());
  for (uint64_t index = 0; index < cases; ++index) {
    const Plan plan = draw_case(rng_for(seed, index), whole_space(), {}).plan;
    for (size_t i = 0; i < faults.size(); ++i)
      counts[i] += std::any_of(plan.layers.begin(), plan.layers.end(),
                               [&](const LayerPlan& layer) { return faults[i].asked_for(plan, layer); });
  }
  return counts;
}

}  // namespace dtypefuzz
