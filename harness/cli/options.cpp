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
#include "harness/cli/screen.h"
#include "harness/core/text.h"
#include "harness/core/words.h"
#include "harness/files/case_file.h"
#include "harness/report/lines.h"
#include "harness/report/text.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

[[noreturn]] void refuse(std::string_view option, const std::string& given,
                         const std::vector<std::string>& offered, std::string_view list) {
  fail("{} '{}': unknown{}; see '{} list {}'", option, given, did_you_mean(given, offered), own_path(), list);
}

}  // namespace

void SpaceOptions::add_to(CLI::App& command) {
  const auto add = [&](const char* name, std::vector<std::string>& into, const char* help, const char* kind) {
    command.add_option(name, into, help)->delimiter(',')->allow_extra_args(false)->type_name(kind);
  };
  add("--modules", modules, "names or globs, losses too: Linear,Conv*", "MODULES");
  add("--dtypes", dtypes, "dtypes to draw from: float32,bfloat16", "DTYPES");
  add("--devices", devices, "cpu, meta, cuda", "DEVICES");
}

Space SpaceOptions::space(const Space& whole) const {
  Space space = whole;
  std::erase_if(space.devices, [](Device device) { return !device_in_reach(device); });
  if (!modules.empty()) {
    std::vector<std::string> names;
    for (const auto* rows : {&space.modules, &space.losses})
      for (const Row* row : *rows) names.emplace_back(row->name);
    std::vector<std::string> globs;
    for (const auto& wanted : modules) {
      globs.push_back(spelled(wanted, names).value_or(wanted));
      if (std::ranges::none_of(names, [&](auto& name) { return glob(globs.back(), name); }))
        refuse("--modules", wanted, names, "modules");
    }
    const auto unwanted = [&](const Row* row) {
      return std::ranges::none_of(globs, [&](auto& wanted) { return glob(wanted, row->name); });
    };
    for (auto* rows : {&space.modules, &space.losses})
      if (only_named || !std::all_of(rows->begin(), rows->end(), unwanted)) std::erase_if(*rows, unwanted);
  }
  if (!dtypes.empty()) {
    std::vector<std::string> names;
    for (const Dtype dtype : space.dtypes) names.emplace_back(name_of(dtype));
    space.dtypes.clear();
    for (const auto& wanted : dtypes) {
      const auto dtype = dtype_called(wanted);
      if (!dtype) refuse("--dtypes", wanted, names, "dtypes");
      if (std::ranges::find(space.dtypes, *dtype) == space.dtypes.end()) space.dtypes.push_back(*dtype);
    }
  }
  if (!devices.empty()) {
    std::vector<Device> chosen;
    for (const auto& wanted : devices) {
      const auto it = std::find_if(space.devices.begin(), space.devices.end(),
                                   [&](Device d) { return to_string(d) == wanted; });
      if (it == space.devices.end()) {
        std::vector<std::string> names;
        for (const Device device : whole.devices) names.emplace_back(to_string(device));
        if (std::ranges::find(names, wanted) == names.end()) refuse("--devices", wanted, names, "devices");
        fail("--devices '{}': not in reach here; see '{} list devices'", wanted, own_path());
      }
      if (std::ranges::find(chosen, *it) == chosen.end()) chosen.push_back(*it);
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

std::filesystem::path checkout() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().parent_path();
}

std::string of_checkout(const std::string& path) {
  std::error_code error;
  if (std::filesystem::exists(path, error)) return path;
  const auto there = checkout() / path;
  return !error && std::filesystem::exists(there, error) ? there.string() : path;
}

void print_entry(const Entry& entry, const Space& space, bool json) {
  if (json) return print_json("finding", to_json(entry));
  std::string text = text_of(entry, space, own_path());
  const Severity severity = entry.finding.violation.severity;
  if (const auto at = text.find(fmt::format("({}): ", to_string(severity))); at != std::string::npos)
    text.replace(at + 1, to_string(severity).size(), painted(severity, STDOUT_FILENO));
  fmt::print("{}", text);
  std::fflush(stdout);
}

Baseline baseline_of(const std::string& directory, const Space& space) {
  std::error_code error;
  if (directory != kFindings || std::filesystem::exists(directory, error))
    return load_baseline(directory, space);
  fail(
      "{}: no such directory here, nor beside the folder of this program ({}); name a directory of known "
      "findings with --baseline, or none",
      directory, checkout().string());
}

FailOn fail_on_of(const std::string& text) {
  constexpr std::pair<std::string_view, FailOn> kWords[] = {
      {"new", FailOn::fresh}, {"place", FailOn::place}, {"open", FailOn::open}, {"none", FailOn::none}};
  std::vector<std::string> offered;
  for (const auto& [word, fail_on] : kWords) {
    if (word == text) return fail_on;
    offered.emplace_back(word);
  }
  fail("--fail-on '{}': expected {}{}", text, fmt::join(offered, ", "), did_you_mean(text, offered));
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

namespace {

std::atomic<int> interrupts{0}, ending_signal{0};
pid_t interrupted_process = 0;

void interrupt(int signal_number) {
  if (getpid() != interrupted_process) {  // one of its children
    signal(signal_number, SIG_DFL);
    raise(signal_number);
    return;
  }
  ending_signal = signal_number;
  if (++interrupts > 1 && signal_number != SIGPIPE) _exit(128 + signal_number);
}

}  // namespace

const std::atomic<int>& interrupts_from_now_on(bool closed_output_too) {
  interrupted_process = getpid();
  for (const int end : {SIGINT, SIGTERM}) signal(end, interrupt);
  if (closed_output_too) signal(SIGPIPE, interrupt);
  return interrupts;
}

int ended_by() {
  return ending_signal;
}

}  // namespace dtypefuzz
