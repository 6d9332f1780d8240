#include "harness/report/lines.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <ctime>
#include <filesystem>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostBytes = 256 << 20;  // of results and of what is kept

struct ReportOptions {
  std::string findings, results, baseline = of_checkout(kFindings), state, junit, markdown, fail_on = "new",
                                 format = "markdown";
  bool json = false, appends = false;
};

int report(const ReportOptions& o) {
  const FailOn fail_on = fail_on_of(o.fail_on);
  const bool annotates = o.format == "github";
  if (!annotates && o.format != "markdown") fail("--format '{}': expected markdown or github", o.format);
  for (const std::string& path : {o.junit, o.markdown})
    if (!path.empty()) expect_output(path);
  const std::string told = o.results.empty() ? "" : read_file(o.results, kMostBytes);
  const auto results = parse_results(told, o.results);
  About about = parse_about(told, o.results);
  const auto now = fmt::gmtime(std::time(nullptr));
  about.time = fmt::format("{:%FT%TZ}", now);
  std::map<std::string, Kept> kept;
  if (!o.state.empty() && std::filesystem::exists(o.state))
    kept = parse_kept(read_file(o.state, kMostBytes), o.state);
  const Space& space = whole_space();
  const Report report =
      report_of(o.findings, space, results, baseline_of(o.baseline, space), kept, fmt::format("{:%F}", now));
  const std::string markdown = to_markdown(report, own_path());
  if (report.causes.empty() && case_files({o.findings}).empty())
    fmt::print(stderr, "dtypefuzz: {}: no findings there, and none in the results\n", o.findings);
  if (!o.junit.empty()) write_output(o.junit, to_junit(report, fail_on, about));
  if (!o.markdown.empty()) write_output(o.markdown, markdown, o.appends);
  if (!o.state.empty()) write_atomically(o.state, print_kept(kept));
  if (o.json) {
    for (const CauseEntry& cause : report.causes) {
      print_json("cause", to_json(cause));
      for (const Entry& place : cause.places) print_json("finding", to_json(place));
    }
    print_json("report", to_json(report));
  } else {
    fmt::print("{}", annotates ? to_annotations(report, fail_on) : markdown);
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
  command->add_option("findings", o->findings, "the directory that a run saved into")
      ->required()
      ->type_name("DIR");
  const auto add = [&](const char* name, std::string& into, const char* help, const char* kind) {
    return command->add_option(name, into, help)->type_name(kind);
  };
  add("--results", o->results, "what that run printed with fuzz --json; else cases are replayed", "FILE");
  add("--baseline", o->baseline, "a directory of known findings, or none", "DIR")->capture_default_str();
  add("--state", o->state,
      "a file in which what was told is kept from report to report: what nobody has accepted (corpus accept) "
      "stays open in it",
      "FILE");
  add("--junit", o->junit, "write a test case a cause here, as XML", "FILE");
  add("--markdown", o->markdown, "write the summary here", "FILE");
  command->add_flag("--append", o->appends, "write it behind what is in that file");
  add("--format", o->format, "what is printed: markdown, or github, annotations of a workflow", "WHAT")
      ->capture_default_str();
  add("--fail-on", o->fail_on,
      "new: causes that are new or have returned; place: known ones at new places, too; open: new ones and "
      "those that were told before and not accepted; none",
      "WHAT")
      ->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = report(*o); });
}

}  // namespace dtypefuzz
