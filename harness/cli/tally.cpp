#include "harness/cli/tally.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/check.h"
#include "harness/check/check.h"
#include "harness/cli/commands.h"
#include "harness/files/case_file.h"
#include "harness/files/seen.h"
#include "harness/isolate/batch.h"
#include "harness/report/lines.h"

namespace dtypefuzz {

void Tally::add(const std::string& signature, const Snapshot::Told& told, const std::string& cause,
                const std::string& path) {
  if (told.standing == Standing::known) known.insert(signature), known_causes.insert(cause);
  if (told.standing == Standing::spread) ++spread, spread_causes.insert(cause);
  if (told.standing == Standing::flaky) ++flaky;
  if (told.standing != Standing::fresh) return;
  ++fresh, ++by_severity[told.severity];
  saved.push_back(path);
}

bool Tally::has_failed(FailOn on) const {
  return (fresh > 0 && is_red(Standing::fresh, on)) || (spread > 0 && is_red(Standing::spread, on));
}

nlohmann::json Tally::counts(const Progress& progress) const {
  return {{"cases", progress.cases},
          {"finished", progress.finished},
          {"new", fresh},
          {"spread", spread},
          {"spread_causes", spread_causes.size()},
          {"flaky", flaky},
          {"known", known.size()},
          {"known_causes", known_causes.size()},
          {"fixed", fixed},
          {"fixed_causes", fixed_causes},
          {"partly_fixed_causes", partly_fixed_causes},
          {"unseen", unseen},
          {"waiting", progress.waiting}};
}

Ticker::Ticker(bool json) : terminal_(isatty(STDERR_FILENO) && !json) {}

void Ticker::clear() const {
  if (terminal_) fmt::print(stderr, "\r\033[K");
}

void Ticker::tick(const Progress& p, const Tally& tally) {
  if (p.seconds - last_ < (terminal_ ? 0.2 : 10)) return;
  last_ = p.seconds;
  clear();
  fmt::print(stderr, "{:.0f} s, {} cases, {:.0f}/s, causes: {} new, {} spread, {} known{}", p.seconds,
             p.cases, static_cast<double>(p.cases) / std::max(p.seconds, 1e-3), tally.fresh,
             tally.spread_causes.size(), tally.known_causes.size(), terminal_ ? "" : "\n");
  std::fflush(stderr);
}

namespace {

/// Which of these places their cases no longer show. Most do, in processes that look at one after another;
/// what does not show it there is asked once more in a process of its own.
std::vector<std::string> no_longer_shown_of(const std::vector<std::string>& places, const Baseline& baseline,
                                            const Settings& settings, const std::atomic<int>& interrupts) {
  const auto shows = [](const std::vector<Violation>& violations, const std::string& signature) {
    return std::ranges::any_of(violations,
                               [&](const Violation& v) { return to_string(v.signature) == signature; });
  };
  const auto body_of = [&](const std::string& signature) {
    return load_case(baseline.places.at(signature).path, settings.whole).body;
  };
  Checker checker(settings.strictness);  // each process has its own
  const auto shown = in_batches(places.size(),
                                {.jobs = static_cast<size_t>(settings.jobs),
                                 .limits = settings.limits,
                                 .stops = [&] { return interrupts > 0; }},
                                [&](size_t i) -> std::string {
                                  const Checked checked =
                                      checker.check(plan_of(body_of(places[i]), settings.whole));
                                  return shows(checked.violations, places[i]) ? "shown" : "";
                                });
  std::vector<std::string> gone;
  for (size_t i = 0; i < places.size() && interrupts == 0; ++i) {
    if (shown[i] == "shown") continue;
    const Isolated alone =
        check_isolated(body_of(places[i]), settings.whole, settings.limits, settings.strictness);
    if (!shows(alone.violations, places[i])) gone.push_back(places[i]);
  }
  return gone;
}

}  // namespace

void look_for_fixed(const Baseline& baseline, const Settings& settings, bool json,
                    const std::atomic<int>& interrupts, Tally& tally) {
  std::map<std::string, size_t> places, fixed;  // of a cause, as far as they can be looked at here
  std::vector<std::string> unmet;
  for (const auto& [signature, place] : baseline.places) {
    tally.unseen += !place.here && !tally.known.contains(signature);
    if (!place.here || place.path.empty()) continue;
    ++places[place.cause];
    if (!tally.known.contains(signature)) unmet.push_back(signature);
  }
  for (const std::string& signature : no_longer_shown_of(unmet, baseline, settings, interrupts)) {
    const Known& place = baseline.places.at(signature);
    const KnownCause& cause = baseline.causes.at(place.cause);
    ++tally.fixed, ++fixed[place.cause];
    Entry entry = no_longer_shown(signature, place.path.string(), cause.file.cause);
    entry.title = cause.file.said(), entry.upstream = cause.file.upstream;
    if (json) print_json("finding", to_json(entry));
  }
  for (const auto& [text, gone] : fixed) {
    const bool all = gone == places.at(text);
    ++(all ? tally.fixed_causes : tally.partly_fixed_causes);
    if (!json)
      fmt::print("{}: {} ({} of {} places)\n", to_string(all ? Standing::fixed : Standing::partly_fixed),
                 baseline.causes.at(text).file.said(), gone, places.at(text));
  }
}

void print_summary(const Orders& o, const Orders& usual, const Settings& settings, const Progress& progress,
                   const Tally& tally, const Baseline& baseline) {
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
  fmt::print("causes: {} new, {} spread to {} places, {} of {} known met again, {} fixed, {} partly fixed\n",
             tally.fresh, tally.spread_causes.size(), tally.spread, tally.known_causes.size(),
             baseline.causes.size(), tally.fixed_causes, tally.partly_fixed_causes);
  fmt::print("places: {} of {} known met again, {} fixed, {} unseen on this CPU; {} flaky\n",
             tally.known.size(), baseline.places.size(), tally.fixed, tally.unseen, tally.flaky);
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
