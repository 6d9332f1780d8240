#include "harness/cli/tally.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/check.h"
#include "harness/cli/commands.h"
#include "harness/files/case_file.h"
#include "harness/files/seen.h"
#include "harness/report/lines.h"

namespace dtypefuzz {

void Tally::add(const std::string& signature, const Snapshot::Told& told, const std::string& path) {
  if (told.standing == Standing::known) known.insert(signature);
  if (told.standing == Standing::flaky) ++flaky;
  if (told.standing != Standing::fresh) return;
  ++fresh, ++by_severity[told.severity];
  saved.push_back(path);
}

nlohmann::json Tally::counts(const Progress& progress) const {
  return {{"cases", progress.cases}, {"finished", progress.finished}, {"new", fresh},
          {"flaky", flaky},          {"known", known.size()},         {"fixed", fixed},
          {"unseen", unseen},        {"waiting", progress.waiting}};
}

Ticker::Ticker(bool json) : terminal_(isatty(STDERR_FILENO) && !json) {}

void Ticker::clear() const {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void Ticker::tick(const Progress& p, const Tally& tally) {
  if (p.seconds - last_ < (terminal_ ? 0.2 : 10)) return;
  last_ = p.seconds;
  clear();
  fmt::print(stderr, "{:.0f} s, {} cases, {:.0f}/s, {} new, {} known{}", p.seconds, p.cases,
             static_cast<double>(p.cases) / std::max(p.seconds, 1e-3), tally.fresh, tally.known.size(),
             terminal_ ? "" : "\n");
  std::fflush(stderr);
}

void look_for_fixed(const std::map<std::string, Known>& baseline, const Settings& settings, bool json,
                    const std::atomic<int>& interrupts, Tally& tally) {
  for (const auto& [signature, entry] : baseline) {
    if (interrupts > 0) break;
    if (tally.known.contains(signature)) continue;
    if (!entry.here) {
      ++tally.unseen;
      continue;
    }
    const CaseFile file = load_case(entry.path, settings.whole);
    const auto shown =
        check_isolated(file.body, settings.whole, settings.limits, settings.strictness).violations;
    if (std::any_of(shown.begin(), shown.end(), [&](auto& v) { return to_string(v.signature) == signature; }))
      continue;
    ++tally.fixed;
    Entry fixed = no_longer_shown(signature, entry.path.string());
    fixed.title = entry.title;
    if (json)
      print_json("finding", to_json(fixed));
    else
      fmt::print("fixed: {} ({})\n", signature, entry.path.string());
  }
}

void print_summary(const Orders& o, const Orders& usual, const Settings& settings, const Progress& progress,
                   const Tally& tally, size_t known) {
  const double rate = static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3);
  if (o.json) {
    auto fields = tally.counts(progress);
    fields.erase("finished");
    fields.update({{"engine", o.engine},
                   {"seed", settings.seed},
                   {"jobs", settings.jobs},
                   {"seconds", progress.seconds},
                   {"cases_per_second", rate},
                   {"libtorch", build_info::kLibTorchVersion},
                   {"cpu_capability", cpu_capability()},
                   {"interrupted", progress.interrupted}});
    return print_json("summary", fields);
  }
  fmt::print("\n{} cases in {:.1f} s, {:.0f} cases/s; {} ran to their end  ({}, seed {}, {})\n",
             progress.cases, progress.seconds, rate, progress.finished, o.engine, o.seed, cpu_capability());
  fmt::print("findings: {} new, {} flaky, {} of {} known met again, {} fixed, {} unseen on this CPU\n",
             tally.fresh, tally.flaky, tally.known.size(), known, tally.fixed, tally.unseen);
  for (const auto& [severity, count] : tally.by_severity)
    fmt::print("  {} new: {}\n", count, to_string(severity));
  if (!tally.saved.empty()) {
    fmt::print("saved, each with the command that replays it:\n");
    for (const auto& path : tally.saved) fmt::print("  {} replay {}\n", own_path(), path);
  }
  if (progress.waiting > 0)
    fmt::print("{} more that may be findings wait to be minimized and run again\n", progress.waiting);
  if (progress.interrupted) {
    std::string again = fmt::format("{} fuzz --resume {}", own_path(), o.out);
    if (o.baseline != "none" && o.baseline != absolute(usual.baseline) && o.baseline != usual.baseline)
      again += fmt::format(" --baseline '{}'", o.baseline);
    if (!o.corpus.empty()) again += fmt::format(" --corpus '{}'", o.corpus);
    fmt::print("interrupted; to go on: {}\n", again);
  }
}

}  // namespace dtypefuzz
