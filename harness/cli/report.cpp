#include "harness/report/lines.h"

#include <fmt/format.h>

#include <filesystem>

#include "harness/cli/commands.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostBytes = 256 << 20;  // of results and of what is kept

struct ReportOptions {
  std::string findings, results, baseline = of_checkout("corpus/findings"), state, junit, markdown,
                                 fail_on = "cause";
  bool json = false;
};

int report(const ReportOptions& o) {
  const FailOn fail_on = fail_on_of(o.fail_on);
  const auto results = o.results.empty() ? std::map<std::string, Entry>()
                                         : parse_results(read_file(o.results, kMostBytes), o.results);
  std::map<std::string, Kept> kept;
  if (!o.state.empty() && std::filesystem::exists(o.state))
    kept = parse_kept(read_file(o.state, kMostBytes), o.state);
  const Space& space = whole_space();
  const Report report = report_of(o.findings, space, results, load_baseline(o.baseline, space), kept);
  const std::string markdown = to_markdown(report, own_path());
  if (!o.junit.empty()) write_atomically(o.junit, to_junit(report, fail_on));
  if (!o.markdown.empty()) write_atomically(o.markdown, markdown);
  if (!o.state.empty()) write_atomically(o.state, print_kept(kept));
  if (o.json) {
    for (const CauseEntry& cause : report.causes) {
      print_json("cause", to_json(cause));
      for (const Entry& place : cause.places) print_json("finding", to_json(place));
    }
    print_json("report", to_json(report));
  } else {
    fmt::print("{}", markdown);
  }
  return report.count_red(fail_on) > 0 ? 1 : 0;
}

}  // namespace

void add_report(CLI::App& app, int& code) {
  auto o = std::make_shared<ReportOptions>();
  auto* command = app.add_subcommand(
      "report",
      "Tell new, returned, spread, known and fixed causes apart; 1 where some are new or returned.  "
      "Example: dtypefuzz report findings --junit junit.xml");
  command->add_option("findings", o->findings, "the directory that a run saved into")->required();
  command->add_option("--results", o->results,
                      "what that run printed with fuzz --json; else cases are replayed");
  command->add_option("--baseline", o->baseline, "a directory of known findings, or none")
      ->capture_default_str();
  command->add_option("--state", o->state, "a file in which what was told is kept from report to report");
  command->add_option("--junit", o->junit, "write a test case a cause here, as XML");
  command->add_option("--markdown", o->markdown, "write the summary here");
  command
      ->add_option("--fail-on", o->fail_on,
                   "cause: new and returned ones; place: known ones at new places, too")
      ->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = report(*o); });
}

}  // namespace dtypefuzz
