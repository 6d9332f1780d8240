#include "harness/cli/tally.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "dtypefuzz/build_info.h"
#include "harness/cli/commands.h"
#include "harness/cli/known.h"
#include "harness/files/case_file.h"
#include "harness/files/seen.h"
#include "harness/report/lines.h"

namespace dtypefuzz {
namespace {

/// A rate of less than a second says nothing.
std::string rate_of(const Progress& p) {
  return p.seconds < 1
             ? ""
             : fmt::format("{}/s", grouped(static_cast<uint64_t>(static_cast<double>(p.cases) / p.seconds)));
}

std::string plural(size_t count, std::string_view one) {
  return fmt::format("{} {}{}", grouped(count), one, count == 1 ? "" : "s");
}

}  // namespace

void Tally::add(const std::string& signature, const Snapshot::Told& told, const std::string& cause,
                const std::string& title, const std::string& path) {
  if (told.standing == Standing::known) known.insert(signature), known_causes.insert(cause);
  if (told.standing == Standing::spread) ++spread, spread_causes.insert(cause);
  if (told.standing == Standing::flaky) ++flaky;
  if (told.standing == Standing::fresh) fresh.push_back({told.severity, title, path});
}

bool Tally::has_failed(FailOn on) const {
  return (!fresh.empty() && is_red(Standing::fresh, on)) || (spread > 0 && is_red(Standing::spread, on));
}

nlohmann::json Tally::counts(const Progress& progress) const {
  return {{"cases", progress.cases},
          {"finished", progress.finished},
          {"new", fresh.size()},
          {"spread", spread},
          {"spread_causes", spread_causes.size()},
          {"flaky", flaky},
          {"known", known.size()},
          {"known_causes", known_causes.size()},
          {"fixed", fixed},
          {"fixed_causes", fixed_causes},
          {"partly_fixed_causes", partly_fixed_causes},
          {"known_to_look_at", to_look_at},
          {"known_looked_at", looked_at},
          {"not_reachable", not_reachable},
          {"waiting", progress.waiting}};
}

std::string Tally::news() const {
  if (fresh.empty()) return "0 new";
  const auto worst = std::ranges::min_element(fresh, {}, &Fresh::severity)->severity;
  const auto count = std::ranges::count(fresh, worst, &Fresh::severity);
  return fmt::format("{} new ({} {})", fresh.size(), count, to_string(worst));
}

Status status_of(const Progress& p, const Tally& tally, const Orders& o, const Settings& settings) {
  if (p.after > 0) {
    Status stage{.what = "minimizing"};
    const size_t all = std::max(tally.to_minimize, p.waiting), done = all - p.waiting;
    if (all > 0) stage.part = static_cast<double>(done) / static_cast<double>(all);
    stage.facts = {fmt::format("{} of {}", done, all), fmt::format("{:.0f} s", p.after), tally.news()};
    return stage;
  }
  Status stage{.what = fmt::format("fuzz {} seed {}", o.engine, o.seed)};
  double by_time = -1, by_runs = -1;
  if (settings.seconds > 0) {
    by_time = p.seconds / settings.seconds;
    stage.facts.push_back(fmt::format("{:.0f} of {:.0f} s", p.seconds, settings.seconds));
  } else {
    stage.facts.push_back(fmt::format("{:.0f} s", p.seconds));
  }
  if (settings.runs > 0) {
    by_runs = static_cast<double>(p.cases) / static_cast<double>(settings.runs);
    stage.facts.push_back(fmt::format("{} of {} cases", grouped(p.cases), grouped(settings.runs)));
  } else {
    stage.facts.push_back(grouped(p.cases) + " cases");
  }
  stage.part = std::max(by_time, by_runs);
  if (const auto rate = rate_of(p); !rate.empty()) stage.facts.push_back(rate);
  stage.facts.push_back(tally.news());
  stage.facts.push_back(fmt::format("{} known", tally.known_causes.size()));
  if (!tally.fresh.empty())
    stage.facts.push_back(fmt::format("last new {:.0f} s ago", p.seconds - tally.last_new_seconds));
  return stage;
}

void look_for_fixed(const Baseline& baseline, const Settings& settings, bool json,
                    const std::atomic<int>& interrupts, Tally& tally, ProgressLine& line) {
  for (const auto& [signature, place] : baseline.places)
    tally.not_reachable += !place.here && !tally.known.contains(signature);
  if (!tally.looks) return;
  const auto begin = std::chrono::steady_clock::now();
  const auto places = places_to_look_at(baseline, settings, tally.known);
  tally.to_look_at = places.size();
  line.restart();
  const LookedAt looked = look_at(places, baseline, settings, interrupts, [&](size_t done) {
    line.show({.what = "is what is known still there?",
               .part = static_cast<double>(done) / static_cast<double>(places.size()),
               .facts = {fmt::format("{} of {}", grouped(done), grouped(places.size()))}});
  });
  line.clear();
  tally.looked_at = looked.places;
  tally.check_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  std::map<std::string, size_t> all, fixed;  // places of a cause, as far as they can be looked at here
  for (const auto& [signature, place] : baseline.places)
    if (place.here && !place.path.empty()) ++all[place.cause];
  for (const std::string& signature : looked.gone) {
    const Known& place = baseline.places.at(signature);
    const KnownCause& cause = baseline.causes.at(place.cause);
    ++tally.fixed, ++fixed[place.cause];
    Entry entry = no_longer_shown(signature, place.path.string(), cause.file.cause);
    entry.title = cause.file.said(), entry.upstream = cause.file.upstream;
    if (json) print_json("finding", to_json(entry));
  }
  for (const auto& [text, gone] : fixed) {
    const bool is_all = gone == all.at(text);
    ++(is_all ? tally.fixed_causes : tally.partly_fixed_causes);
    if (!json)
      fmt::print("{}: {} ({} of {} places)\n", to_string(is_all ? Standing::fixed : Standing::partly_fixed),
                 baseline.causes.at(text).file.said(), gone, all.at(text));
  }
}

void print_summary(const Orders& o, const Orders& usual, const Settings& settings, const Progress& progress,
                   const Tally& tally, const Baseline& baseline, int ended_by) {
  if (o.json) {
    auto fields = tally.counts(progress);
    fields.erase("finished");
    fields.update(
        {{"engine", o.engine},
         {"seed", settings.seed},
         {"jobs", settings.jobs},
         {"seconds", progress.seconds},
         {"minimizing_seconds", progress.after},
         {"check_seconds", tally.check_seconds},
         {"cases_per_second", static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3)},
         {"libtorch", build_info::kLibTorchVersion},
         {"cpu_capability", cpu_capability()},
         {"interrupted", ended_by != 0}});
    return print_json("summary", fields);
  }
  const std::string rate = rate_of(progress);
  fmt::print("\n{} in {:.1f} s{}; {} ran to their end  ({}, seed {}, {})\n", plural(progress.cases, "case"),
             progress.seconds, rate.empty() ? "" : ", " + rate, grouped(progress.finished), o.engine, o.seed,
             cpu_capability());
  if (progress.after >= 0.05 || tally.check_seconds >= 0.05)
    fmt::print("then {:.1f} s of minimizing, {:.1f} s of looking at what is known\n", progress.after,
               tally.check_seconds);
  if (!tally.fresh.empty()) {
    auto causes = tally.fresh;
    std::ranges::stable_sort(causes, {}, &Tally::Fresh::severity);
    fmt::print("\n{}, the most severe first; each is replayed with: {} replay FILE\n",
               plural(causes.size(), "new cause"), own_path());
    for (const auto& [severity, title, path] : causes)
      fmt::print("  {}{}  {}\n  {:10}  {}\n", painted(severity, STDOUT_FILENO),
                 std::string(10 - to_string(severity).size(), ' '), bold(title, STDOUT_FILENO), "", path);
    fmt::print("\n");
  }
  const size_t known_places = tally.known.size();
  fmt::print("causes: {} new; {} of {} known met again; {} spread to {} places; {} fixed, {} partly fixed\n",
             tally.fresh.size(), tally.known_causes.size(), baseline.causes.size(),
             tally.spread_causes.size(), tally.spread, tally.fixed_causes, tally.partly_fixed_causes);
  if (!baseline.places.empty()) {
    fmt::print("known:  {} of {} places met; ", grouped(known_places), grouped(baseline.places.size()));
    if (!tally.looks)
      fmt::print("the others not looked at (--check-known never)");
    else if (tally.looked_at < tally.to_look_at)
      fmt::print("interrupted when {} of {} others were looked at", grouped(tally.looked_at),
                 grouped(tally.to_look_at));
    else
      fmt::print("{} others looked at, {} of them fixed", grouped(tally.looked_at), tally.fixed);
    if (tally.not_reachable > 0) fmt::print("; {} not reachable on this CPU", tally.not_reachable);
    fmt::print("\n");
  }
  if (tally.flaky > 0) fmt::print("flaky:  {}, below {}/flaky\n", tally.flaky, o.out);
  if (progress.waiting > 0)
    fmt::print("{} more that may be findings wait to be minimized and run again\n", progress.waiting);
  if (ended_by != 0) {
    std::string again = fmt::format("{} fuzz --resume {}", own_path(), o.out);
    if (o.baseline != "none" && o.baseline != absolute(usual.baseline) && o.baseline != usual.baseline)
      again += fmt::format(" --baseline '{}'", o.baseline);
    if (!o.corpus.empty()) again += fmt::format(" --corpus '{}'", o.corpus);
    fmt::print("interrupted; to go on: {}\n", again);
  }
}

}  // namespace dtypefuzz
