#include <fmt/format.h>
#include <fmt/ranges.h>
#include <fnmatch.h>

#include <algorithm>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/corpus/baseline.h"
#include "harness/engines/engines.h"
#include "harness/faults/rare.h"
#include "harness/faults/trial.h"
#include "harness/run/prepare.h"

namespace dtypefuzz {
namespace {

struct FaultOptions {
  std::string seed = "1", only = "*", time = "10s", campaign, jobs = "1", baseline = "none";
  bool json = false, often = false;
};

/// `with_causes`: what the fault was told as, whether that names what was replaced, and what hides it.
void print(const Fault& fault, const Trial& trial, bool with_causes, bool json) {
  if (json)
    return print_json("fault", {{"name", fault.name},
                                {"class", to_string(fault.what)},
                                {"property", fault.property},
                                {"caught", trial.caught},
                                {"seconds", trial.seconds},
                                {"layers", trial.layers},
                                {"cases", trial.cases},
                                {"signature", trial.signature},
                                {"fired", trial.fired},
                                {"cause", trial.cause},
                                {"names_operator", trial.names_operator},
                                {"hidden_by", trial.hidden_by},
                                {"case", trial.caught ? print_case({trial.minimized, {}, {}, {}}) : ""}});
  fmt::print("| {} | {} | `{}` | {} | {:.1f} | {} |", fault.name, to_string(fault.what), fault.property,
             trial.caught ? "yes" : "NO", trial.seconds, trial.layers);
  if (with_causes && trial.caught)
    fmt::print(" `{}` | {} |", trial.cause, trial.names_operator ? "yes" : "no");
  else if (with_causes)
    fmt::print(" {} | |", trial.hidden_by.empty()
                              ? "nothing was told"
                              : fmt::format("hidden by {}", fmt::join(trial.hidden_by, ", ")));
  fmt::print("\n");
  std::fflush(stdout);
}

int run_faults(const FaultOptions& o) {
  const TrialSettings settings{.seed = number_of("--seed", o.seed, 0, UINT64_MAX),
                               .seconds = seconds_of("--time", o.time),
                               .known = load_baseline(o.baseline, whole_space()).faults()};
  std::map<std::string, Control> controls;
  size_t tried = 0, caught = 0;
  const auto& interrupts = interrupts_from_now_on();
  const bool with_causes = o.baseline != "none";
  if (!o.json)
    fmt::print("| fault | class | property | caught | seconds | layers |{}\n|---|---|---|---|---|---|{}\n",
               with_causes ? " told as | names the operator |" : "", with_causes ? "---|---|" : "");
  for (const Fault& fault : planted_faults()) {
    if (interrupts > 0) return 130;
    if (fnmatch(o.only.c_str(), fault.name.c_str(), 0) != 0) continue;
    auto control = controls.find(family_of(fault));
    if (control == controls.end())
      control = controls.emplace(family_of(fault), control_for(fault, settings)).first;
    const Trial trial = trial_of(fault, control->second, settings);
    ++tried, caught += trial.caught;
    print(fault, trial, with_causes, o.json);
  }
  if (tried == 0) fail("--only '{}': no fault has such a name", o.only);
  if (!o.json) fmt::print("\n{} of {} planted faults caught\n", caught, tried);
  return caught == tried ? 0 : 1;
}

void print(const std::vector<RareFault>& faults, const RareCampaign& campaign) {
  fmt::print("| fault | about one in | findings | first met by case | layers |\n|---|---|---|---|---|\n");
  for (size_t i = 0; i < faults.size(); ++i) {
    const auto& found = campaign.found[i];
    fmt::print("| {} | {:.0f} | {} | {} | {} |\n", faults[i].fault.name, faults[i].one_in, found.findings,
               found.findings ? std::to_string(found.index) : "-", found.layers);
  }
  fmt::print("\n{} cases, {:.0f} cases/s; without the faults {:.0f} cases/s, {:+.1f} %\n", campaign.cases,
             campaign.rate, campaign.rate_without, 100 * (campaign.rate / campaign.rate_without - 1));
  fmt::print("other findings: {}; new ones that LibTorch shows without the faults: {}\n",
             campaign.others.size(), campaign.of_libtorch);
  for (const auto& other : campaign.others) fmt::print("  {}\n", other);
}

int run_rare(const FaultOptions& o) {
  const Space& whole = whole_space();
  Settings settings{.engine = engine_named("rapidcheck").make({}, whole),
                    .seconds = seconds_of("--campaign", o.campaign),
                    .seed = number_of("--seed", o.seed, 0, UINT64_MAX),
                    .jobs = static_cast<int>(number_of("--jobs", o.jobs, 1, 256)),
                    .space = SpaceOptions{}.space(whole),
                    .whole = whole,
                    .bias = {},
                    .strictness = {},
                    .known = {}};
  // What is met often should cost little.
  if (o.often) settings.limits = {.seconds = 5, .bytes = uint64_t{1} << 30};
  settings.known = load_baseline(of_checkout("corpus/findings"), whole).faults();
  prepare_process();
  const auto faults = rare_faults(o.often);
  const RareCampaign campaign = run_with(faults, settings, interrupts_from_now_on(),
                                         [](const std::string& news) { fmt::print(stderr, "{}\n", news); });
  const bool holds = campaign.finds_all() && (o.often || campaign.is_fast());
  if (o.json) {
    for (size_t i = 0; i < faults.size(); ++i)
      print_json("rare_fault", {{"name", faults[i].fault.name},
                                {"class", to_string(faults[i].fault.what)},
                                {"one_in", faults[i].one_in},
                                {"findings", campaign.found[i].findings},
                                {"signature", campaign.found[i].signature},
                                {"case_index", campaign.found[i].index},
                                {"layers", campaign.found[i].layers}});
    print_json("rare_campaign", {{"cases", campaign.cases},
                                 {"cases_per_second", campaign.rate},
                                 {"cases_per_second_without", campaign.rate_without},
                                 {"others", campaign.others},
                                 {"of_libtorch", campaign.of_libtorch},
                                 {"holds", holds}});
  } else {
    print(faults, campaign);
  }
  return campaign.interrupted ? 128 + ended_by() : holds ? 0 : 1;
}

}  // namespace

void add_faults(CLI::App& app, int& code) {
  auto o = std::make_shared<FaultOptions>();
  auto* command = app.add_subcommand(
      "faults",
      "Plant faults in LibTorch and see them caught.  Example: dtypefuzz faults --only '*layer_norm*'");
  command->add_option("--seed", o->seed, "the same seed gives the same cases")
      ->type_name("N")
      ->capture_default_str();
  command->add_option("--only", o->only, "faults whose names match this")
      ->type_name("GLOB")
      ->capture_default_str();
  command
      ->add_option("--time", o->time,
                   "for each fault, and for the LibTorch without faults over the same modules")
      ->type_name("TIME")
      ->capture_default_str();
  auto* campaign =
      command
          ->add_option(
              "--campaign", o->campaign,
              "instead: one campaign this long with a crash, a hang and an exhaustion that fire on rare "
              "combinations "
              "of "
              "answers; each has to be found once, nothing else, at three quarters of the speed or more")
          ->type_name("TIME");
  command->add_option("-j,--jobs", o->jobs, "worker processes of the campaign")
      ->type_name("N")
      ->capture_default_str()
      ->needs(campaign);
  command->add_flag("--often", o->often, "on combinations that are less rare, for a short campaign")
      ->needs(campaign);
  command
      ->add_option("--baseline", o->baseline,
                   "known causes: a fault is caught where it is told of as a new one; usually none")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = o->campaign.empty() ? run_faults(*o) : run_rare(*o); });
}

}  // namespace dtypefuzz
