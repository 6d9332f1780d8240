#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <iostream>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/core/text.h"
#include "harness/files/case_file.h"
#include "harness/report/lines.h"
#include "harness/report/text.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(std::string_view option, const std::string& given,
                         const std::vector<std::string>& offered, std::string_view list) {
  const auto meant = nearest(given, offered);
  fail("{} '{}': unknown{}; see '{} list {}'", option, given,
       meant.empty() ? "" : fmt::format(", did you mean '{}'?", meant), own_path(), list);
}

}  // namespace

void SpaceOptions::add_to(CLI::App& command) {
  command.add_option("--modules", modules, "names or globs, losses too: Linear,Conv*")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--dtypes", dtypes, "dtypes to draw from: float32,bfloat16")
      ->delimiter(',')
      ->allow_extra_args(false);
  command.add_option("--devices", devices, "cpu, meta, cuda")->delimiter(',')->allow_extra_args(false);
}

Space SpaceOptions::space(const Space& whole) const {
  Space space = whole;
  std::erase_if(space.devices, [](Device device) { return !device_in_reach(device); });
  if (!modules.empty()) {
    std::vector<std::string> names;
    for (const auto* rows : {&space.modules, &space.losses})
      for (const Row* row : *rows) names.emplace_back(row->name);
    for (const auto& wanted : modules)
      if (std::none_of(names.begin(), names.end(), [&](auto& name) { return glob(wanted, name); }))
        refuse("--modules", wanted, names, "modules");
    const auto unwanted = [&](const Row* row) {
      return std::none_of(modules.begin(), modules.end(),
                          [&](auto& wanted) { return glob(wanted, row->name); });
    };
    for (auto* rows : {&space.modules, &space.losses})
      if (only_named || !std::all_of(rows->begin(), rows->end(), unwanted)) std::erase_if(*rows, unwanted);
  }
  if (!dtypes.empty()) {
    std::vector<std::string> names;
    for (const Dtype dtype : space.dtypes) names.emplace_back(name_of(dtype));
    space.dtypes.clear();
    for (const auto& wanted : dtypes) {
      const auto dtype = parse_dtype(wanted);
      if (!dtype) refuse("--dtypes", wanted, names, "dtypes");
      space.dtypes.push_back(*dtype);
    }
  }
  if (!devices.empty()) {
    std::vector<Device> chosen;
    for (const auto& wanted : devices) {
      const auto it = std::find_if(space.devices.begin(), space.devices.end(),
                                   [&](Device d) { return to_string(d) == wanted; });
      if (it == space.devices.end())
        fail("--devices '{}': not in reach here; see '{} list devices'", wanted, own_path());
      chosen.push_back(*it);
    }
    space.devices = chosen;
  }
  return space;
}

void print_json(std::string_view type, const Json& fields) {
  std::cout << json_line(type, fields) << std::flush;
}

std::string own_path() {
  std::error_code error;
  // A program that was built anew while it runs is "(deleted)", and its path names the new one.
  std::string link = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (constexpr std::string_view kGone = " (deleted)"; link.ends_with(kGone))
    link.resize(link.size() - kGone.size());
  const std::filesystem::path self = link;
  const auto near = std::filesystem::proximate(self, error);
  return !error && !near.empty() && *near.begin() != ".." ? near.string() : self.string();
}

std::string of_checkout(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  const auto there = self.parent_path().parent_path() / path;
  return !error && std::filesystem::exists(there, error) ? there.string() : path;
}

void print_entry(const Entry& entry, const Space& space, bool json) {
  if (json) return print_json("finding", to_json(entry));
  fmt::print("{}", text_of(entry, space, own_path()));
  std::fflush(stdout);
}

FailOn fail_on_of(const std::string& text) {
  if (text == "cause") return FailOn::cause;
  if (text == "place") return FailOn::place;
  fail("--fail-on '{}': expected cause or place", text);
}

double seconds_of(std::string_view option, const std::string& text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  const std::string_view unit(parsed.ptr, static_cast<size_t>(end - parsed.ptr));
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (parsed.ec != std::errc() || factor == 0 || !(value > 0) || value * factor > 1e9)
    fail("{} '{}': expected more than zero, as 60s, 10m or 2h", option, text);
  return value * factor;
}

uint64_t number_of(std::string_view option, const std::string& text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || value < least || value > most)
    fail("{} '{}': expected a whole number from {} to {}", option, text, least, most);
  return value;
}

const std::atomic<int>& interrupts_from_now_on() {
  static std::atomic<int> interrupts{0};
  for (const int end : {SIGINT, SIGTERM})
    signal(end, [](int) {
      if (++interrupts > 1) _exit(130);
    });
  return interrupts;
}

}  // namespace dtypefuzz
