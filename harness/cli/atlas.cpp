#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <thread>

#include "dtypefuzz/error.h"
#include "harness/atlas/atlas_file.h"
#include "harness/atlas/compare.h"
#include "harness/atlas/judge.h"
#include "harness/atlas/survey.h"
#include "harness/cli/commands.h"
#include "harness/cli/screen.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// `cell` lines on stdout. There are millions, so their unchanging parts are put together once.
class CellLines {
 public:
  explicit CellLines(const std::vector<Dtype>& axis) : axis_(axis.size()) {}

  void print(const Section& s, const Layout& layout, const std::vector<std::string>& dtypes,
             std::span<const uint32_t> cells, const std::vector<CellResult>& results) {
    for (size_t i = endings_.size(); i < results.size(); ++i) {
      const CellResult& r = results[i];
      endings_.push_back(fmt::format(
          R"(,"outcome":{},"phase":{},"family":{},"grade":{},"output_dtype":{},"exception":{},"judged":{},"derived":{}}})",
          json_text(r.outcome), json_text(r.phase), json_text(r.family), json_text(r.grade),
          json_text(r.output_dtype), json_text(r.exception), json_text(r.judged), r.derived));
    }
    const auto beginning = fmt::format(
        R"({{"schema":1,"type":"cell","module":{},"variant":{},"device":{},"autocast":{},"mode":{},"dtypes":{{)",
        json_text(s.module), json_text(s.variant), json_text(s.device), json_text(s.autocast),
        json_text(s.mode));
    std::vector<std::string> operands, names;
    for (const auto& operand : layout.operands) operands.push_back(json_text(operand) + ":");
    for (const auto& dtype : dtypes) names.push_back(json_text(dtype));
    text_.clear();
    each_cell(layout, axis_, [&](size_t cell, const Grid&, std::span<const uint32_t> dtype_of) {
      text_ += beginning;
      for (size_t i = 0; i < operands.size(); ++i) {
        if (i > 0) text_ += ',';
        text_ += operands[i];
        text_ += names[dtype_of[i]];
      }
      text_ += '}';
      text_ += endings_[cells[cell]];
      text_ += '\n';
    });
    std::cout << text_;
  }

 private:
  size_t axis_;
  std::vector<std::string> endings_;  ///< beside the results
  std::string text_;
};

double percent(uint64_t part, uint64_t whole) {
  return whole ? 100 * static_cast<double>(part) / static_cast<double>(whole) : 0;
}

Json fields_of(const Share& share) {
  return {{"cells", share.cells}, {"judged", share.judged}, {"by", share.by}, {"left", share.left}};
}

void print_share(std::string_view of, const Share& share) {
  fmt::print("{:.1f} % of {} {} are judged\n", percent(share.judged, share.cells), share.cells, of);
  const auto list = [&](const std::map<std::string, uint64_t>& cells, std::string_view verb) {
    std::vector<std::pair<std::string, uint64_t>> most(cells.begin(), cells.end());
    std::ranges::stable_sort(most, std::greater(), &std::pair<std::string, uint64_t>::second);
    for (const auto& [what, count] : most)
      fmt::print("  {:>10}  {:5.1f} %  {}{}\n", count, percent(count, share.cells), verb, what);
  };
  list(share.by, "by ");
  list(share.left, "not: ");
}

/// What the atlas shows by itself, and how much of it anything judges.
void print_judgement(const Atlas& atlas, bool json, bool groups) {
  const Judgement judgement = judge_atlas(atlas, whole_space());
  if (json) {
    if (groups)
      for (const FlaggedGroup& group : judgement.groups)
        print_json("judged", {{"rule", group.rule},
                              {"module", group.module},
                              {"variant", group.variant},
                              {"device", group.device},
                              {"autocast", group.autocast},
                              {"family", group.family},
                              {"cells", group.cells},
                              {"example", group.example}});
    print_json("shares", {{"realistic", fields_of(judgement.realistic)},
                          {"consistent_floating", fields_of(judgement.consistent_floating)},
                          {"flagged", judgement.flagged}});
    return;
  }
  if (groups)
    for (const FlaggedGroup& group : judgement.groups)
      fmt::print("{}: {} {}, {}, autocast {}, {}: {} cells\n  {}\n", group.rule, group.module, group.variant,
                 group.device, group.autocast, group.family, group.cells, group.example);
  for (const CellRule& rule : cell_rules()) {
    const auto at = judgement.flagged.find(std::string(rule.name));
    const auto of_rule = std::ranges::count(judgement.groups, rule.name, &FlaggedGroup::rule);
    fmt::print("{:>10} cells in {} groups break {}: {}\n", at == judgement.flagged.end() ? 0 : at->second,
               of_rule, rule.name, rule.sentence);
  }
  print_share("cells of the CPU in usual dtypes", judgement.realistic);
  print_share("of these in which all operands agree on a floating dtype", judgement.consistent_floating);
}

struct AtlasOptions {
  SpaceOptions space{.modules = {}, .dtypes = {}, .devices = {}, .only_named = true};
  std::string out = "atlas.json", jobs, judge;
  bool json = false, run_all = false;
};

int atlas(const AtlasOptions& o) {
  if (!o.judge.empty()) return print_judgement(load_atlas(o.judge), o.json, /*groups=*/true), 0;
  AtlasSettings settings{.space = o.space.space(whole_space()), .whole = whole_space()};
  settings.derives = !o.run_all;
  settings.jobs = o.jobs.empty() ? static_cast<int>(std::max(1u, std::thread::hardware_concurrency()))
                                 : static_cast<int>(number_of("--jobs", o.jobs, 1, 256));
  if (o.out.empty()) fail("--out '': expected a file");
  expect_output(o.out);

  const auto& interrupts = interrupts_from_now_on();
  const double begin = now();
  ProgressLine line(o.json);
  const auto tick = [&](const AtlasProgress& p) {
    line.show({.what = "atlas",
               .part = static_cast<double>(p.cells) / static_cast<double>(std::max<uint64_t>(p.all_cells, 1)),
               .facts = {fmt::format("{} of {} cells", grouped(p.cells), grouped(p.all_cells)),
                         fmt::format("{:.0f} s", now() - begin)}});
  };
  CellLines lines(settings.space.dtypes);
  std::map<std::string, uint64_t> by_outcome, by_exception;
  std::set<std::string> modules;
  AtlasProgress progress;
  const Atlas made = run_atlas(
      settings,
      [&](const Section& section, const Layout& layout, std::span<const uint32_t> cells,
          const Atlas& so_far) {
        if (o.json) lines.print(section, layout, so_far.dtypes, cells, so_far.results);
        for (const uint32_t cell : cells) {
          const CellResult& result = so_far.results[cell];
          ++by_outcome[result.outcome];
          if (result.exception != "-") ++by_exception[result.exception];
        }
        modules.insert(section.module);
      },
      tick, interrupts, progress);
  std::cout.flush();
  line.clear();
  if (progress.interrupted) {
    fmt::print(stderr, "dtypefuzz: interrupted after {} of {} cells; nothing was written to {}\n",
               progress.cells, progress.all_cells, o.out);
    return 128 + ended_by();
  }
  const std::string text = print_atlas(made);
  write_output(o.out, text);
  const double seconds = now() - begin;
  if (o.json) {
    print_json("summary", {{"engine", "atlas"},
                           {"jobs", settings.jobs},
                           {"modules", modules.size()},
                           {"cases", progress.all_cells},
                           {"runs", progress.runs},
                           {"seconds", seconds},
                           {"cases_per_second", static_cast<double>(progress.all_cells) / seconds},
                           {"outcomes", by_outcome},
                           {"exceptions", by_exception},
                           {"out", o.out},
                           {"bytes", text.size()},
                           {"libtorch", made.libtorch},
                           {"cpu_capability", made.cpu_capability}});
    print_judgement(made, true, /*groups=*/false);
    return 0;
  }
  fmt::print(
      "{} cells of {} modules in {:.1f} s with {} jobs; {} of them run, the others follow from those\n",
      progress.all_cells, modules.size(), seconds, settings.jobs, progress.runs);
  const auto list = [&](const std::map<std::string, uint64_t>& cells, std::string_view verb) {
    for (const auto& [what, count] : cells)
      fmt::print("  {:>10}  {:5.1f} %  {}{}\n", count,
                 100 * static_cast<double>(count) / static_cast<double>(progress.all_cells), verb, what);
  };
  list(by_outcome, "");
  list(by_exception, "threw ");
  fmt::print("saved: {} ({:.1f} MB, LibTorch {}, {})\n", o.out, static_cast<double>(text.size()) * 1e-6,
             made.libtorch, made.cpu_capability);
  print_judgement(made, false, /*groups=*/false);
  return 0;
}

struct DiffOptions {
  std::string before, after;
  bool json = false;
};

std::string in_words(const CellResult& r) {
  std::string text = fmt::format("{} in {}", r.outcome, r.phase);
  if (r.family != "accepted") text += fmt::format(" ({}{})", r.family, r.grade == "-" ? "" : ", " + r.grade);
  if (r.output_dtype != "-") text += ", gave " + r.output_dtype;
  if (r.exception != "-") text += ", threw " + r.exception;
  return text;
}

std::string in_words(const CellChange& change) {
  if (!change.exception_alone) return in_words(change.before) + " -> " + in_words(change.after);
  return fmt::format("{} -> {}, the exception alone", in_words(change.before), change.after.exception);
}

Json fields_of(const CellResult& r) {
  return {
      {"outcome", r.outcome},           {"phase", r.phase},        {"family", r.family}, {"grade", r.grade},
      {"output_dtype", r.output_dtype}, {"exception", r.exception}};
}

int diff(const DiffOptions& o) {
  const Atlas before = load_atlas(o.before), after = load_atlas(o.after);
  const Difference found = compare(before, after);
  const auto sum = [](const std::map<std::string, uint64_t>& cells) {
    uint64_t n = 0;
    for (const auto& [module, count] : cells) n += count;
    return n;
  };
  if (o.json) {
    for (const CellChange& change : found.changes)
      print_json("change", {{"module", change.module},
                            {"operand", change.operand},
                            {"before", fields_of(change.before)},
                            {"after", fields_of(change.after)},
                            {"exception_alone", change.exception_alone},
                            {"cells", change.cells},
                            {"example", change.example}});
    print_json("summary", {{"engine", "diff"},
                           {"same", found.same},
                           {"changed", found.changed},
                           {"exception_alone", found.exception_alone},
                           {"only_before", found.only_before},
                           {"only_after", found.only_after},
                           {"libtorch", {before.libtorch, after.libtorch}},
                           {"cpu_capability", {before.cpu_capability, after.cpu_capability}}});
    return found.none() ? 0 : 1;
  }
  std::string module, operand;
  for (const CellChange& change : found.changes) {
    if (change.module != module) fmt::print("{}\n", change.module);
    if (change.module != module || change.operand != operand) fmt::print("  {}\n", change.operand);
    module = change.module, operand = change.operand;
    fmt::print("    {} cells: {}\n      {}\n", change.cells, in_words(change), change.example);
  }
  for (const auto& [name, count] : found.only_before)
    fmt::print("{}: {} cells only in {}\n", name, count, o.before);
  for (const auto& [name, count] : found.only_after)
    fmt::print("{}: {} cells only in {}\n", name, count, o.after);
  fmt::print(
      "LibTorch {} on {} and {} on {}: {} cells are the same, {} changed, {} in the exception alone, {} "
      "are only in the first, {} only in the second\n",
      before.libtorch, before.cpu_capability, after.libtorch, after.cpu_capability, found.same, found.changed,
      found.exception_alone, sum(found.only_before), sum(found.only_after));
  return found.none() ? 0 : 1;
}

}  // namespace

void add_atlas(CLI::App& app, int& code) {
  auto o = std::make_shared<AtlasOptions>();
  auto* command = app.add_subcommand(
      "atlas",
      "What every module does for every dtype, as one file.  Example: dtypefuzz atlas --out atlas.json");
  command->add_option("--out", o->out, "the file")->capture_default_str()->type_name("FILE");
  command->add_option("--modules", o->space.modules, "names or globs, losses too: Linear,Conv*")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("MODULES");
  command->add_option("--dtypes", o->space.dtypes, "the dtypes of all axes; all where none is named")
      ->delimiter(',')
      ->allow_extra_args(false)
      ->type_name("DTYPES");
  command->add_option("-j,--jobs", o->jobs, "worker processes; as many as there are cores where not given")
      ->type_name("N");
  command->add_flag("--run-all", o->run_all,
                    "run every cell; else what a module refuses is run for a few dtypes of a kind and "
                    "follows for the others");
  command->add_flag("--json", o->json, "a JSON line for each cell on stdout as well");
  command
      ->add_option("--judge", o->judge,
                   "run nothing: which cells of this atlas disagree with their neighbours, and what share of "
                   "all is judged")
      ->type_name("FILE");
  command->callback([o, &code] { code = atlas(*o); });
}

void add_diff(CLI::App& app, int& code) {
  auto o = std::make_shared<DiffOptions>();
  auto* command = app.add_subcommand(
      "diff", "What changed between two atlases.  Example: dtypefuzz diff before.json after.json");
  command->add_option("before", o->before, "an atlas")->required()->type_name("FILE");
  command->add_option("after", o->after, "another one")->required()->type_name("FILE");
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o, &code] { code = diff(*o); });
}

}  // namespace dtypefuzz
