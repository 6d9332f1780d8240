// One file a command; each adds itself to the command line and sets the exit code.
#pragma once
#include <CLI/CLI.hpp>
#include <atomic>
#include <filesystem>
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
void add_new(CLI::App&, int& code);

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
/// The folder above the one that this program lies in.
std::filesystem::path checkout();
/// `corpus/findings` and the like: below the working directory, or in the checkout that this program was
/// built in.
std::string of_checkout(const std::string& path);
inline constexpr const char* kFindings = "corpus/findings";
/// The baseline of a directory. Where that is the usual one and it is nowhere, an Error that says where it
/// was looked for.
Baseline baseline_of(const std::string& directory, const Space&);
/// A finding as text or as a line.
void print_entry(const Entry&, const Space&, bool json);
/// `new`, `place`, `open` or `none`; an Error otherwise.
FailOn fail_on_of(const std::string& text);
/// Seconds of `60s`, `10m`, `2h` or a bare number; an Error that names the option otherwise.
double seconds_of(std::string_view option, const std::string& text);
/// A whole number within bounds; an Error that names the option otherwise.
uint64_t number_of(std::string_view option, const std::string& text, uint64_t least, uint64_t most);
/// How often SIGINT or SIGTERM came since: the first time the command ends cleanly, the second time it ends
/// at once. `closed_output_too`: so it ends where nobody reads its output any more.
const std::atomic<int>& interrupts_from_now_on(bool closed_output_too = false);
/// The last signal that asked the command to end; 0: none has. Its exit code is 128 and that.
int ended_by();

}  // namespace dtypefuzz
