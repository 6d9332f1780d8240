#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <ctime>
#include <filesystem>

#include "dtypefuzz/build_info.h"
#include "harness/campaign/folder.h"
#include "harness/cli/commands.h"
#include "harness/core/error.h"
#include "harness/core/text.h"
#include "harness/corpus/corpus.h"
#include "harness/engines/engines.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

struct FuzzOptions {
  SpaceOptions space;
  std::string engine = std::string(engines().front().name), time, out = "findings",
              baseline = of_checkout("corpus/findings"), corpus, resume;
  std::string runs = "0", seed = "1", jobs = "1", case_time = "10s", memory = "2G";
  bool strict = false, json = false;
};

/// Bytes of `512M` or `2G`.
uint64_t bytes_of(std::string_view option, const std::string& text) {
  const char unit = text.empty() ? ' ' : text.back();
  const int shift = unit == 'M' ? 20 : unit == 'G' ? 30 : 0;
  if (shift == 0) fail("{} '{}': expected a size, as 512M or 2G", option, text);
  const std::string digits = text.substr(0, text.size() - 1);
  if (digits.size() > 6) fail("{} '{}': expected at most 999999 of its unit", option, text);
  const uint64_t value = number_of(option, digits, 1, 999'999) << shift;
  if (value < uint64_t{256} << 20)
    fail("{} '{}': LibTorch itself needs more; expected 256M or more", option, text);
  return value;
}

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

std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

/// What a campaign was told, in its own words, and what they come to in this build.
Json settings_of(const FuzzOptions& o, const Space& space) {
  Json json{{"engine", o.engine},
            {"seed", o.seed},
            {"time", o.time},
            {"runs", o.runs},
            {"jobs", o.jobs},
            {"case_time", o.case_time},
            {"memory", o.memory},
            {"strict", o.strict},
            {"modules", o.space.modules},
            {"dtypes", o.space.dtypes},
            {"devices", o.space.devices},
            {"baseline", o.baseline == "none" ? o.baseline : absolute(o.baseline)},
            {"corpus", o.corpus.empty() ? "" : absolute(o.corpus)}};
  Json& all = json["space"];
  for (const auto* list : {"modules", "losses", "dtypes", "devices"}) all[list] = Json::array();
  for (const Row* row : space.modules) all["modules"].push_back(row->name);
  for (const Row* row : space.losses) all["losses"].push_back(row->name);
  for (const Dtype dtype : space.dtypes) all["dtypes"].push_back(name_of(dtype));
  for (const Device device : space.devices) all["devices"].push_back(to_string(device));
  return json;
}

Json versions() {
  return {{"dtypefuzz", build_info::kVersion},
          {"libtorch", build_info::kLibTorchVersion},
          {"compiler", build_info::kCompiler},
          {"cpu_capability", cpu_capability()}};
}

/// What the options come to, the engine and the baseline aside.
Settings campaign_of(const FuzzOptions& o, const Space& whole) {
  const bool whole_sweep = o.engine == "sweep" && o.time.empty();  // it ends by itself
  return {.engine = {},
          .seconds = !o.time.empty()                ? seconds_of("--time", o.time)
                     : o.runs != "0" || whole_sweep ? 0
                                                    : 60,
          .runs = o.runs == "0" ? 0 : number_of("--runs", o.runs, 1, UINT64_MAX),
          .seed = number_of("--seed", o.seed, 0, UINT64_MAX),
          .jobs = static_cast<int>(number_of("--jobs", o.jobs.empty() ? "1" : o.jobs, 1, 256)),
          .limits = {seconds_of("--case-time", o.case_time), bytes_of("--memory", o.memory)},
          .space = o.space.space(whole),
          .whole = whole,
          .bias = {},
          .strictness = {o.strict},
          .known = {}};
}

/// The options that a campaign's run.json tells. An Error where they are none, or where this build would draw
/// other cases.
FuzzOptions options_in(const Json& record, const std::string& file, const Space& whole) {
  std::string differs;
  const Json here = versions();
  for (const auto& [name, version] : here.items())
    if (const Json& then = record.at("versions").at(name); then != version)
      differs += fmt::format("{}{} {}, this is {}", differs.empty() ? "" : "; ", name,
                             then.get<std::string>(), version.get<std::string>());
  if (!differs.empty()) fail("{}: began with {}; begin anew with --out", file, differs);
  const Json& told = record.at("settings");
  FuzzOptions o;
  o.engine = told.at("engine"), o.seed = told.at("seed");
  o.time = told.at("time"), o.runs = told.at("runs"), o.jobs = told.at("jobs");
  o.case_time = told.at("case_time"), o.memory = told.at("memory"), o.strict = told.at("strict");
  o.space = {told.at("modules"), told.at("dtypes"), told.at("devices")};
  o.baseline = told.at("baseline"), o.corpus = told.at("corpus");
  try {
    engine_named(o.engine);
    if (settings_of(o, campaign_of(o, whole).space).at("space") != told.at("space"))
      fail("began with other modules, dtypes or devices than this build has; begin anew with --out");
  } catch (const Error& e) {
    throw e.at(file);
  }
  return o;
}

/// The options of the campaign that `record` is of, but for how long and on how many jobs, where that is said
/// anew. A directory that the record names is opened where it is the usual one, or where it is said again:
/// whoever wrote the file is not to choose what this person's process reads and writes.
void go_on_with(FuzzOptions& o, const Json& record, const Space& whole) {
  const std::string file = as_text((fs::path(o.resume) / "run.json").string());
  const FuzzOptions usual;
  FuzzOptions told = options_in(record, file, whole);
  const auto said_again = [&](const char* option, const std::string& recorded, const std::string& given,
                              const std::string& by_default) {
    const bool opens_nothing = recorded.empty() || recorded == "none";
    const bool said = !given.empty() && given != "none" && absolute(given) == recorded;
    if (said || given == recorded || (opens_nothing && given == by_default)) return;
    if (opens_nothing)
      fail("{} '{}': {} began with {}", option, given, file, recorded.empty() ? "none" : recorded);
    fail("{}: began with {} {}; to go on with it, say so: --resume {} {} {}", file, option, recorded,
         o.resume, option, recorded);
  };
  said_again("--baseline", told.baseline, o.baseline, usual.baseline);
  said_again("--corpus", told.corpus, o.corpus, usual.corpus);
  if (!o.time.empty() || o.runs != "0") told.time = o.time, told.runs = o.runs;
  if (!o.jobs.empty()) told.jobs = o.jobs;
  told.out = told.resume = o.resume, told.json = o.json;
  o = told;
}

/// The command that runs the same cases again.
std::string command_again(const FuzzOptions& o, uint64_t cases) {
  const FuzzOptions plain;
  std::string text = fmt::format("dtypefuzz fuzz --engine {} --seed {} --runs {}", o.engine, o.seed, cases);
  if (o.engine == "libfuzzer") text += " --jobs " + o.jobs;
  if (!o.space.modules.empty()) text += fmt::format(" --modules '{}'", fmt::join(o.space.modules, ","));
  if (!o.space.dtypes.empty()) text += fmt::format(" --dtypes {}", fmt::join(o.space.dtypes, ","));
  if (!o.space.devices.empty()) text += fmt::format(" --devices {}", fmt::join(o.space.devices, ","));
  if (o.baseline != plain.baseline) text += fmt::format(" --baseline '{}'", o.baseline);
  if (!o.corpus.empty()) text += fmt::format(" --corpus '{}'", o.corpus);
  if (o.case_time != plain.case_time) text += " --case-time " + o.case_time;
  if (o.memory != plain.memory) text += " --memory " + o.memory;
  if (o.strict) text += " --strict";
  return text;
}

/// The findings of a campaign by what became of them, those of before it was resumed included.
struct Counts {
  size_t fresh = 0, flaky = 0, fixed = 0, unseen = 0;
  std::set<std::string> known;
  std::map<Severity, size_t> by_severity;
  std::vector<std::string> saved;

  void add(const std::string& signature, const Snapshot::Told& told, const std::string& path) {
    if (told.novelty == Novelty::known) known.insert(signature);
    if (told.novelty == Novelty::flaky) ++flaky;
    if (told.novelty != Novelty::fresh) return;
    ++fresh, ++by_severity[told.severity];
    saved.push_back(path);
  }
};

/// What the baseline knows and this LibTorch no longer shows is fixed; what another CPU showed is not looked
/// at.
void look_for_fixed(const std::map<std::string, Known>& baseline, const Settings& settings, bool json,
                    const std::atomic<int>& interrupts, Counts& counts) {
  for (const auto& [signature, entry] : baseline) {
    if (interrupts > 0) break;
    if (counts.known.contains(signature)) continue;
    if (!entry.here) {
      ++counts.unseen;
      continue;
    }
    const CaseFile file = load_case(entry.path, settings.whole);
    const auto shown =
        check_isolated(file.body, settings.whole, settings.limits, settings.strictness).violations;
    if (std::any_of(shown.begin(), shown.end(), [&](auto& v) { return to_string(v.signature) == signature; }))
      continue;
    ++counts.fixed;
    const Finding finding{
        {parse_signature(signature), Severity::refusal, "as the file records", "no longer shown"},
        file.body,
        0};
    if (json)
      print_finding(finding, settings.whole, entry.path.string(), "fixed", entry.title, true);
    else
      fmt::print("fixed: {} ({})\n", signature, entry.path.string());
  }
}

void print_summary(const FuzzOptions& o, const Settings& settings, const Progress& progress,
                   const Counts& counts, size_t known) {
  const double rate = static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3);
  if (o.json)
    return print_json("summary", {{"engine", o.engine},
                                  {"seed", settings.seed},
                                  {"jobs", settings.jobs},
                                  {"cases", progress.cases},
                                  {"seconds", progress.seconds},
                                  {"cases_per_second", rate},
                                  {"new", counts.fresh},
                                  {"known", counts.known.size()},
                                  {"fixed", counts.fixed},
                                  {"unseen", counts.unseen},
                                  {"flaky", counts.flaky},
                                  {"waiting", progress.waiting},
                                  {"libtorch", build_info::kLibTorchVersion},
                                  {"cpu_capability", cpu_capability()},
                                  {"interrupted", progress.interrupted}});
  fmt::print("\n{} cases in {:.1f} s, {:.0f} cases/s; {} ran to their end  ({}, seed {}, {})\n",
             progress.cases, progress.seconds, rate, progress.finished, o.engine, o.seed, cpu_capability());
  fmt::print("findings: {} new, {} flaky, {} of {} known met again, {} fixed, {} unseen on this CPU\n",
             counts.fresh, counts.flaky, counts.known.size(), known, counts.fixed, counts.unseen);
  for (const auto& [severity, count] : counts.by_severity)
    fmt::print("  {} new: {}\n", count, to_string(severity));
  if (!counts.saved.empty()) {
    fmt::print("saved, each with the command that replays it:\n");
    for (const auto& path : counts.saved) fmt::print("  {} replay {}\n", own_path(), path);
  }
  if (progress.waiting > 0)
    fmt::print("{} more that may be findings wait to be minimized and run again\n", progress.waiting);
  if (progress.interrupted) {
    const FuzzOptions usual;
    std::string again = fmt::format("{} fuzz --resume {}", own_path(), o.out);
    if (o.baseline != "none" && o.baseline != absolute(usual.baseline) && o.baseline != usual.baseline)
      again += fmt::format(" --baseline '{}'", o.baseline);
    if (!o.corpus.empty()) again += fmt::format(" --corpus '{}'", o.corpus);
    fmt::print("interrupted; to go on: {}\n", again);
  }
}

int fuzz(FuzzOptions o) {
  const Space& whole = whole_space();
  const bool resumed = !o.resume.empty();
  std::optional<Folder> folder;
  Json record;
  if (resumed) {
    std::error_code error;
    if (!fs::exists(fs::path(o.resume) / "run.json", error))
      fail("--resume {}: no run.json is there; give the --out directory of a campaign", o.resume);
    folder.emplace(o.resume);
    record = folder->record();
    go_on_with(o, record, whole);
  }
  if (o.jobs.empty()) o.jobs = "1";
  Settings settings = campaign_of(o, whole);
  const auto baseline = load_baseline(o.baseline, whole);
  for (const auto& [signature, entry] : baseline) settings.known.insert(signature);
  const NamedEngine& engine = engine_named(o.engine);
  if (!folder) {
    folder.emplace(o.out);
    folder->begin_anew();
    record = {{"schema", 1}, {"type", "run"}, {"versions", versions()}, {"begun", Json::array()}};
  }
  EngineOptions options{.corpus = o.corpus, .seeds = {}, .target = {}, .folder = o.out};
  for (const auto& [signature, entry] : baseline) options.known.push_back(entry.path.string());
  if (const auto seeds = of_checkout("corpus/seeds"); fs::is_directory(seeds)) options.seeds.push_back(seeds);
  settings.engine = engine.make(options, whole);

  record["settings"] = settings_of(o, settings.space);
  record["begun"].push_back(fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))));
  record["outcome"] = "running";
  folder->save_record(record);
  const Snapshot from = folder->snapshot();
  Counts counts;
  for (const auto& [signature, told] : from.told)
    counts.add(signature, told, (folder->path() / file_name_of(signature)).string());
  if (resumed && !o.json)
    fmt::print(stderr, "{}: goes on at case {}, {} findings so far\n", o.out, from.next, counts.fresh);

  const std::atomic<int>& interrupts = interrupts_from_now_on();
  Ticker ticker(o.json);
  Listener listener;
  listener.report = [&](const Finding& finding, Novelty novelty) {
    const auto signature = to_string(finding.violation.signature);
    std::string path, title;
    if (novelty == Novelty::known) {
      path = baseline.at(signature).path.string(), title = baseline.at(signature).title;
    } else {
      path =
          folder->save(finding, whole, novelty, {{"engine", fmt::format("{} --seed {}", o.engine, o.seed)}})
              .string();
    }
    counts.add(signature, {novelty, finding.violation.severity}, path);
    ticker.clear();
    if (novelty != Novelty::known || o.json)
      print_finding(finding, whole, path, to_string(novelty), title, o.json);
  };
  listener.tick = [&](const Progress& p) { ticker.tick(p, counts.fresh, counts.known.size()); };
  listener.save = [&](const Snapshot& snapshot) { folder->save(snapshot); };
  int code = 0;
  try {
    const Progress progress = run_campaign(settings, listener, interrupts, from);
    ticker.clear();
    look_for_fixed(baseline, settings, o.json, interrupts, counts);
    print_summary(o, settings, progress, counts, baseline.size());
    code = progress.interrupted ? 130 : counts.fresh > 0 ? 1 : 0;
    record["outcome"] = progress.interrupted ? "interrupted" : "complete";
    record["seconds"] = progress.seconds;
    record["counts"] = {{"cases", progress.cases}, {"finished", progress.finished}, {"new", counts.fresh},
                        {"flaky", counts.flaky},   {"known", counts.known.size()},  {"fixed", counts.fixed},
                        {"unseen", counts.unseen}, {"waiting", progress.waiting}};
    record["findings"] = counts.saved;
    record["repeat"] = command_again(o, progress.cases);
    record["exit_code"] = code;
  } catch (const Error& e) {
    record["outcome"] = fmt::format("failed: {}", e.what());
    record["exit_code"] = static_cast<int>(e.exit_code());
    try {
      folder->save_record(record);
    } catch (const Error&) {  // of the two the first tells more
    }
    throw;
  }
  folder->save_record(record);
  return code;
}

}  // namespace

void add_fuzz(CLI::App& app, int& code) {
  auto* f = app.add_subcommand(
      "fuzz", "Run cases and save what breaks.  Example: dtypefuzz fuzz --time 10m --jobs 2");
  auto o = std::make_shared<FuzzOptions>();
  std::vector<std::string> lines;
  for (const auto& engine : engines()) lines.push_back(fmt::format("{}: {}", engine.name, engine.sentence));
  auto* resume = f->add_option("--resume", o->resume,
                               "go on where the campaign in this --out directory was, whatever ended it; "
                               "--time and --runs, given anew, count from its beginning");
  auto fixed = std::make_shared<std::vector<CLI::Option*>>();
  const auto not_anew = [fixed](CLI::Option* option) {
    fixed->push_back(option);
    return option;
  };
  not_anew(f->add_option("--engine", o->engine, fmt::format("{}", fmt::join(lines, "; "))))
      ->capture_default_str();
  f->add_option("--time", o->time, "how long: 60s, 10m, 2h; 60s where nothing else ends the run");
  f->add_option("--runs", o->runs, "how many cases");
  not_anew(f->add_option("--seed", o->seed, "the same seed gives the same cases"))->capture_default_str();
  o->jobs.clear();
  f->add_option("--jobs", o->jobs, "worker processes [1]");
  o->space.add_to(*f);
  for (const auto* name : {"--modules", "--dtypes", "--devices"}) not_anew(f->get_option(name));
  not_anew(f->add_option("--out", o->out,
                         "where findings, run.json and the state for --resume are saved; one campaign at a "
                         "time, a second one is refused with the process id of the first"))
      ->capture_default_str();
  f->add_option("--baseline", o->baseline, "a directory of known findings, or none")->capture_default_str();
  f->add_option(
      "--corpus", o->corpus,
      "a directory: where libfuzzer keeps its inputs from run to run; the cases whose neighbors are run");
  not_anew(f->add_option("--case-time", o->case_time, "a case that takes longer is a hang"))
      ->capture_default_str();
  not_anew(f->add_option("--memory", o->memory,
                         "a case whose worker takes more is a finding: 512M, 2G; for each job"))
      ->capture_default_str();
  not_anew(f->add_flag("--strict", o->strict,
                       "refusals that blame another operand or name too little are findings"));
  f->add_flag("--json", o->json, "JSON lines on stdout");
  f->callback([o, &code, fixed, resume] {
    if (resume->count() > 0)
      for (const CLI::Option* option : *fixed)
        if (option->count() > 0)
          fail(
              "{} {}: a campaign that is resumed keeps its own; leave it out, or begin anew without --resume",
              option->get_name(), option->as<std::string>());
    if (resume->count() > 0 && o->resume.empty())
      fail("--resume '': expected the --out directory of a campaign");
    code = fuzz(*o);
  });
}

}  // namespace dtypefuzz
