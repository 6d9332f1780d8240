#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/core/explain.h"
#include "harness/core/text.h"
#include "harness/corpus/baseline.h"
#include "harness/files/case_file.h"
#include "harness/files/seen.h"
#include "harness/run/run.h"
#include "properties/messages.h"
#include "properties/property.h"

namespace dtypefuzz {
namespace {

/// The answers that make a module a variant: its own questions that are no dtype, as `name=first|second`.
std::vector<std::string> variants_of(const Row& row, bool is_loss, const Space& space) {
  Case c;
  c.set(is_loss ? "loss" : "layers[0].module", row.name);
  Draw draw(c);
  draw.keep_repairs(true);  // a missing answer's repair lists what was offered
  plan_of(draw, space);
  const std::string_view path = is_loss ? "loss" : "layers[0]";
  std::vector<std::string> variants;
  for (const Repair& repair : draw.repairs()) {
    if (!lies_in(repair.name, path) || is_dtype(repair.ask) || is_region(repair.ask) ||
        repair.ask == Ask::residual)
      continue;
    std::string text = repair.name.substr(path.size() + 1);
    char separator = '=';
    for (const auto& option : repair.offered) text += separator, text += option, separator = '|';
    variants.push_back(text);
  }
  return variants;
}

/// The contract of a row's simplest case, and those that one other answer asks for, each with that answer.
std::vector<std::pair<std::string, const Contract*>> contracts_of(const Row& row, bool is_loss,
                                                                  const Space& space) {
  Case c;
  if (!is_loss) c.set("layers[0].module", row.name);
  std::vector<std::pair<std::string, const Contract*>> all = {{"", &row.contract}};
  if (is_loss) return all;
  Draw draw(c);
  plan_of(draw, space);
  for (size_t i = 0; i < draw.answered().size(); ++i) {
    const Choice& choice = draw.result().choices[i];
    if (draw.answered()[i].ask != Ask::setting || !lies_in(choice.name, "layers[0]")) continue;
    for (uint32_t option = 0; option < draw.answered()[i].options; ++option) {
      Draw other(draw.result());
      other.force(choice.name, option);
      const Plan plan = plan_of(other, space);
      const Contract* contract = plan.layers.front().contract;
      if (std::any_of(all.begin(), all.end(), [&](auto& known) { return known.second == contract; }))
        continue;
      const auto value = other.result()[choice.name];
      all.emplace_back(fmt::format("{}={}", choice.name.substr(choice.name.find('.') + 1), value), contract);
    }
  }
  return all;
}

void print_contract(const Row& row, const std::string& with, const Contract& contract, bool json) {
  const auto sentences = explain(contract);
  if (json) {
    nlohmann::json said = nlohmann::json::array();
    for (const auto& [about, text, source] : sentences)
      said.push_back(
          {{"about", about}, {"text", text}, {"source", source.empty() ? contract.source : source}});
    print_json("contract",
               {{"name", row.name}, {"with", with}, {"source", contract.source}, {"sentences", said}});
    return;
  }
  fmt::print("{}{}\n  {}\n", row.name, with.empty() ? "" : " with " + with, contract.source);
  for (const auto& [about, text, source] : sentences) {
    fmt::print("  {:10}{}\n", about, text);
    if (!source.empty()) fmt::print("  {:10}  {}\n", "", source);
  }
  fmt::print("\n");
}

/// What rows of these names promise, in words.
int list_contracts(const std::string& wanted, bool json) {
  std::vector<std::string> names;
  bool found = false;
  for (const bool is_loss : {false, true})
    for (const Row* row : is_loss ? losses() : module_rows()) {
      names.emplace_back(row->name);
      if (!glob(wanted, row->name)) continue;
      found = true;
      for (const auto& [with, contract] : contracts_of(*row, is_loss, whole_space()))
        print_contract(*row, with, *contract, json);
    }
  if (found) return 0;
  const auto meant = nearest(wanted, names);
  fail("--contract '{}': unknown{}; see '{} list modules'", wanted,
       meant.empty() ? "" : fmt::format(", did you mean '{}'?", meant), own_path());
}

void list_findings(const Baseline& baseline, bool json) {
  for (const auto& [signature, place] : baseline.places) {
    if (!json)
      fmt::print("{}\n  {}\n", signature, baseline.title_of(place));
    else
      print_json("known", {{"signature", signature},
                           {"cause", place.cause},
                           {"title", baseline.title_of(place)},
                           {"upstream", baseline.upstream_of(place)},
                           {"case", place.path.string()},
                           {"recorded_here", place.here}});
  }
}

/// Those with most places first.
void list_causes(const Baseline& baseline, bool json) {
  std::vector<const KnownCause*> causes;
  for (const auto& [text, cause] : baseline.causes) causes.push_back(&cause);
  std::ranges::stable_sort(causes, std::greater{},
                           [](const KnownCause* cause) { return cause->file.places.size(); });
  for (const KnownCause* cause : causes) {
    if (json)
      print_json("cause", to_json(*cause));
    else
      fmt::print("{:4}  {}\n      {}\n", cause->file.places.size(), cause->file.said(),
                 cause->folder.filename().string());
  }
}

int list(const std::string& what, bool json) {
  const Space& whole = whole_space();
  const auto line = [&](std::string_view type, std::string_view name, std::string_view detail,
                        const std::vector<std::string>* variants = nullptr) {
    if (!json) {
      fmt::print("{:32}{}\n", name, detail);
      return;
    }
    nlohmann::json fields{{"name", name}, {"source", detail}};
    if (variants) fields["variants"] = *variants;
    print_json(type, fields);
  };
  if (what == "modules")
    for (const bool is_loss : {false, true})
      for (const Row* row : is_loss ? whole.losses : whole.modules) {
        const auto variants = variants_of(*row, is_loss, whole);
        line("module", row->name, row->source, &variants);
      }
  else if (what == "dtypes")
    for (const Dtype dtype : all_dtypes()) line("dtype", name_of(dtype), to_string(category_of(dtype)));
  else if (what == "devices")
    for (const Device device : whole.devices)
      line("device", to_string(device), device_in_reach(device) ? "in reach" : "not here");
  else if (what == "properties")
    for (const auto& property : all_properties()) line("property", property.name, property.sentence);
  else if (what == "causes")
    list_causes(load_baseline(of_checkout("corpus/findings"), whole), json);
  else if (what == "findings")
    list_findings(load_baseline(of_checkout("corpus/findings"), whole), json);
  else
    for (const auto& family : message_families()) line("message", family.name, family.pattern);
  return 0;
}

}  // namespace

void add_list(CLI::App& app, int& code) {
  struct Options {
    std::string what, contract;
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand("list", "What there is.  Example: dtypefuzz list modules");
  command
      ->add_option(
          "what", o->what,
          "modules, dtypes, devices, properties, messages; of the baseline: causes, findings (its places)")
      ->required()
      ->check(
          CLI::IsMember({"modules", "dtypes", "devices", "properties", "messages", "causes", "findings"}));
  command->add_flag("--json", o->json, "JSON lines on stdout");
  auto* contract = command->add_option(
      "--contract", o->contract, "of modules and losses: what these names or globs promise, with the source");
  command->callback([o, contract, &code] {
    if (contract->count() > 0 && o->what != "modules")
      fail("--contract '{}': goes with 'list modules'", o->contract);
    code = contract->count() > 0 ? list_contracts(o->contract, o->json) : list(o->what, o->json);
  });
}

void add_doctor(CLI::App& app, int&) {
  auto json = std::make_shared<bool>(false);
  auto* command = app.add_subcommand("doctor", "What this build runs on.  Example: dtypefuzz doctor");
  command->add_flag("--json", *json, "JSON lines on stdout");
  command->callback([json] {
    std::vector<std::string> devices;
    for (const Device device : whole_space().devices)
      if (device_in_reach(device)) devices.emplace_back(to_string(device));
    const std::pair<const char*, std::string> facts[] = {
        {"dtypefuzz", build_info::kVersion},
        {"libtorch", build_info::kLibTorchVersion},
        {"libtorch_dir", build_info::kLibTorchDir},
        {"libtorch_origin", build_info::kLibTorchOrigin},
        {"abi", _GLIBCXX_USE_CXX11_ABI ? "C++11" : "before C++11"},
        {"cpu_capability", cpu_capability()},
        {"devices", fmt::format("{}", fmt::join(devices, ", "))},
        {"compiler", build_info::kCompiler},
    };
    nlohmann::json fields;
    for (const auto& [name, value] : facts) {
      if (!*json) fmt::print("{:16}{}\n", name, value);
      fields[name] = value;
    }
    if (*json) print_json("doctor", fields);
  });
}

}  // namespace dtypefuzz
