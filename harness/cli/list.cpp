#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "generators/written.h"
#include "harness/cli/commands.h"
#include "harness/cli/screen.h"
#include "harness/core/explain.h"
#include "harness/core/names.h"
#include "harness/core/text.h"
#include "harness/core/words.h"
#include "harness/corpus/baseline.h"
#include "harness/files/case_file.h"
#include "harness/files/seen.h"
#include "harness/run/run.h"
#include "properties/messages.h"
#include "properties/property.h"
#include "properties/signature.h"

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
  fail("--contract '{}': unknown{}; see '{} list modules'", wanted, did_you_mean(wanted, names), own_path());
}

/// What a person looks for: empty is all.
struct Filters {
  std::vector<std::string> names;  ///< globs or parts
  std::string module, property, severity, device, upstream;
};

bool fits(const std::string& wanted, std::string_view text) {
  return wanted.empty() || glob(wanted, text);
}

/// Whether one of the globs, or of the parts, is in one of the texts; of no names all are.
bool is_named(const std::vector<std::string>& names, std::initializer_list<std::string_view> texts) {
  return names.empty() || std::ranges::any_of(names, [&](const std::string& name) {
           return std::ranges::any_of(texts, [&](std::string_view text) {
             return glob(name, text) || text.find(name) != std::string_view::npos;
           });
         });
}

bool has_upstream(const std::string& wanted, const std::string& upstream) {
  const bool none = upstream.empty() || upstream == "none found";
  if (wanted == "none") return none;
  return wanted.empty() || (!none && (glob(wanted, upstream) || upstream.find(wanted) != std::string::npos));
}

bool fits(const Filters& f, const Signature& s) {
  return fits(f.module, s.culprit) && fits(f.property, s.property) && fits(f.device, s.device) &&
         (f.severity.empty() || to_string(severity_of(s)) == f.severity);
}

/// A filter that no known place could ever fit is mistyped.
void refuse_mistyped(const Filters& f) {
  std::vector<std::string> severities, properties, devices;
  for (const auto word : words_of<Severity>()) severities.emplace_back(word);
  for (const Property& property : all_properties()) properties.emplace_back(property.name);
  for (const Device device : whole_space().devices) devices.emplace_back(to_string(device));
  const auto check = [](std::string_view option, const std::string& wanted, const auto& offered) {
    if (!wanted.empty() && std::ranges::none_of(offered, [&](auto& word) { return glob(wanted, word); }))
      fail("{} '{}': unknown{}; there are {}", option, wanted, did_you_mean(wanted, offered),
           fmt::join(offered, ", "));
  };
  check("--severity", f.severity, severities);
  check("--property", f.property, properties);
  check("--device", f.device, devices);
}

/// A mistyped name is no empty list.
int told_if_none(size_t count, const Filters& f, std::string_view what) {
  if (count == 0)
    fmt::print(stderr, "dtypefuzz: no {} {}\n", what,
               f.names.empty() ? "fits these filters" : fmt::format("is named {}", fmt::join(f.names, ", ")));
  return 0;
}

int list_findings(const Baseline& baseline, const Filters& f, bool json) {
  size_t count = 0;
  for (const auto& [signature, place] : baseline.places) {
    const Signature s = parse_signature(signature);
    const std::string title = baseline.title_of(place), upstream = baseline.upstream_of(place);
    if (!fits(f, s) || !has_upstream(f.upstream, upstream) ||
        !is_named(f.names, {s.culprit, signature, title, place.cause}))
      continue;
    ++count;
    if (!json)
      fmt::print("{}  {}\n", signature, title);
    else
      print_json("known", {{"signature", signature},
                           {"cause", place.cause},
                           {"title", title},
                           {"severity", to_string(severity_of(s))},
                           {"module", s.culprit},
                           {"property", s.property},
                           {"phase", s.phase},
                           {"family", s.family},
                           {"device", s.device},
                           {"autocast", s.autocast},
                           {"upstream", upstream},
                           {"case", place.path.string()},
                           {"recorded_here", place.here}});
  }
  return told_if_none(count, f, "finding");
}

/// Those with most places first.
int list_causes(const Baseline& baseline, const Filters& f, bool json) {
  struct Found {
    const KnownCause* cause;
    size_t places;
    Severity severity;
  };
  std::vector<Found> causes;
  for (const auto& [text, cause] : baseline.causes) {
    const std::string folder = cause.folder.filename().string(), title = cause.file.said();
    if (!has_upstream(f.upstream, cause.file.upstream) || !is_named(f.names, {folder, text, title})) continue;
    Found found{&cause, 0, Severity::vague};
    for (const auto& [signature, keys] : cause.file.places) {
      const Signature s = parse_signature(signature);
      if (!fits(f, s)) continue;
      ++found.places;
      found.severity = std::min(found.severity, severity_of(s));
    }
    if (found.places > 0) causes.push_back(found);
  }
  std::ranges::stable_sort(causes, std::greater{}, &Found::places);
  for (const auto& [cause, places, severity] : causes) {
    if (json) {
      nlohmann::json fields = to_json(*cause);
      fields["severity"] = to_string(severity);
      print_json("cause", fields);
    } else {
      fmt::print("{:4}  {}{}  {}  {}\n", places, painted(severity, STDOUT_FILENO),
                 std::string(10 - to_string(severity).size(), ' '), cause->folder.filename().string(),
                 cause->file.said());
    }
  }
  return told_if_none(causes.size(), f, "cause");
}

/// What may be asked in a case, what it answers, and what else it might.
int list_questions(const std::string& path, bool json) {
  const Space& space = whole_space();
  const Case c = path.empty() ? Case{} : load_case(path, space).body;
  for (const auto& [name, answer, ask, offered] : questions_in(c, space)) {
    if (json) {
      print_json("question", {{"question", name}, {"answer", answer}, {"offered", offered}});
      continue;
    }
    constexpr size_t kMost = 8;
    const std::vector<std::string> first(
        offered.begin(), offered.begin() + static_cast<ptrdiff_t>(std::min(kMost, offered.size())));
    fmt::print("{:36}  {:14}  {}{}\n", name, answer, fmt::join(first, ", "),
               offered.size() > kMost ? fmt::format(" and {} more", offered.size() - kMost) : "");
  }
  return 0;
}

int list_plain(const std::string& what, const Filters& f, bool json) {
  const Space& whole = whole_space();
  size_t count = 0;
  const auto line = [&](std::string_view type, std::string_view name, std::string_view kind,
                        std::string_view detail, const std::vector<std::string>* variants = nullptr) {
    if (!is_named(f.names, {name})) return;
    ++count;
    if (!json) {
      fmt::print("{:32}{}\n", name, detail);
      return;
    }
    nlohmann::json fields{{"name", name}, {kind, detail}};
    if (variants) fields["variants"] = *variants;
    print_json(type, fields);
  };
  if (what == "modules")
    for (const bool is_loss : {false, true})
      for (const Row* row : is_loss ? whole.losses : whole.modules) {
        const auto variants = variants_of(*row, is_loss, whole);
        line("module", row->name, "source", row->source, &variants);
      }
  else if (what == "dtypes")
    for (const Dtype dtype : all_dtypes())
      line("dtype", name_of(dtype), "category", to_string(category_of(dtype)));
  else if (what == "devices")
    for (const Device device : whole.devices)
      line("device", to_string(device), "reach", device_in_reach(device) ? "in reach" : "not here");
  else if (what == "properties")
    for (const auto& property : all_properties())
      line("property", property.name, "sentence", property.sentence);
  else
    for (const auto& family : message_families()) line("message", family.name, "pattern", family.pattern);
  return told_if_none(count, f, std::string_view(what).substr(0, what.size() - 1));
}

}  // namespace

void add_list(CLI::App& app, int& code) {
  struct Options {
    std::string what, contract, baseline = of_checkout(kFindings);
    Filters filters;
    bool json = false;
  };
  static const std::vector<std::string> kWhat = {"modules",  "dtypes",    "devices", "properties",
                                                 "messages", "questions", "causes",  "findings"};
  auto o = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("list", "What there is.  Example: dtypefuzz list causes --module 'Conv*'");
  command
      ->add_option("what", o->what,
                   "modules, dtypes, devices, properties, messages; questions of a case; of the baseline: "
                   "causes, findings (their places)")
      ->type_name("WHAT");
  command
      ->add_option("names", o->filters.names,
                   "those alone whose names these globs or parts of a name are in; of questions: a case file")
      ->type_name("NAME");
  command->add_flag("--json", o->json, "JSON lines on stdout, with all that is known of each");
  const auto add = [&](const char* name, std::string& into, const char* help, const char* kind) {
    return command->add_option(name, into, help)->type_name(kind);
  };
  auto* contract = add("--contract", o->contract,
                       "of modules and losses: what these names or globs promise, with the source", "NAME");
  std::vector<CLI::Option*> of_the_baseline = {
      add("--module", o->filters.module, "causes and findings of these modules", "GLOB"),
      add("--property", o->filters.property, "that violate these properties", "GLOB"),
      add("--severity", o->filters.severity, "crash, wrong_bits, late, silent, refusal, vague", "WORD"),
      add("--device", o->filters.device, "on this device", "DEVICE"),
      add("--upstream", o->filters.upstream, "none, or a part of the link to the issue", "TEXT"),
      add("--baseline", o->baseline, "a directory of causes: a baseline, or a campaign's --out", "DIR")
          ->capture_default_str()};
  for (CLI::Option* option : of_the_baseline) option->group("Of causes and findings");
  command->callback([o, contract, of_the_baseline, &code] {
    if (o->what.empty()) fail("list: of what? {}", fmt::join(kWhat, ", "));
    if (std::ranges::find(kWhat, o->what) == kWhat.end())
      fail("list '{}': unknown{}; there are {}", o->what, did_you_mean(o->what, kWhat),
           fmt::join(kWhat, ", "));
    const bool of_baseline = o->what == "causes" || o->what == "findings";
    if (contract->count() > 0 && o->what != "modules")
      fail("--contract '{}': goes with 'list modules'", o->contract);
    for (const CLI::Option* option : of_the_baseline)
      if (option->count() > 0 && !of_baseline)
        fail("{} '{}': goes with 'list causes' and 'list findings'", option->get_name(),
             option->as<std::string>());
    if (contract->count() > 0) {
      code = list_contracts(o->contract, o->json);
    } else if (o->what == "questions") {
      if (o->filters.names.size() > 1) fail("list questions: expected one case file");
      code = list_questions(o->filters.names.empty() ? "" : o->filters.names.front(), o->json);
    } else if (of_baseline) {
      refuse_mistyped(o->filters);
      const Baseline baseline = baseline_of(o->baseline, whole_space());
      code = o->what == "causes" ? list_causes(baseline, o->filters, o->json)
                                 : list_findings(baseline, o->filters, o->json);
    } else {
      code = list_plain(o->what, o->filters, o->json);
    }
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
