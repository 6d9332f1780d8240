// The command: arguments in, exit codes out, which help.cpp tells.
#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/cli/help.h"
#include "harness/cli/screen.h"
#include "harness/core/text.h"
#include "harness/core/words.h"
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
  for (const auto& unknown : app.remaining(/*recurse=*/true))
    if (word.empty() || (unknown.starts_with('-') && !word.starts_with('-'))) word = unknown;
  if (!word.empty()) {
    std::vector<std::string> offered;
    const bool is_option = word.starts_with('-');
    if (is_option)
      for (const CLI::App* each = command; each; each = each->get_parent())
        for (const CLI::Option* option : each->get_options())
          for (const auto& name : option->get_lnames()) offered.push_back(name);
    else
      for (const CLI::App* each : command->get_subcommands({})) offered.push_back(each->get_name());
    std::string_view given = word;
    while (is_option && given.starts_with('-')) given.remove_prefix(1);
    const auto meant = nearest(given.substr(0, given.find('=')), offered);
    what = fmt::format(
        "{} '{}'{}",
        is_option         ? "unknown option"
        : offered.empty() ? "did not expect"
                          : "unknown command",
        word, meant.empty() ? "" : fmt::format(", did you mean '{}{}'?", is_option ? "--" : "", meant));
  } else if (!command->get_subcommands({}).empty()) {
    what = "expected a command";
  }
  return fmt::format("{}; see '{} --help'", what, path);
}

/// What was printed may still be on its way, to a disk that is full.
int flushed(int code) {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && !std::ferror(stdout) && std::cout.good()) return code;
  if (errno == EPIPE || ended_by() == SIGPIPE) return 128 + SIGPIPE;  // nobody reads on, who would?
  // The write that failed may be long ago, and its reason forgotten: it is asked for with one more.
  if (write(STDOUT_FILENO, "\n", 1) == 1) errno = EIO;
  fmt::print(stderr, "dtypefuzz: stdout: {}\n", std::strerror(errno));
  return Error::kEnvironment;
}

int run_command(int argc, char** argv) {
  CLI::App app{"dtypefuzz: finds where LibTorch breaks its promises about dtypes"};
  app.require_subcommand(1);
  app.set_version_flag("-V,--version", [] {
    return fmt::format("dtypefuzz {} (LibTorch {}, ABI {}, {})", build_info::kVersion,
                       build_info::kLibTorchVersion, _GLIBCXX_USE_CXX11_ABI ? "C++11" : "before C++11",
                       cpu_capability());
  });
  int code = 0;
  for (const auto add : {add_fuzz, add_replay, add_minimize, add_atlas, add_diff, add_report, add_list,
                         add_show, add_new, add_corpus, add_doctor, add_bench, add_faults})
    add(app, code);
  add_help(app);
  dress(app);
  app.add_flag_callback(
         "-q,--quiet", [] { set_quiet(true); }, "no progress line; of replay, what differs or violates alone")
      ->trigger_on_parse();
  app.add_option_function<std::string>("--color", set_colors, "auto, always or never")
      ->type_name("WHEN")
      ->trigger_on_parse();
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
    return dtypefuzz::flushed(dtypefuzz::run_command(argc, argv));
  } catch (const std::exception&) {  // stderr is on a full disk: there is nobody left to tell
    return dtypefuzz::Error::kEnvironment;
  }
}
