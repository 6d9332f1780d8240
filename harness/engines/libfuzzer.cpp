#include <fcntl.h>
#include <fmt/format.h>
#include <sys/personality.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>

#include "dtypefuzz/error.h"
#include "harness/engines/makers.h"
#include "harness/files/files.h"

namespace dtypefuzz {

namespace fs = std::filesystem;

Engine libfuzzer_engine(const EngineOptions& options, const Space&) {
  const fs::path target = options.target.empty()
                              ? fs::read_symlink("/proc/self/exe").parent_path() / "dtype_fuzzer"
                              : fs::path(options.target);
  if (access(target.c_str(), X_OK) != 0)
    fail_environment("--engine libfuzzer: no {}; build with clang, or take --engine rapidcheck",
                     target.string());
  const auto temporary = options.folder.empty() ? std::make_shared<TemporaryFolder>() : nullptr;
  const fs::path folder = temporary ? temporary->path : fs::path(options.folder);
  const std::string corpus = options.corpus.empty() ? (folder / "inputs").string() : options.corpus;
  std::error_code error;
  fs::create_directories(corpus, error);
  if (error || access(corpus.c_str(), W_OK) != 0)
    fail_environment("--corpus {}: cannot be written; choose another directory", corpus);
  return [target, temporary, folder, corpus, seeds = options.seeds](Worker& worker) {
    // The parent hears of crashes and hangs by itself: libFuzzer's own handlers stay out of the way.
    std::vector<std::string> words = {target.string(), corpus};
    words.insert(words.end(), seeds.begin(), seeds.end());
    // Of the worker's start, not of its job: one that replaces another does not go the same way again.
    const auto seed = static_cast<uint32_t>(worker.settings().seed * 1000003 + worker.start() + 1);
    for (const auto* flag : {"handle_segv", "handle_bus", "handle_abrt", "handle_ill", "handle_fpe",
                             "handle_int", "handle_term", "handle_xfsz", "handle_usr1", "handle_usr2",
                             "detect_leaks", "rss_limit_mb", "timeout", "print_final_stats"})
      words.push_back(fmt::format("-{}=0", flag));
    words.push_back(fmt::format("-seed={}", seed == 0 ? 1 : seed));
    words.push_back("-max_len=65536");
    words.push_back("-len_control=0");
    // What other jobs have found is read now and then; with one job that would only tie it to the clock.
    words.push_back(fmt::format("-reload={}", worker.settings().jobs > 1 ? 1 : 0));
    words.push_back("-verbosity=0");
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    // Its own progress lines are kept out of ours, and so are the signal handlers of the runtime that comes
    // with it.
    const auto log = folder / fmt::format("libfuzzer-{}.log", worker.job());
    if (const int file = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644); file >= 0)
      dup2(file, STDERR_FILENO);
    setenv("UBSAN_OPTIONS", "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0",
           1);
    // Where memory lies decides which functions are entered for the first time (tables grow by address), and
    // so what guides: at the same addresses a seed goes the same way. Where that is not allowed, it mostly
    // does.
    if (const int now = personality(0xffffffff); now != -1)
      personality(static_cast<unsigned long>(now) | ADDR_NO_RANDOMIZE);
    setenv("DTYPEFUZZ_WORKER", worker.ticket().c_str(), 1);
    execv(target.c_str(), arguments.data());
    fail_environment("{}: cannot be started: {}", target.string(), std::strerror(errno));
  };
}

}  // namespace dtypefuzz
