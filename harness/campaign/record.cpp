// run.json: what a campaign was told and what came of it. Nothing in it is believed.
#include "harness/campaign/record.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/core/text.h"
#include "harness/files/json_file.h"
#include "harness/files/seen.h"

namespace dtypefuzz {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using Words = CampaignOption::Words;

constexpr size_t kMostPath = 4096;  // PATH_MAX

constexpr CampaignOption kOptions[] = {
    {.name = "engine",
     .value = &Orders::engine,
     .help = "",
     .on_resume = OnResume::keeps,
     .shows_default = true,
     .kind = "ENGINE"},
    {.name = "time",
     .value = &Orders::time,
     .help = "how long cases are run: 60s, 10m, 2h; 60s where nothing else ends it. What they showed is "
             "minimized after that",
     .on_resume = OnResume::anew,
     .kind = "TIME",
     .together = "length"},
    {.name = "runs",
     .value = &Orders::runs,
     .help = "how many cases; 0: none, what is known alone is looked at",
     .on_resume = OnResume::anew,
     .kind = "N",
     .together = "length"},
    {.name = "seed",
     .value = &Orders::seed,
     .help = "the same seed gives the same cases",
     .on_resume = OnResume::keeps,
     .shows_default = true,
     .kind = "N"},
    {.name = "jobs",
     .value = &Orders::jobs,
     .help = "worker processes",
     .on_resume = OnResume::anew,
     .kind = "N",
     .together = "jobs"},
    {.name = "modules",
     .value = &Orders::modules,
     .help = "names or globs, losses too: Linear,Conv*",
     .on_resume = OnResume::keeps,
     .quoted = true,
     .kind = "MODULES"},
    {.name = "dtypes",
     .value = &Orders::dtypes,
     .help = "dtypes to draw from: float32,bfloat16",
     .on_resume = OnResume::keeps,
     .kind = "DTYPES"},
    {.name = "devices",
     .value = &Orders::devices,
     .help = "cpu, meta, cuda",
     .on_resume = OnResume::keeps,
     .kind = "DEVICES"},
    {.name = "out",
     .value = &Orders::out,
     .help = "where findings, run.json and the state for --resume are saved; one campaign at a time, a "
             "second one is "
             "refused with the process id of the first",
     .on_resume = OnResume::keeps,
     .recorded = false,
     .shows_default = true,
     .kind = "DIR"},
    {.name = "baseline",
     .value = &Orders::baseline,
     .help = "a directory of known findings, or none",
     .on_resume = OnResume::said_again,
     .shows_default = true,
     .quoted = true,
     .kind = "DIR"},
    {.name = "corpus",
     .value = &Orders::corpus,
     .help =
         "a directory: where libfuzzer keeps its inputs from run to run; the cases whose neighbors are run",
     .on_resume = OnResume::said_again,
     .quoted = true,
     .kind = "DIR"},
    {.name = "case-time",
     .value = &Orders::case_time,
     .help = "a case that takes longer is a hang",
     .on_resume = OnResume::keeps,
     .shows_default = true,
     .kind = "TIME"},
    {.name = "memory",
     .value = &Orders::memory,
     .help = "a case whose worker takes more is a finding: 512M, 2G; for each job",
     .on_resume = OnResume::keeps,
     .shows_default = true,
     .kind = "SIZE"},
    {.name = "strict",
     .value = &Orders::strict,
     .help = "refusals that blame another operand or name too little are findings",
     .on_resume = OnResume::keeps},
    {.name = "fail-on",
     .value = &Orders::fail_on,
     .help = "new: a new cause makes the run fail; place: so does a known cause at a new place; none: "
             "nothing does",
     .on_resume = OnResume::now,
     .recorded = false,
     .shows_default = true,
     .kind = "WHAT"},
    {.name = "check-known",
     .value = &Orders::check_known,
     .help = "always or never: after the last case, whether known findings of the modules and dtypes that "
             "are drawn from still happen",
     .on_resume = OnResume::now,
     .recorded = false,
     .shows_default = true,
     .kind = "WHEN"},
    {.name = "json",
     .value = &Orders::json,
     .help = "JSON lines on stdout",
     .on_resume = OnResume::now,
     .recorded = false},
};

template <class... Of>
struct EachKind : Of... {
  using Of::operator()...;
};

bool opens_nothing(const std::string& directory) {
  return directory.empty() || directory == "none";
}

bool is_usual(const CampaignOption& option, const Orders& given, const Orders& usual) {
  return std::visit([&](auto member) { return given.*member == usual.*member; }, option.value);
}

void take(const CampaignOption& option, Orders& into, const Orders& from) {
  std::visit([&](auto member) { into.*member = from.*member; }, option.value);
}

Json versions() {
  return {{"dtypefuzz", build_info::kVersion},
          {"libtorch", build_info::kLibTorchVersion},
          {"compiler", build_info::kCompiler},
          {"cpu_capability", cpu_capability()}};
}

/// The orders that a record tells.
Orders orders_in(const Json& record) {
  Orders orders;
  for (const CampaignOption& option : kOptions)
    if (option.recorded)
      std::visit([&](auto member) { record.at("settings").at(option.key()).get_to(orders.*member); },
                 option.value);
  return orders;
}

void refuse_other_versions(const Json& record, const std::string& file) {
  std::string differs;
  const Json here = versions();
  for (const auto& [name, version] : here.items())
    if (const Json& then = record.at("versions").at(name); then != version)
      differs += fmt::format("{}{} {}, this is {}", differs.empty() ? "" : "; ", name,
                             then.get<std::string>(), version.get<std::string>());
  if (!differs.empty()) fail("{}: began with {}; begin anew with --out", file, differs);
}

/// What the record names is opened only where this person says so.
void require_said_again(const CampaignOption& option, const Orders& told, const Orders& given,
                        const Orders& usual, const std::string& file) {
  const auto member = std::get<std::string Orders::*>(option.value);
  const std::string &recorded = told.*member, &now = given.*member;
  const bool said = !opens_nothing(now) && absolute(now) == recorded;
  if (said || now == recorded || (opens_nothing(recorded) && now == usual.*member)) return;
  if (opens_nothing(recorded))
    fail("--{} '{}': {} began with {}", option.name, now, file, recorded.empty() ? "none" : recorded);
  fail("{0}: began with --{1} {2}; to go on with it, say so: --resume {3} --{1} {2}", file, option.name,
       recorded, given.resume);
}

}  // namespace

std::string CampaignOption::key() const {
  std::string key(name);
  std::ranges::replace(key, '-', '_');
  return key;
}

std::span<const CampaignOption> campaign_options() {
  return kOptions;
}

std::string absolute(const std::string& path) {
  return fs::absolute(path).lexically_normal().string();
}

Json parse_record(const std::string& text) {
  Json json = parse_json(text);
  const JsonAt file{json, ""};
  file.expect_type("run");
  const auto texts = [](const JsonAt& list) {
    for (size_t i = 0; i < list.size(); ++i) list[i].text();
  };
  texts(file.field("begun"));
  for (const auto* name : {"dtypefuzz", "libtorch", "compiler", "cpu_capability"})
    file.field("versions").field(name).text();
  const JsonAt settings = file.field("settings");
  for (const CampaignOption& option : kOptions) {
    if (!option.recorded) continue;
    const JsonAt at = settings.field(option.key());
    std::visit(EachKind{[&](std::string Orders::*) {
                          option.on_resume == OnResume::said_again ? at.text(kMostPath) : at.text();
                        },
                        [&](Words Orders::*) { texts(at); }, [&](bool Orders::*) { at.flag(); }},
               option.value);
  }
  for (const auto* name : {"modules", "losses", "dtypes", "devices"})
    texts(settings.field("space").field(name));
  return json;
}

Json new_record() {
  return {{"schema", 1}, {"type", "run"}, {"versions", versions()}, {"begun", Json::array()}};
}

Json settings_of(const Orders& orders, const Space& space) {
  Json json;
  for (const CampaignOption& option : kOptions)
    if (option.recorded) std::visit([&](auto member) { json[option.key()] = orders.*member; }, option.value);
  for (const CampaignOption& option : kOptions)
    if (option.on_resume == OnResume::said_again)
      if (auto& directory = json[option.key()].get_ref<std::string&>(); !opens_nothing(directory))
        directory = absolute(directory);
  Json& all = json["space"];
  for (const auto* list : {"modules", "losses", "dtypes", "devices"}) all[list] = Json::array();
  for (const Row* row : space.modules) all["modules"].push_back(row->name);
  for (const Row* row : space.losses) all["losses"].push_back(row->name);
  for (const Dtype dtype : space.dtypes) all["dtypes"].push_back(name_of(dtype));
  for (const Device device : space.devices) all["devices"].push_back(to_string(device));
  return json;
}

Orders go_on_with(const Json& record, const Orders& given, const Orders& usual,
                  const std::function<Space(const Orders&)>& space_of) {
  const std::string file = as_text((fs::path(given.resume) / "run.json").string());
  refuse_other_versions(record, file);
  Orders orders = orders_in(record);
  try {
    if (settings_of(orders, space_of(orders)).at("space") != record.at("settings").at("space"))
      fail("began with other modules, dtypes or devices than this build has; begin anew with --out");
  } catch (const Error& e) {
    throw e.at(file);
  }
  for (const CampaignOption& option : kOptions) {
    if (option.on_resume == OnResume::said_again) require_said_again(option, orders, given, usual, file);
    if (option.on_resume == OnResume::now) take(option, orders, given);
    if (option.on_resume != OnResume::anew) continue;
    const bool any = std::ranges::any_of(kOptions, [&](const CampaignOption& other) {
      return other.together == option.together && !is_usual(other, given, usual);
    });
    if (any) take(option, orders, given);
  }
  orders.out = orders.resume = given.resume;
  return orders;
}

std::string command_again(const Orders& orders, const Orders& usual, uint64_t cases) {
  std::string text =
      fmt::format("dtypefuzz fuzz --engine {} --seed {} --runs {}", orders.engine, orders.seed, cases);
  if (orders.engine == "libfuzzer") text += " --jobs " + orders.jobs;
  for (const CampaignOption& option : kOptions) {
    // How long it ran and on how many jobs does not change its cases.
    if (!option.recorded || option.on_resume == OnResume::anew || option.name == "engine" ||
        option.name == "seed" || is_usual(option, orders, usual))
      continue;
    text += fmt::format(" --{}", option.name);
    const auto word = [&](const std::string& value) {
      text += option.quoted ? fmt::format(" '{}'", value) : " " + value;
    };
    std::visit(
        EachKind{[&](std::string Orders::* member) { word(orders.*member); },
                 [&](Words Orders::* member) { word(fmt::format("{}", fmt::join(orders.*member, ","))); },
                 [](bool Orders::*) {}},
        option.value);
  }
  return text;
}

}  // namespace dtypefuzz
