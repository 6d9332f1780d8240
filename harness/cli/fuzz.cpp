#include <fmt/chrono.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <signal.h>

#include <ctime>
#include <filesystem>

#include "dtypefuzz/error.h"
#include "harness/campaign/folder.h"
#include "harness/cli/commands.h"
#include "harness/cli/tally.h"
#include "harness/engines/engines.h"
#include "harness/files/case_file.h"
#include "harness/files/cause_file.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;

Orders usual_orders() {
  Orders usual;
  usual.engine = engines().front().name;
  usual.baseline = of_checkout(kFindings);
  return usual;
}

/// Bytes of `512M`, `2G` or `2GB`.
uint64_t bytes_of(std::string_view option, const std::string& text) {
  const size_t number = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string digits = text.substr(0, number), unit = text.substr(number);
  const int shift = unit == "M" || unit == "MB" || unit == "MiB"   ? 20
                    : unit == "G" || unit == "GB" || unit == "GiB" ? 30
                                                                   : 0;
  if (shift == 0) fail("{} '{}': expected a size, as 512M or 2G", option, text);
  if (digits.size() > 6) fail("{} '{}': expected at most 999999 of its unit", option, text);
  const uint64_t value = number_of(option, digits, 1, 999'999) << shift;
  if (value < uint64_t{256} << 20)
    fail("{} '{}': LibTorch itself needs more; expected 256M or more", option, text);
  return value;
}

/// What the options come to, the engine and the baseline aside.
Settings campaign_of(const Orders& o, const Space& whole) {
  const bool whole_sweep = o.engine == "sweep" && o.time.empty();  // it ends by itself
  return {.engine = {},
          .seconds = !o.time.empty()                  ? seconds_of("--time", o.time)
                     : !o.runs.empty() || whole_sweep ? 0
                                                      : 60,
          .runs = o.runs.empty() ? 0 : number_of("--runs", o.runs, 0, UINT64_MAX),
          .seed = number_of("--seed", o.seed, 0, UINT64_MAX),
          .jobs = static_cast<int>(number_of("--jobs", o.jobs.empty() ? "1" : o.jobs, 1, 256)),
          .limits = {seconds_of("--case-time", o.case_time), bytes_of("--memory", o.memory)},
          .space = SpaceOptions{o.modules, o.dtypes, o.devices}.space(whole),
          .whole = whole,
          .bias = {},
          .strictness = {o.strict},
          .known = {}};
}

/// The directory of the campaign, taken, and the orders and the record that it goes on with.
struct Opened {
  Orders orders = {};
  std::unique_ptr<Folder> folder = {};
  nlohmann::json record = {};
};

Opened resumed(const Orders& given, const Space& whole) {
  std::error_code error;
  if (!fs::exists(fs::path(given.resume) / "run.json", error))
    fail("--resume {}: {}; give the --out directory of a campaign", given.resume,
         error && error != std::errc::not_a_directory ? error.message() : "no run.json is there");
  Opened opened{.folder = std::make_unique<Folder>(given.resume)};
  opened.record = opened.folder->record();
  opened.orders = go_on_with(opened.record, given, usual_orders(), [&](const Orders& told) {
    engine_named(told.engine);
    return campaign_of(told, whole).space;
  });
  return opened;
}

/// The engine, ready to run: from the known findings and from the seeds of the checkout.
Engine engine_of(const Orders& o, const Baseline& baseline, const Space& whole) {
  EngineOptions options{.corpus = o.corpus, .seeds = {}, .target = {}, .folder = o.out};
  for (const auto& [signature, place] : baseline.places)
    if (!place.path.empty()) options.known.push_back(place.path.string());
  if (const auto seeds = of_checkout("corpus/seeds"); fs::is_directory(seeds)) options.seeds.push_back(seeds);
  return engine_named(o.engine).make(options, whole);
}

/// The cause of what was told: its own, or that of the known place that it is.
std::string cause_told_of(const std::string& signature, const Snapshot::Told& told,
                          const Baseline& baseline) {
  if (const auto known = baseline.places.find(signature);
      told.standing == Standing::known && known != baseline.places.end())
    return known->second.cause;
  return told.cause;
}

/// Where what a campaign told of is saved.
fs::path path_of(const fs::path& folder, const std::string& signature, const Snapshot::Told& told) {
  const Cause cause =
      told.cause.empty() ? unlooked_cause(parse_signature(signature)) : parse_cause(told.cause);
  return folder / (told.standing == Standing::flaky ? "flaky" : folder_name_of(cause)) /
         file_name_of(signature);
}

int fuzz(const Orders& given) {
  const Space& whole = whole_space();
  const bool goes_on = !given.resume.empty();
  auto [o, folder, record] = goes_on ? resumed(given, whole) : Opened{.orders = given};
  if (o.jobs.empty()) o.jobs = "1";
  Settings settings = campaign_of(o, whole);
  const auto baseline = baseline_of(o.baseline, whole);
  settings.known = baseline.faults();
  const FailOn fail_on = fail_on_of(o.fail_on);
  const bool checks_known = o.check_known == "always";
  if (!checks_known && o.check_known != "never")
    fail("--check-known '{}': expected always or never", o.check_known);
  engine_named(o.engine);  // an unknown one makes no directory
  if (!folder) {
    folder = std::make_unique<Folder>(o.out);
    folder->begin_anew();
    record = new_record();
  }
  settings.engine = engine_of(o, baseline, whole);

  record["settings"] = settings_of(o, settings.space);
  record["begun"].push_back(fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr))));
  record["outcome"] = "running";
  folder->save_record(record);
  const Snapshot from = folder->snapshot();
  Tally tally;
  tally.looks = checks_known;
  for (const auto& [signature, told] : from.told) {
    const std::string cause = cause_told_of(signature, told, baseline);
    tally.add(signature, told, cause, sentence_of(parse_cause(cause)),
              path_of(folder->path(), signature, told).string());
  }
  if (goes_on && !o.json)
    fmt::print(stderr, "{}: goes on at case {}, {} new causes so far\n", o.out, from.next,
               tally.fresh.size());

  const std::atomic<int>& interrupts = interrupts_from_now_on(/*closed_output_too=*/true);
  ProgressLine line(o.json);
  Progress progress;
  const Listener listener{
      .report =
          [&, &o = o, &folder = folder](const Finding& finding, Standing standing) {
            const auto signature = to_string(finding.violation.signature);
            Entry entry{
                .finding = finding, .standing = standing, .layers = size_of(finding.body, whole).layers};
            const Snapshot::Told told{standing, finding.violation.severity,
                                      finding.cause ? to_string(*finding.cause) : ""};
            const std::string cause = cause_told_of(signature, told, baseline);
            if (const auto known = baseline.causes.find(cause); known != baseline.causes.end()) {
              entry.title = known->second.file.said(), entry.upstream = known->second.file.upstream;
              entry.finding.cause = known->second.file.cause;
            }
            if (standing == Standing::known) {
              entry.path = baseline.places.at(signature).path.string();
            } else {
              std::vector<Choice> about = {{"engine", fmt::format("{} --seed {}", o.engine, o.seed)}};
              entry.path = folder->save(finding, whole, standing, std::move(about)).string();
            }
            tally.add(signature, told, cause, entry.said(), entry.path);
            if (standing == Standing::fresh) tally.last_new_seconds = progress.seconds;
            if (standing == Standing::known && !o.json) return;
            line.clear();
            print_entry(entry, whole, o.json);
            line.restart();
          },
      .tick =
          [&, &o = o](const Progress& now) {
            progress = now;
            if (now.after > 0) tally.to_minimize = std::max(tally.to_minimize, now.waiting);
            if (line.is_due()) line.show(status_of(now, tally, o, settings));
          },
      .save = [&, &folder = folder](const Snapshot& snapshot) { folder->save(snapshot); }};
  int code = 0;
  try {
    if (o.runs != "0") progress = run_campaign(settings, listener, interrupts, from);
    line.clear();
    look_for_fixed(baseline, settings, o.json, interrupts, tally, line);
    print_summary(o, usual_orders(), settings, progress, tally, baseline, ended_by());
    std::fflush(stdout);  // a reader that has gone is met here at the latest
    code = ended_by() != 0 ? 128 + ended_by() : tally.has_failed(fail_on) ? 1 : 0;
    record["outcome"] = ended_by() == SIGPIPE ? "output closed"
                        : ended_by() != 0     ? "interrupted"
                                              : "complete";
    record["seconds"] = progress.seconds;
    record["minimizing_seconds"] = progress.after;
    record["check_seconds"] = tally.check_seconds;
    record["counts"] = tally.counts(progress);
    record["findings"] = nlohmann::json::array();
    for (const Tally::Fresh& cause : tally.fresh) record["findings"].push_back(cause.path);
    record["repeat"] = command_again(o, usual_orders(), progress.cases);
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

CLI::Option* add(CLI::App& command, const CampaignOption& option, Orders& orders, const std::string& help) {
  const std::string name = fmt::format("--{}", option.name);
  if (const auto* flag = std::get_if<bool Orders::*>(&option.value))
    return command.add_flag(name, orders.*(*flag), help);
  if (const auto* words = std::get_if<CampaignOption::Words Orders::*>(&option.value))
    return command.add_option(name, orders.*(*words), help)
        ->delimiter(',')
        ->allow_extra_args(false)
        ->type_name(std::string(option.kind));
  auto* added = command.add_option(name == "--jobs" ? "-j,--jobs" : name,
                                   orders.*std::get<std::string Orders::*>(option.value), help);
  added->type_name(std::string(option.kind));
  return option.shows_default ? added->capture_default_str() : added;
}

}  // namespace

void add_fuzz(CLI::App& app, int& code) {
  auto* command = app.add_subcommand(
      "fuzz", "Run cases and save what breaks.  Example: dtypefuzz fuzz --time 10m --jobs 2");
  auto o = std::make_shared<Orders>(usual_orders());
  std::vector<std::string> lines;
  for (const auto& engine : engines()) lines.push_back(fmt::format("{}: {}", engine.name, engine.sentence));
  auto* resume = command
                     ->add_option("--resume", o->resume,
                                  "go on where the campaign in this --out directory was, whatever ended it; "
                                  "--time and --runs, given anew, count from its beginning")
                     ->type_name("DIR");
  std::vector<const CLI::Option*> kept;
  for (const CampaignOption& option : campaign_options()) {
    const auto* added =
        add(*command, option, *o,
            option.help.empty() ? fmt::format("{}", fmt::join(lines, "; ")) : std::string(option.help));
    if (option.on_resume == OnResume::keeps) kept.push_back(added);
  }
  command->callback([o, &code, kept, resume] {
    if (resume->count() > 0)
      for (const CLI::Option* option : kept)
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
