// The command: arguments in, exit codes out. 0 clean, 1 new findings, 2 usage or bad file, 3 environment,
// 130 interrupted.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/core/text.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

/// Where one of these is closed, the next file that is opened would take its number, and a report would be
/// written into a campaign's own files. Reading and writing fail as before; what goes to stderr is lost.
void keep_standard_streams_apart() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(stream, F_GETFD) < 0 && errno == EBADF)
      if (open("/dev/null", stream == STDOUT_FILENO ? O_RDONLY : O_WRONLY) < 0) _exit(Error::kEnvironment);
}

/// What is wrong with the command line, in one line with the word and the next step.
std::string in_words(const CLI::App& app, const CLI::ParseError& e) {
  const CLI::App* command = &app;
  std::string path = own_path();
  while (!command->get_subcommands().empty()) {
    command = command->get_subcommands().front();
    path += " " + command->get_name();
  }
  std::string word, what = e.what();
  for (const auto& unknown : command->remaining())
    if (word.empty() || (unknown.starts_with('-') && !word.starts_with('-'))) word = unknown;
  if (!word.empty()) {
    std::vector<std::string> offered;
    const bool is_option = word.starts_with('-');
    if (is_option)
      for (const CLI::Option* option : command->get_options())
        for (const auto& name : option->get_lnames()) offered.push_back("--" + name);
    else
      for (const CLI::App* each : command->get_subcommands({})) offered.push_back(each->get_name());
    const auto meant = nearest(word.substr(0, word.find('=')), offered);
    what = fmt::format("{} '{}'{}",
                       is_option         ? "unknown option"
                       : offered.empty() ? "did not expect"
                                         : "unknown command",
                       word, meant.empty() ? "" : fmt::format(", did you mean '{}'?", meant));
  } else if (!command->get_subcommands({}).empty()) {
    what = "expected a command";
  }
  return fmt::format("{}; see '{} --help'", what, path);
}

/// What was printed may still be on its way, to a disk that is full.
int flushed(int code) {
  std::cout.flush();
  if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good()) return code;
  fmt::print(stderr, "dtypefuzz: stdout: {}\n", std::strerror(errno));
  return Error::kEnvironment;
}

int run(int argc, char** argv) {
  CLI::App app{"dtypefuzz: finds where LibTorch breaks its promises about dtypes"};
  app.require_subcommand(1);
  app.set_version_flag("--version", [] {
    return fmt::format("dtypefuzz {} (LibTorch {}, ABI {}, {})", build_info::kVersion,
                       build_info::kLibTorchVersion, _GLIBCXX_USE_CXX11_ABI ? "C++11" : "before C++11",
                       cpu_capability());
  });
  int code = 0;
  for (const auto add : {add_fuzz, add_replay, add_minimize, add_atlas, add_diff, add_report, add_list,
                         add_show, add_corpus, add_doctor, add_bench, add_faults})
    add(app, code);
  const auto refuse = [](const std::string& text, int with) {
    fmt::print(stderr, "dtypefuzz: {}\n", as_text(text));
    return with;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return e.get_exit_code() == 0 ? app.exit(e) : refuse(in_words(app, e), Error::kUsage);
  } catch (const Error& e) {
    return refuse(e.what(), e.exit_code());
  } catch (const std::filesystem::filesystem_error& e) {
    return refuse(fmt::format("{}: {}", e.path1().string(), e.code().message()), Error::kEnvironment);
  } catch (const std::exception& e) {
    return refuse(fmt::format("{} (a defect of dtypefuzz itself; please report it)", e.what()),
                  Error::kEnvironment);
  }
  return code;
}

}  // namespace
}  // namespace dtypefuzz

int main(int argc, char** argv) {
  dtypefuzz::keep_standard_streams_apart();
  try {
    return dtypefuzz::flushed(dtypefuzz::run(argc, argv));
  } catch (const std::exception&) {  // stderr is on a full disk: there is nobody left to tell
    return dtypefuzz::Error::kEnvironment;
  }
}
