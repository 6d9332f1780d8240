// One file a command; each adds itself to the command line and sets the exit code.
#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "generators/stack.h"
#include "harness/report/report.h"

namespace dtypefuzz {

void add_fuzz(CLI::App&, int& code);
void add_replay(CLI::App&, int& code);
void add_minimize(CLI::App&, int& code);
void add_list(CLI::App&, int& code);
void add_corpus(CLI::App&, int& code);
void add_doctor(CLI::App&, int& code);
void add_bench(CLI::App&, int& code);
void add_atlas(CLI::App&, int& code);
void add_diff(CLI::App&, int& code);
void add_report(CLI::App&, int& code);
void add_faults(CLI::App&, int& code);
void add_show(CLI::App&, int& code);

// What several commands need

/// `--modules`, `--dtypes`, `--devices`.
struct SpaceOptions {
  std::vector<std::string> modules, dtypes, devices;
  /// Whether what `modules` does not name is left out altogether. Else modules by name are run with every
  /// loss, and losses by name behind every module.
  bool only_named = false;
  void add_to(CLI::App&);
  /// An Error that names what is unknown and what was meant.
  Space space(const Space& whole) const;
};

/// A cause of the baseline: `cause`, `title`, `upstream`, `where`, `places`, `folder`.
nlohmann::json to_json(const KnownCause&);
/// One JSON line on stdout: `type` and `schema` are put in front of the fields.
void print_json(std::string_view type, const nlohmann::json& fields);
/// How a person calls this program from where they are: `build/dtypefuzz`.
std::string own_path();
/// `corpus/findings` and the like: below the working directory, or in the checkout that this program was
/// built in.
std::string of_checkout(const std::string& path);
/// A finding as text or as a line.
void print_entry(const Entry&, const Space&, bool json);
/// `cause` or `place`; an Error otherwise.
FailOn fail_on_of(const std::string& text);
/// Seconds of `60s`, `10m`, `2h` or a bare number; an Error that names the option otherwise.
double seconds_of(std::string_view option, const std::string& text);
/// A whole number within bounds; an Error that names the option otherwise.
uint64_t number_of(std::string_view option, const std::string& text, uint64_t least, uint64_t most);
/// How often Ctrl-C was pressed since: the first time the command ends cleanly, the second time it ends at
/// once.
const std::atomic<int>& interrupts_from_now_on();

}  // namespace dtypefuzz
