#include <fmt/format.h>
#include <fnmatch.h>

#include <algorithm>

#include "harness/cli/commands.h"
#include "harness/core/error.h"
#include "harness/faults/trial.h"

namespace dtypefuzz {
namespace {

struct FaultOptions {
  std::string seed = "1", only = "*", time = "10s";
  bool json = false;
};

void print(const Fault& fault, const Trial& trial, bool json) {
  if (json)
    return print_json("fault", {{"name", fault.name},
                                {"class", to_string(fault.what)},
                                {"property", fault.property},
                                {"caught", trial.caught},
                                {"seconds", trial.seconds},
                                {"layers", trial.layers},
                                {"cases", trial.cases},
                                {"signature", trial.signature},
                                {"fired", trial.fired}});
  fmt::print("| {} | {} | `{}` | {} | {:.1f} | {} |\n", fault.name, to_string(fault.what), fault.property,
             trial.caught ? "yes" : "NO", trial.seconds, trial.layers);
  std::fflush(stdout);
}

int run_faults(const FaultOptions& o) {
  const TrialSettings settings{.seed = number_of("--seed", o.seed, 0, UINT64_MAX),
                               .seconds = seconds_of("--time", o.time)};
  std::map<std::string, Control> controls;
  size_t tried = 0, caught = 0;
  const auto& interrupts = interrupts_from_now_on();
  if (!o.json) fmt::print("| fault | class | property | caught | seconds | layers |\n|---|---|---|---|---|---|\n");
  for (const Fault& fault : planted_faults()) {
    if (interrupts > 0) return 130;
    if (fnmatch(o.only.c_str(), fault.name.c_str(), 0) != 0) continue;
    auto control = controls.find(family_of(fault));
    if (control == controls.end())
      control = controls.emplace(family_of(fault), control_for(fault, settings)).first;
    const Trial trial = trial_of(fault, control->second, settings);
    ++tried, caught += trial.caught;
    print(fault, trial, o.json);
  }
  if (tried == 0) fail("--only '{}': no fault has such a name", o.only);
  if (!o.json) fmt::print("\n{} of {} planted faults caught\n", caught, tried);
  return caught == tried ? 0 : 1;
}

}  // namespace

void add_faults(CLI::App& app, int& code) {
  auto o = std::make_shared<FaultOptions>();
  auto* command = app.add_subcommand(
      "faults", "Plant faults in LibTorch and see them caught.  Example: dtypefuzz faults --only '*layer_norm*'");
  command->add_option("--seed", o->seed, "the same seed gives the same cases")->capture_default_str();
  command->add_option("--only", o->only, "faults whose names match this")->capture_default_str();
  command->add_option("--time", o->time, "for each fault, and for the LibTorch without faults over the same modules")
      ->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = run_faults(*o); });
}

}  // namespace dtypefuzz
