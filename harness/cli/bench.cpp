#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/engines/engines.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"
#include "harness/isolate/process.h"
#include "harness/run/bare.h"
#include "harness/run/prepare.h"
#include "harness/run/stages.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

/// Which cases are drawn.
struct Mix {
  std::string_view name;
  std::vector<std::string> modules;  ///< empty: all
  Bias bias;
};

const std::vector<Mix>& mixes() {
  static const std::vector<Mix> all = {
      {"all", {}, {}},
      // More dtypes agree here than in a usual campaign, so that half of the cases and more reach backward.
      {"mlp",
       {"Linear", "LayerNorm", "BatchNorm1d", "ReLU", "GELU", "Softmax"},
       {.setting = 0.95, .count = 0.5, .dtype = 0.92}},
  };
  return all;
}

/// One way to run a campaign.
struct System {
  std::string_view name, engine;
  bool baseline = true;
  bool all_jobs = false;  ///< as many as are asked for; else one
};

constexpr System kSystems[] = {
    {"rapidcheck", "rapidcheck"},
    {"rapidcheck, no baseline", "rapidcheck", /*baseline=*/false},
    {"libfuzzer", "libfuzzer"},
    {"rapidcheck, all jobs", "rapidcheck", true, /*all_jobs=*/true},
    {"libfuzzer, all jobs", "libfuzzer", true, true},
};

struct BenchOptions {
  std::string mix = "*", system = "*", time = "10s", rounds = "3", jobs = "2",
              baseline = of_checkout(kFindings);
  bool json = false;
  std::string fixed;            ///< so many cases are run, see run_fixed, and nothing else; empty: it benches
  std::string how = "checked";  ///< of these: or `bare`
};

/// What one campaign came to, beside its cases run bare.
struct Measured {
  uint64_t cases = 0;
  double rate = 0, bare_rate = 0;    ///< cases/s
  double cpu = 0;                    ///< seconds of CPU for a second of the campaign, all its processes
  double kernel = 0, elsewhere = 0;  ///< shares of that CPU: the kernel's; of processes that run no cases
  double ratio() const { return rate / bare_rate; }
  long most_kilobytes = 0;
  StageTimes times;
};

double in_seconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}
struct Cpu {
  double user = 0, kernel = 0;
  double sum() const { return user + kernel; }
};
Cpu cpu_of(int who) {
  rusage used{};
  getrusage(who, &used);
  return {in_seconds(used.ru_utime), in_seconds(used.ru_stime)};
}

/// Nanoseconds and cases of a process that runs what the trace has and observes nothing. Reading it is not
/// counted.
Child bare_runner(const fs::path& trace, const Space& whole) {
  return forked([&](int pipe) {
    prepare_process();
    std::ifstream in(trace);
    std::string text;
    std::vector<Plan> plans;
    uint64_t nanoseconds = 0, cases = 0;
    const auto run_them = [&] {
      const uint64_t begin = ticks();
      for (const Plan& plan : plans) run_bare(plan);
      nanoseconds += ticks() - begin, cases += plans.size();
      plans.clear();
    };
    for (std::string line; std::getline(in, line);) {
      if (!line.empty()) {
        text += line + "\n";
        continue;
      }
      plans.push_back(plan_of(parse_case("# dtypefuzz case 1\n" + text).body, whole));
      text.clear();
      if (plans.size() == 250) run_them();
    }
    run_them();
    write_line(pipe, fmt::format("{}", static_cast<double>(cases) * 1e9 / static_cast<double>(nanoseconds)));
  });
}

/// Cases per second of so many processes at once.
double bare_rate_of(const fs::path& trace, int processes, const Space& whole) {
  std::vector<Child> runners;
  for (int i = 0; i < processes; ++i) runners.push_back(bare_runner(trace, whole));
  double rate = 0;
  for (Child& runner : runners) {
    while (runner.read()) usleep(1000);
    if (runner.wait() != 0 || runner.text.empty())
      fail_environment("a case ended the process that ran it bare");
    rate += std::stod(runner.text);
  }
  return rate;
}

Measured measure(const Mix& mix, const System& system, const BenchOptions& o, const KnownFaults& known,
                 uint64_t seed) {
  const Space& whole = whole_space();
  const TemporaryFolder folder;
  const fs::path trace = fs::path(folder.path) / "trace";
  SpaceOptions options;
  options.modules = mix.modules;
  Settings settings{.engine = {},
                    .seconds = seconds_of("--time", o.time),
                    .seed = seed,
                    .jobs = system.all_jobs ? static_cast<int>(number_of("--jobs", o.jobs, 1, 256)) : 1,
                    .space = options.space(whole),
                    .whole = whole,
                    .bias = mix.bias,
                    .strictness = {},
                    .known = system.baseline ? known : KnownFaults{},
                    .keeps_times = true,
                    .trace = trace.string()};
  settings.engine =
      engine_named(system.engine)
          .make({.corpus = {}, .seeds = {}, .target = {}, .folder = folder.path.string()}, whole);
  const Cpu children = cpu_of(RUSAGE_CHILDREN), own = cpu_of(RUSAGE_SELF);
  const double begin = now();
  // What a campaign goes on with after its last case is cut short: rates are of the run.
  std::atomic<int> interrupts = 0;
  const Progress progress = run_campaign(settings,
                                         {.report = [](const Finding&, Standing) {},
                                          .tick = [&](const Progress& p) { interrupts = p.after > 0; }},
                                         interrupts);
  Measured measured{.cases = progress.cases, .times = progress.times};
  measured.rate = static_cast<double>(progress.cases) / progress.seconds;
  const Cpu spent{cpu_of(RUSAGE_CHILDREN).user - children.user + cpu_of(RUSAGE_SELF).user - own.user,
                  cpu_of(RUSAGE_CHILDREN).kernel - children.kernel + cpu_of(RUSAGE_SELF).kernel - own.kernel};
  measured.cpu = spent.sum() / (now() - begin);
  measured.kernel = spent.kernel / spent.sum();
  measured.elsewhere = std::max(0.0, 1 - 1e-9 * static_cast<double>(progress.times.sum()) / spent.sum());
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  measured.most_kilobytes = used.ru_maxrss;
  measured.bare_rate = bare_rate_of(trace, settings.jobs, whole);
  return measured;
}

template <class Number>
Number median(std::vector<Number> numbers) {
  std::ranges::sort(numbers);
  return numbers[numbers.size() / 2];
}

void print(const Mix& mix, const System& system, const std::vector<Measured>& rounds, const BenchOptions& o) {
  const auto of = [&](auto field) {
    std::vector<double> values;
    for (const Measured& m : rounds) values.push_back(std::invoke(field, m));
    return median(values);
  };
  nlohmann::json stages;
  StageTimes times;
  for (const Measured& m : rounds)
    for (size_t i = 0; i < kStages; ++i) times.nanoseconds[i] += m.times.nanoseconds[i];
  const double all = static_cast<double>(times.sum());
  for (size_t i = 0; i < kStages; ++i)
    stages[std::string(to_string(static_cast<Stage>(i)))] = static_cast<double>(times.nanoseconds[i]) / all;
  if (o.json) {
    print_json("bench", {{"workload", mix.name},
                         {"system", system.name},
                         {"jobs", system.all_jobs ? std::stoi(o.jobs) : 1},
                         {"rounds", rounds.size()},
                         {"cases", rounds.front().cases},
                         {"cases_per_second", of(&Measured::rate)},
                         {"bare_cases_per_second", of(&Measured::bare_rate)},
                         {"ratio_to_bare", of(&Measured::ratio)},
                         {"cpu", of(&Measured::cpu)},
                         {"kernel", of(&Measured::kernel)},
                         {"without_cases", of(&Measured::elsewhere)},
                         {"megabytes", rounds.front().most_kilobytes >> 10},
                         {"stages", stages}});
    std::cout.flush();
    return;
  }
  fmt::print(
      "{:4} {:24} {:6.0f} cases/s, bare {:6.0f}: {:.2f} of it; {:.2f} CPUs, {:2.0f} % of them in the kernel, "
      "{:2.0f} % in processes without cases\n      ",
      mix.name, system.name, of(&Measured::rate), of(&Measured::bare_rate), of(&Measured::ratio),
      of(&Measured::cpu), 100 * of(&Measured::kernel), 100 * of(&Measured::elsewhere));
  for (const auto& [stage, share] : stages.items())
    fmt::print(" {} {:.0f} %", stage, 100 * share.get<double>());
  fmt::print("\n");
  std::fflush(stdout);
}

void run_case(Checker& checker, const Plan& plan, bool bare) {
  if (bare)
    run_bare(plan);
  else
    checker.check(plan, Siblings::sampled);
}

/// What instruction counters count: of this function, by its name.
[[gnu::noinline]] void measured_case(Checker& checker, const Plan& plan, bool bare) {
  run_case(checker, plan, bare);
  asm volatile("" ::: "memory");
}

/// The first cases of seed 1, each once before it is measured, so that all is made that is made once.
int run_fixed(const BenchOptions& o) {
  prepare_process();
  const uint64_t count = number_of("--fixed", o.fixed, 1, 1'000'000);
  std::vector<Plan> plans;
  for (uint64_t index = 0; index < count; ++index)
    plans.push_back(rapidcheck_case(1, index, whole_space(), {}).plan);
  Checker warm, checker;
  for (const Plan& plan : plans) run_case(warm, plan, o.how == "bare");
  for (const Plan& plan : plans) measured_case(checker, plan, o.how == "bare");
  return 0;
}

int bench(const BenchOptions& o) {
  if (!o.fixed.empty()) return run_fixed(o);
  const uint64_t rounds = number_of("--rounds", o.rounds, 1, 1000);
  seconds_of("--time", o.time), number_of("--jobs", o.jobs, 1, 256);
  const KnownFaults known = baseline_of(o.baseline, whole_space()).faults();
  for (const Mix& mix : mixes()) {
    if (o.mix != "*" && o.mix != mix.name) continue;
    std::map<std::string_view, std::vector<Measured>> measured;
    for (uint64_t round = 0; round < rounds; ++round)
      for (const System& system : kSystems)
        if (o.system == "*" || o.system == system.name)
          measured[system.name].push_back(measure(mix, system, o, known, round + 1));
    for (const System& system : kSystems)
      if (measured.contains(system.name)) print(mix, system, measured[system.name], o);
  }
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, int& code) {
  auto o = std::make_shared<BenchOptions>();
  auto* command = app.add_subcommand("bench",
                                     "Campaigns as they really run, held against the same cases run bare.  "
                                     "Example: dtypefuzz bench --time 20s");
  std::vector<std::string> names = {"*"}, systems = {"*"};
  for (const Mix& mix : mixes()) names.emplace_back(mix.name);
  for (const System& system : kSystems) systems.emplace_back(system.name);
  command->add_option("--workload", o->mix, "which mix of modules, or * for all")
      ->type_name("MIX")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_option("--system", o->system, "which campaign, or * for all")
      ->type_name("SYSTEM")
      ->check(CLI::IsMember(systems))
      ->capture_default_str();
  command->add_option("--time", o->time, "how long each campaign runs cases")
      ->type_name("TIME")
      ->capture_default_str();
  command->add_option("--rounds", o->rounds, "how often each, in turn; medians are told")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("-j,--jobs", o->jobs, "worker processes where there are several")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--baseline", o->baseline, "a directory of known findings, or none")->type_name("DIR");
  command
      ->add_option(
          "--fixed", o->fixed,
          "the first N cases of seed 1, in this process, and nothing is told: for instruction counters")
      ->type_name("N");
  command->add_option("--how", o->how, "of --fixed: bare or checked")
      ->type_name("HOW")
      ->check(CLI::IsMember({"bare", "checked"}))
      ->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = bench(*o); });
}

}  // namespace dtypefuzz
