// The command: arguments in, exit codes out. 0 clean, 1 new findings, 2 usage or bad file, 3 environment,
// 130 interrupted.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <iostream>
#include <nlohmann/json.hpp>

#include "dtypefuzz/build_info.h"
#include "harness/core/error.h"
#include "harness/drive/campaign.h"
#include "harness/drive/corpus.h"
#include "harness/drive/minimize.h"
#include "harness/run/run.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

std::atomic<int> interrupts{0};
void on_interrupt(int) {
  if (++interrupts > 1) _exit(130);
}

struct Common {
  std::vector<std::string> modules, dtypes, devices, paths;
  std::string engine = "random", time = "60s", out = "findings", baseline = "corpus/findings";
  uint64_t runs = 0, seed = 1;
  bool strict = false, json = false;
};

double seconds_of(const std::string& text) {
  size_t used = 0;
  double value = 0;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = 0;
  }
  const std::string unit = text.substr(used);
  const double factor = unit.empty() || unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
  if (used == 0 || factor == 0 || !(value > 0)) fail("--time '{}': expected more than zero, as 60s, 10m or 2h", text);
  return value * factor;
}

bool glob(std::string_view pattern, std::string_view text) {
  if (pattern.empty()) return text.empty();
  if (pattern[0] == '*') return glob(pattern.substr(1), text) || (!text.empty() && glob(pattern, text.substr(1)));
  return !text.empty() && pattern[0] == text[0] && glob(pattern.substr(1), text.substr(1));
}

Space space_of(const Common& c) {
  Space space = whole_space();
  space.devices = {Device::cpu, Device::meta};
  if (device_in_reach(Device::cuda)) space.devices.push_back(Device::cuda);
  if (!c.modules.empty()) {
    std::erase_if(space.modules, [&](const Row* row) {
      return std::none_of(c.modules.begin(), c.modules.end(), [&](auto& g) { return glob(g, row->name); });
    });
    if (space.modules.empty()) fail("--modules '{}': no module has such a name; see 'dtypefuzz list modules'", fmt::join(c.modules, ","));
  }
  if (!c.dtypes.empty()) {
    space.dtypes.clear();
    for (const auto& name : c.dtypes) {
      const auto dtype = parse_dtype(name);
      if (!dtype) fail("--dtypes '{}': unknown dtype; see 'dtypefuzz list dtypes'", name);
      space.dtypes.push_back(*dtype);
    }
  }
  if (!c.devices.empty()) {
    std::vector<Device> wanted;
    for (const auto& name : c.devices) {
      bool known = false;
      for (const Device device : space.devices)
        if (to_string(device) == name) wanted.push_back(device), known = true;
      if (!known) fail("--devices '{}': not in reach here; see 'dtypefuzz list devices'", name);
    }
    space.devices = wanted;
  }
  return space;
}

std::string own_path() { return "build/dtypefuzz"; }

void print_finding(const Finding& finding, const std::string& path, std::string_view novelty, bool json,
                   const std::string& title = {}) {
  const Violation& v = finding.violation;
  if (json) {
    std::cout << Json{{"schema", 1}, {"type", "finding"}, {"signature", to_string(v.signature)},
                      {"severity", to_string(v.severity)}, {"property", v.signature.property},
                      {"module", v.signature.culprit}, {"phase", v.signature.phase}, {"family", v.signature.family},
                      {"device", v.signature.device}, {"autocast", v.signature.autocast}, {"novelty", novelty},
                      {"title", title}, {"case", path}, {"layers", finding.layers}, {"promised", v.promised},
                      {"seen", v.seen}}.dump(-1, ' ', false, Json::error_handler_t::replace)
              << std::endl;
    return;
  }
  fmt::print("\n{} finding ({}): {}\n  promised: {}\n  seen:     {}\n", novelty, to_string(v.severity),
             to_string(v.signature), v.promised, v.seen);
  for (const Choice& choice : finding.minimized.choices)
    if (choice.name.starts_with("layers") || choice.name.ends_with("dtype")) fmt::print("    {} = {}\n", choice.name, choice.value);
  fmt::print("  saved:    {}\n  {} replay {}\n", path, own_path(), path);
  std::fflush(stdout);
}

int fuzz(const Common& c) {
  Settings settings{.engine = c.engine, .seed = c.seed, .space = space_of(c), .bias = {}, .strictness = {c.strict}};
  settings.runs = c.runs;
  settings.seconds = c.runs > 0 && c.time == "60s" ? 0 : seconds_of(c.time);
  if (c.engine != "random" && c.engine != "sweep") fail("--engine '{}': expected random or sweep", c.engine);
  const auto baseline = load_baseline(c.baseline);
  std::error_code error;
  std::filesystem::create_directories(c.out, error);
  if (error || access(c.out.c_str(), W_OK) != 0)
    fail_environment("--out {}: cannot be written; choose another directory", c.out);
  signal(SIGINT, on_interrupt);
  size_t fresh = 0, known = 0;
  std::map<std::string, size_t> by_severity;
  const bool terminal = isatty(STDERR_FILENO) && !c.json;
  double last_line = 0;
  const auto progress = run_campaign(
      settings,
      [&](const Finding& finding) {
        const auto signature = to_string(finding.violation.signature);
        if (terminal) fmt::print(stderr, "\r\033[K");
        if (baseline.contains(signature)) {
          ++known;
          if (c.json) print_finding(finding, baseline.at(signature).string(), "known", true);
          return;
        }
        ++fresh, ++by_severity[std::string(to_string(finding.violation.severity))];
        const auto path = std::filesystem::path(c.out) / file_name_of(signature);
        write_atomically(path, print_case({finding.minimized, {{"engine", fmt::format("{} --seed {}", c.engine, c.seed)}},
                                           {{seen_key(), {signature}}}, {}}));
        print_finding(finding, path.string(), "new", c.json);
      },
      [&](const Progress& p) {
        if (p.seconds - last_line < (terminal ? 0.2 : 10)) return;
        last_line = p.seconds;
        fmt::print(stderr, "{}{:.0f} s, {} cases, {:.0f}/s, {} new, {} known{}", terminal ? "\r\033[K" : "", p.seconds,
                   p.cases, static_cast<double>(p.cases) / std::max(p.seconds, 1e-3), fresh, known, terminal ? "" : "\n");
        std::fflush(stderr);
      },
      interrupts);
  if (terminal) fmt::print(stderr, "\r\033[K");
  // What the baseline knows and no longer shows is fixed.
  size_t fixed = 0;
  if (!progress.interrupted)
    for (const auto& [signature, path] : baseline) {
      const auto shown = check_isolated(load_case(path).body, settings.case_seconds, settings.strictness);
      if (std::any_of(shown.begin(), shown.end(), [&](auto& v) { return to_string(v.signature) == signature; })) continue;
      ++fixed;
      if (!c.json) fmt::print("fixed: {} ({})\n", signature, path.string());
    }
  const double rate = static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3);
  if (c.json) {
    std::cout << Json{{"schema", 1}, {"type", "summary"}, {"engine", c.engine}, {"seed", c.seed},
                      {"cases", progress.cases}, {"seconds", progress.seconds}, {"cases_per_second", rate},
                      {"new", fresh}, {"known", known}, {"fixed", fixed}, {"flaky", 0},
                      {"libtorch", build_info::kLibTorchVersion}, {"cpu_capability", cpu_capability()}}
              << std::endl;
  } else {
    fmt::print("\n{} cases in {:.1f} s, {:.0f} cases/s, {} ran to their end ({}, seed {})\n", progress.cases,
               progress.seconds, rate, progress.finished, c.engine, c.seed);
    fmt::print("findings: {} new, {} of {} known seen again, {} fixed\n", fresh, known, baseline.size(), fixed);
    for (const auto& [severity, count] : by_severity) fmt::print("  {}: {} new\n", severity, count);
    if (fresh > 0) fmt::print("saved in {}; run one again: {} replay {}/FILE\n", c.out, own_path(), c.out);
  }
  if (progress.interrupted) return 130;
  return fresh > 0 ? 1 : 0;
}

int replay(const Common& c) {
  int differ = 0;
  for (const auto& path : case_files(c.paths)) {
    std::vector<std::string> notes;
    const CaseFile file = load_case(path, &notes);
    for (const auto& note : notes) fmt::print(stderr, "{}\n", note);
    const auto violations = check_isolated(file.body, 10, {c.strict});
    std::vector<std::string> shown;
    for (const auto& v : violations) shown.push_back(to_string(v.signature));
    if (shown.empty()) shown.emplace_back("holds");
    const Seen* recorded = nullptr;
    for (const Seen& seen : file.seen)
      if (seen.key.starts_with(seen_key()))
        if (!recorded || seen.key.ends_with(cpu_capability())) recorded = &seen;
    bool same = true;
    if (recorded)
      for (const auto& verdict : recorded->verdicts) same &= std::find(shown.begin(), shown.end(), verdict) != shown.end();
    differ += !same;
    const std::string_view state = !recorded ? "unseen" : same ? "as seen" : "differs";
    if (c.json) {
      std::cout << Json{{"schema", 1}, {"type", "replay"}, {"case", path.string()}, {"state", state}, {"verdicts", shown}}
                << std::endl;
      continue;
    }
    fmt::print("{}: {}: {}\n", path.string(), state, fmt::join(shown, " "));
    for (const auto& v : violations) fmt::print("  promised: {}\n  seen:     {}\n", v.promised, v.seen);
    if (!same) fmt::print("  recorded: {}\n", fmt::join(recorded->verdicts, " "));
  }
  return differ > 0 ? 1 : 0;
}

int record_seen(const Common& c) {
  for (const auto& path : case_files(c.paths)) {
    CaseFile file = load_case(path);
    Seen now{seen_key(), {}};
    for (const auto& v : check_isolated(file.body, 10, {})) now.verdicts.push_back(to_string(v.signature));
    if (now.verdicts.empty()) now.verdicts.emplace_back("holds");
    std::erase_if(file.seen, [&](const Seen& seen) { return seen.key == now.key; });
    file.seen.push_back(now);
    write_atomically(path, print_case(file));
  }
  return 0;
}

int minimize_file(const Common& c) {
  for (const auto& path : case_files(c.paths)) {
    CaseFile file = load_case(path);
    auto violations = check_isolated(file.body, 10, {c.strict});
    if (violations.empty()) {
      fmt::print("{}: holds, nothing to minimize\n", path.string());
      continue;
    }
    Violation violation = violations.front();
    file.body = minimize(file.body, violation, [&](const Case& candidate) -> std::optional<Violation> {
      for (const auto& v : check_isolated(candidate, 10, {c.strict}))
        if (same_finding(violation.signature, v.signature)) return v;
      return std::nullopt;
    });
    file.seen = {{seen_key(), {to_string(violation.signature)}}};
    const auto out = std::filesystem::path(c.out) / file_name_of(to_string(violation.signature));
    write_atomically(out, print_case(file));
    print_finding({violation, file.body, size_of(file.body).layers}, out.string(), "minimized", c.json);
  }
  return 0;
}

int list(const std::string& what, bool json) {
  const auto line = [&](std::string_view name, std::string_view detail) {
    if (json)
      std::cout << Json{{"schema", 1}, {"type", what == "modules" ? "module" : what}, {"name", name}, {"source", detail}} << "\n";
    else
      fmt::print("{:32}{}\n", name, detail);
  };
  if (what == "modules")
    for (const auto rows : {module_rows(), losses()})
      for (const Row* row : rows) line(row->name, row->source);
  else if (what == "dtypes")
    for (const Dtype dtype : all_dtypes()) line(name_of(dtype), to_string(category_of(dtype)));
  else if (what == "devices")
    for (const Device device : {Device::cpu, Device::meta, Device::cuda})
      line(to_string(device), device_in_reach(device) ? "in reach" : "not here");
  else if (what == "properties")
    for (const auto& property : all_properties()) line(property.name, property.sentence);
  else
    for (const auto& family : message_families()) line(family.name, family.pattern);
  return 0;
}

int doctor() {
  fmt::print("dtypefuzz {}\nLibTorch {} at {} ({})\nABI: C++11\nCPU capability: {}\ncompiler: {}\ndevices: cpu, meta{}\n",
             build_info::kVersion, build_info::kLibTorchVersion, build_info::kLibTorchDir, build_info::kLibTorchOrigin,
             cpu_capability(), build_info::kCompiler, device_in_reach(Device::cuda) ? ", cuda" : "");
  return 0;
}

int main_of(int argc, char** argv) {
  CLI::App app{"dtypefuzz: finds where LibTorch breaks its promises about dtypes"};
  app.require_subcommand(1);
  app.set_version_flag("--version", fmt::format("dtypefuzz {} (LibTorch {}, {})", build_info::kVersion,
                                                build_info::kLibTorchVersion, cpu_capability()));
  Common c;
  int code = 0;
  auto* f = app.add_subcommand("fuzz", "Run cases and save what breaks.  Example: dtypefuzz fuzz --time 60s");
  f->add_option("--engine", c.engine, "random or sweep");
  f->add_option("--time", c.time, "how long: 60s, 10m, 2h");
  f->add_option("--runs", c.runs, "how many cases (instead of a time)")->check(CLI::PositiveNumber);
  f->add_option("--seed", c.seed, "case i depends on the seed and i alone");
  f->add_option("--modules", c.modules, "names or globs")->delimiter(',');
  f->add_option("--dtypes", c.dtypes, "dtypes to draw from")->delimiter(',');
  f->add_option("--devices", c.devices, "cpu, meta, cuda")->delimiter(',');
  f->add_option("--out", c.out, "where findings are saved");
  f->add_option("--baseline", c.baseline, "a directory of known findings, or none");
  f->callback([&] { code = fuzz(c); });
  auto* r = app.add_subcommand("replay", "Run case files and compare with what they record.  Example: dtypefuzz replay corpus/seeds");
  r->add_option("paths", c.paths, "case files or directories")->required();
  r->callback([&] { code = replay(c); });
  auto* m = app.add_subcommand("minimize", "Make a failing case smaller.  Example: dtypefuzz minimize x.case --out small");
  m->add_option("paths", c.paths, "case files")->required();
  m->add_option("--out", c.out, "where the result is saved");
  m->callback([&] { code = minimize_file(c); });
  std::string what, title, file;
  auto* l = app.add_subcommand("list", "What there is.  Example: dtypefuzz list modules");
  l->add_option("what", what, "modules, dtypes, devices, properties, messages")
      ->required()->check(CLI::IsMember({"modules", "dtypes", "devices", "properties", "messages"}));
  l->callback([&] { code = list(what, c.json); });
  auto* k = app.add_subcommand("corpus", "Keep the corpus.  Example: dtypefuzz corpus merge findings");
  k->require_subcommand(1);
  std::string into = "corpus/findings", from = "findings";
  k->add_option("--into", into, "the corpus");
  auto* merge = k->add_subcommand("merge", "Adopt the findings of a run");
  merge->add_option("from", from, "a directory of findings");
  merge->callback([&] { fmt::print("{} adopted\n", merge_corpus(from, into)); });
  auto* check = k->add_subcommand("check", "Every file is whole and canonical");
  check->add_option("directory", into, "the corpus");
  check->callback([&] {
    const auto wrong = check_corpus(into);
    for (const auto& text : wrong) fmt::print("{}\n", text);
    code = wrong.empty() ? 0 : 2;
  });
  auto* record = k->add_subcommand("record", "Write into each file what this LibTorch does with it");
  record->add_option("paths", c.paths, "case files or directories")->required();
  record->callback([&] { code = record_seen(c); });
  auto* accept = k->add_subcommand("accept", "Give a finding its title");
  accept->add_option("file", file, "a case file")->required();
  accept->add_option("--title", title, "what is wrong, in one line")->required();
  accept->callback([&] { accept_finding(file, title); });
  auto* drop = k->add_subcommand("drop", "Remove a finding by its signature");
  drop->add_option("signature", file, "as printed")->required();
  drop->callback([&] { fmt::print("removed {}\n", drop_finding(into, file).string()); });
  app.add_subcommand("doctor", "What this build runs on")->callback([&] { code = doctor(); });
  for (auto* sub : {f, r, m, l}) {
    sub->add_flag("--json", c.json, "JSON lines on stdout");
    if (sub != l) sub->add_flag("--strict", c.strict, "refusals that blame another operand or name too little are findings");
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : 2;
  }
  return code;
}

}  // namespace
}  // namespace dtypefuzz

int main(int argc, char** argv) {
  try {
    return dtypefuzz::main_of(argc, argv);
  } catch (const dtypefuzz::Error& e) {
    fmt::print(stderr, "dtypefuzz: {}\n", e.what());
    return e.exit_code();
  }
}
