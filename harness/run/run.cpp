#include "harness/run/run.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "harness/run/position.h"
#include "harness/run/session.h"
#include "harness/run/slate.h"

namespace dtypefuzz {
namespace {

/// Whose backward it was that threw; where no gradient came to any layer, whatever gave the roots.
Culprit culprit_of_backward(const Plan& plan, int reached) {
  if (reached >= 0) return {Culprit::kLayer, reached};
  if (plan.loss) return {Culprit::kLoss};
  return {Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
}

/// Whether it has to be looked at once more: who changed something, or what a stage that threw had changed.
bool wants_traces(const Observation& seen) {
  if (!seen.changes.empty()) return true;
  if (!seen.error) return false;
  const Phase phase = seen.error->phase;
  return phase >= Phase::backward || phase == Phase::convert || phase == Phase::load ||
         phase == Phase::flatten || !seen.traces.empty();
}

/// The same run again, with hooks that say whose backward it is, and with stamps at the entry of each call
/// and stage: what was changed before (weights that `max_norm` renormalizes) is no trace of a later refusal.
void run_again_traced(const Plan& plan, Stock* stock, Observation& seen) {
  const CleanSlate slate(plan);
  Session traced(plan, {.traces = true}, stock);
  const Observation again = traced.go();
  if (again.error.has_value() != seen.error.has_value()) return;
  if (!again.changes.empty()) seen.changes = again.changes;
  if (!seen.error || again.error->phase != seen.error->phase) return;
  seen.traces = again.traces;
  if (seen.error->phase == Phase::backward)
    seen.error->culprit = culprit_of_backward(plan, traced.reached_backward());
}

/// What LibTorch has for a device beside the library that everything links, so that nobody pays for it who
/// asks for other devices.
bool loads_kernels(at::DeviceType type) {
  return type == at::kCUDA && dlopen("libtorch_cuda.so", RTLD_LAZY | RTLD_GLOBAL) &&
         c10::impl::hasDeviceGuardImpl(type);
}

/// In a process of its own: counting starts CUDA's runtime, and no process that is forked after that can use
/// it.
bool counts_devices(at::DeviceType type) {
  const pid_t child = fork();
  if (child == 0) _exit(c10::impl::getDeviceGuardImpl(type)->deviceCount() > 0 ? 0 : 1);
  int status = 1;
  while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// What a kernel does wrong on CUDA shows later, and from then on nothing works there in this process: that
/// ends with the case whose doing it was, and the next one is not blamed.
void require_to_work(Device device) noexcept {
  if (device->type == at::kCUDA) c10::impl::getDeviceGuardImpl(at::kCUDA)->synchronizeDevice(0);
}

}  // namespace

bool device_in_reach(Device device) {
  const auto type = device->type;
  if (device == kCpu || device == kMeta) return true;
  static std::map<at::DeviceType, bool> there;
  const auto [known, is_new] = there.try_emplace(type, false);
  if (is_new)
    known->second = (c10::impl::hasDeviceGuardImpl(type) || loads_kernels(type)) && counts_devices(type);
  return known->second;
}

namespace {

Observation run(const Plan& plan, Stock* stock, Session::Looks looks) {
  Observation seen;
  if (!device_in_reach(plan.device)) {
    seen.not_applicable = "no " + std::string(to_string(plan.device)) + " device here";
    return seen;
  }
  begin_positions(plan.device, plan.autocast);
  {
    const CleanSlate slate(plan);
    looks.traces = traces_positions_within_backward();
    seen = Session(plan, looks, stock).go();
  }
  require_to_work(plan.device);
  if (!looks.forward_alone && wants_traces(seen)) run_again_traced(plan, stock, seen);
  return seen;
}

}  // namespace

Observation run(const Plan& plan, Stock* stock) {
  return run(plan, stock, Session::Looks{});
}

Observation run_compared(const Plan& plan) {
  return run(plan, nullptr, {.compares = true});
}

Observation run_forward(const Plan& plan) {
  return run(plan, nullptr, {.forward_alone = true});
}

}  // namespace dtypefuzz
