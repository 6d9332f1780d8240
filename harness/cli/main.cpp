// The command: arguments in, exit codes out. 0 clean, 1 new findings, 2 usage or bad file, 3 environment,
// 130 interrupted.
#include <fmt/format.h>

#include "dtypefuzz/build_info.h"
#include "harness/cli/commands.h"
#include "harness/core/error.h"
#include "harness/drive/corpus.h"

int main(int argc, char** argv) {
  using namespace dtypefuzz;
  CLI::App app{"dtypefuzz: finds where LibTorch breaks its promises about dtypes"};
  app.require_subcommand(1);
  app.set_version_flag("--version", [] {
    return fmt::format("dtypefuzz {} (LibTorch {}, ABI {}, {})", build_info::kVersion,
                       build_info::kLibTorchVersion, _GLIBCXX_USE_CXX11_ABI ? "C++11" : "before C++11",
                       cpu_capability());
  });
  int code = 0;
  for (const auto add :
       {add_fuzz, add_replay, add_minimize, add_atlas, add_diff, add_report, add_list, add_corpus, add_doctor, add_bench, add_faults})
    add(app, code);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  } catch (const Error& e) {
    fmt::print(stderr, "dtypefuzz: {}\n", e.what());
    return e.exit_code();
  } catch (const std::exception& e) {
    fmt::print(stderr, "dtypefuzz: {} (a defect of dtypefuzz itself; please report it)\n", e.what());
    return 3;
  }
  return code;
}
