#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "harness/files/case_file.h"

namespace dtypefuzz {

/// `libtorch-2.13.0-cpu`: what `[seen]` lines are kept under, followed by `-` and a capability where the
/// verdict depends on the CPU.
std::string seen_key(std::string_view capability = {});
/// The instruction sets that oneDNN picks kernels by, in its own names, lowest first, up to what this CPU
/// has. Source: https://uxlfoundation.github.io/oneDNN/dev_guide_cpu_dispatcher_control.html
std::vector<std::string> cpu_capabilities();
/// The one in force: the CPU's, lowered by ONEDNN_MAX_CPU_ISA; `+DEFAULT` and the like where
/// ATEN_CPU_CAPABILITY lowers the other kernels.
std::string cpu_capability();
/// The line that speaks for this LibTorch and CPU; null where none does.
const Seen* seen_here(const CaseFile&);

}  // namespace dtypefuzz
