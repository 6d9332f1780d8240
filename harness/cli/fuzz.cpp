#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <filesystem>

#include "dtypefuzz/build_info.h"
#include "harness/cli/commands.h"
#include "harness/core/error.h"
#include "harness/drive/corpus.h"
#include "harness/engines/engines.h"

namespace dtypefuzz {
namespace {

struct FuzzOptions {
  SpaceOptions space;
  std::string engine = std::string(engines().front().name), time, out = "findings",
              baseline = of_checkout("corpus/findings"), corpus;
  std::string runs = "0", seed = "1", jobs = "1";
  bool strict = false, json = false;
};

/// The progress line: rewritten on a terminal, a plain line now and then elsewhere.
class Ticker {
 public:
  explicit Ticker(bool json) : terminal_(isatty(STDERR_FILENO) && !json) {}
  void clear() const {
    if (terminal_) fmt::print(stderr, "\r\033[K");
  }
  void tick(const Progress& p, size_t fresh, size_t known) {
    if (p.seconds - last_ < (terminal_ ? 0.2 : 10)) return;
    last_ = p.seconds;
    clear();
    fmt::print(stderr, "{:.0f} s, {} cases, {:.0f}/s, {} new, {} known{}", p.seconds, p.cases,
               static_cast<double>(p.cases) / std::max(p.seconds, 1e-3), fresh, known, terminal_ ? "" : "\n");
    std::fflush(stderr);
  }

 private:
  bool terminal_;
  double last_ = 0;
};

int fuzz(const FuzzOptions& o) {
  const bool whole_sweep = o.engine == "sweep" && o.time.empty();  // it ends by itself
  Settings settings{.engine = {},
                    .seconds = !o.time.empty()                ? seconds_of("--time", o.time)
                               : o.runs != "0" || whole_sweep ? 0
                                                              : 60,
                    .runs = o.runs == "0" ? 0 : number_of("--runs", o.runs, 1, UINT64_MAX),
                    .seed = number_of("--seed", o.seed, 0, UINT64_MAX),
                    .jobs = static_cast<int>(number_of("--jobs", o.jobs, 1, 256)),
                    .space = o.space.space(),
                    .bias = {},
                    .strictness = {o.strict},
                    .known = {}};
  const auto baseline = load_baseline(o.baseline);
  for (const auto& [signature, entry] : baseline) settings.known.insert(signature);
  EngineOptions options{.corpus = o.corpus, .seeds = {}, .target = {}};
  if (const auto seeds = of_checkout("corpus/seeds"); std::filesystem::is_directory(seeds))
    options.seeds.push_back(seeds);
  settings.engine = engine_named(o.engine).make(options);
  const std::filesystem::path out(o.out);
  std::error_code error;
  std::filesystem::create_directories(out, error);
  if (error || access(out.c_str(), W_OK) != 0)
    fail_environment("--out {}: cannot be written; choose another directory", o.out);

  const std::atomic<int>& interrupts = interrupts_from_now_on();
  size_t fresh = 0, flaky = 0;
  std::set<std::string> seen_again;
  std::map<Severity, size_t> by_severity;
  std::vector<std::string> saved;
  Ticker ticker(o.json);
  const auto progress = run_campaign(
      settings,
      [&](const Finding& finding, Novelty novelty) {
        const auto signature = to_string(finding.violation.signature);
        ticker.clear();
        if (novelty == Novelty::known) {
          seen_again.insert(signature);
          const Known& entry = baseline.at(signature);
          if (o.json) print_finding(finding, entry.path.string(), "known", entry.title, true);
          return;
        }
        const bool is_flaky = novelty == Novelty::flaky;
        const auto path = (is_flaky ? out / "flaky" : out) / file_name_of(signature);
        write_atomically(path, print_kept({finding.minimized,
                                           {{"engine", fmt::format("{} --seed {}", o.engine, o.seed)}},
                                           {{seen_key(cpu_capability()), {signature}}},
                                           {}}));
        if (is_flaky) {
          ++flaky;
        } else {
          ++fresh, ++by_severity[finding.violation.severity];
          saved.push_back(path.string());
        }
        print_finding(finding, path.string(), is_flaky ? "flaky" : "new", {}, o.json);
      },
      [&](const Progress& p) { ticker.tick(p, fresh, seen_again.size()); }, interrupts);
  ticker.clear();

  // What the baseline knows and this LibTorch no longer shows is fixed; what another CPU showed is not looked
  // at.
  size_t fixed = 0, unseen = 0;
  for (const auto& [signature, entry] : baseline) {
    if (interrupts > 0) break;
    if (seen_again.contains(signature)) continue;
    if (!entry.here) {
      ++unseen;
      continue;
    }
    const CaseFile file = load_case(entry.path);
    const auto shown = check_isolated(file.body, settings.case_seconds, settings.strictness).violations;
    if (std::any_of(shown.begin(), shown.end(), [&](auto& v) { return to_string(v.signature) == signature; }))
      continue;
    ++fixed;
    const Finding finding{
        {parse_signature(signature), Severity::refusal, "as the file records", "no longer shown"},
        file.body,
        0};
    if (o.json)
      print_finding(finding, entry.path.string(), "fixed", entry.title, true);
    else
      fmt::print("fixed: {} ({})\n", signature, entry.path.string());
  }
  const double rate = static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3);
  if (o.json) {
    print_json("summary", {{"engine", o.engine},
                           {"seed", settings.seed},
                           {"jobs", settings.jobs},
                           {"cases", progress.cases},
                           {"seconds", progress.seconds},
                           {"cases_per_second", rate},
                           {"new", fresh},
                           {"known", seen_again.size()},
                           {"fixed", fixed},
                           {"unseen", unseen},
                           {"flaky", flaky},
                           {"libtorch", build_info::kLibTorchVersion},
                           {"cpu_capability", cpu_capability()},
                           {"interrupted", progress.interrupted}});
  } else {
    fmt::print("\n{} cases in {:.1f} s, {:.0f} cases/s; {} ran to their end  ({}, seed {}, {})\n",
               progress.cases, progress.seconds, rate, progress.finished, o.engine, o.seed, cpu_capability());
    fmt::print("findings: {} new, {} flaky, {} of {} known met again, {} fixed, {} unseen on this CPU\n",
               fresh, flaky, seen_again.size(), baseline.size(), fixed, unseen);
    for (const auto& [severity, count] : by_severity)
      fmt::print("  {} new: {}\n", count, to_string(severity));
    if (!saved.empty()) {
      fmt::print("saved, each with the command that replays it:\n");
      for (const auto& path : saved) fmt::print("  {} replay {}\n", own_path(), path);
    }
  }
  if (progress.interrupted) return 130;
  return fresh > 0 ? 1 : 0;
}

}  // namespace

void add_fuzz(CLI::App& app, int& code) {
  auto* f = app.add_subcommand(
      "fuzz", "Run cases and save what breaks.  Example: dtypefuzz fuzz --time 10m --jobs 2");
  auto o = std::make_shared<FuzzOptions>();
  std::vector<std::string> lines;
  for (const auto& engine : engines()) lines.push_back(fmt::format("{}: {}", engine.name, engine.sentence));
  f->add_option("--engine", o->engine, fmt::format("{}", fmt::join(lines, "; ")))->capture_default_str();
  f->add_option("--time", o->time, "how long: 60s, 10m, 2h; 60s where nothing else ends the run");
  f->add_option("--runs", o->runs, "how many cases");
  f->add_option("--seed", o->seed, "the same seed gives the same cases")->capture_default_str();
  f->add_option("--jobs", o->jobs, "worker processes")->capture_default_str();
  o->space.add_to(*f);
  f->add_option("--out", o->out, "where findings are saved")->capture_default_str();
  f->add_option("--baseline", o->baseline, "a directory of known findings, or none")->capture_default_str();
  f->add_option("--corpus", o->corpus, "a directory where libfuzzer keeps its inputs from run to run");
  f->add_flag("--strict", o->strict, "refusals that blame another operand or name too little are findings");
  f->add_flag("--json", o->json, "JSON lines on stdout");
  f->callback([o, &code] { code = fuzz(*o); });
}

}  // namespace dtypefuzz
