#include "harness/files/seen.h"

#include <ATen/Version.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "dtypefuzz/build_info.h"

namespace dtypefuzz {

std::string seen_key(std::string_view capability) {
  const std::string version(build_info::kLibTorchVersion);
  return fmt::format("libtorch-{}-cpu{}{}", version.substr(0, version.find('+')),
                     capability.empty() ? "" : "-", capability);
}

std::vector<std::string> cpu_capabilities() {
  // Names of oneDNN, and the flag of /proc/cpuinfo that each needs beside those before it.
  constexpr std::pair<std::string_view, std::string_view> kLevels[] = {
      {"SSE41", "sse4_1"},
      {"AVX", "avx"},
      {"AVX2", "avx2"},
      {"AVX2_VNNI", "avx_vnni"},
      {"AVX512_CORE", "avx512dq"},
      {"AVX512_CORE_VNNI", "avx512_vnni"},
      {"AVX512_CORE_BF16", "avx512_bf16"},
      {"AVX512_CORE_FP16", "avx512_fp16"},
      {"AVX512_CORE_AMX", "amx_tile"},
      {"AVX512_CORE_AMX_FP16", "amx_fp16"},
  };
  std::ifstream info("/proc/cpuinfo");
  std::set<std::string> flags;
  for (std::string line; std::getline(info, line);)
    if (line.starts_with("flags")) {
      std::istringstream words(line);
      for (std::string word; words >> word;) flags.insert(word);
      break;
    }
  std::vector<std::string> names;
  for (const auto& [name, flag] : kLevels)
    if (flags.contains(std::string(flag))) names.emplace_back(name);
  return names;
}

std::string cpu_capability() {
  auto levels = cpu_capabilities();
  if (const char* most = std::getenv("ONEDNN_MAX_CPU_ISA")) {
    std::string wanted(most);
    for (char& c : wanted) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    const auto at = std::find(levels.begin(), levels.end(), wanted);
    if (at != levels.end()) levels.erase(at + 1, levels.end());
  }
  std::string capability = levels.empty() ? "none" : levels.back();
  if (std::getenv("ATEN_CPU_CAPABILITY")) capability += fmt::format("+{}", at::get_cpu_capability());
  return capability;
}

const Seen* seen_here(const CaseFile& file) {
  const Seen* general = nullptr;
  for (const Seen& seen : file.seen) {
    if (seen.key == seen_key(cpu_capability())) return &seen;
    if (seen.key == seen_key()) general = &seen;
  }
  return general;
}

}  // namespace dtypefuzz
