#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/core/text.h"
#include "harness/corpus/baseline.h"
#include "harness/files/case_file.h"
#include "harness/files/finding_json.h"
#include "harness/search/size.h"
#include "properties/property.h"

namespace dtypefuzz {
namespace {

using Words = std::set<std::string>;

std::string joined(const Words& words) {
  return fmt::format("{}", fmt::join(words, ", "));
}

/// One row of the table of places: what is alike in module, operands and phase stands in one.
struct Row {
  size_t places = 0;
  Words categories, families, devices, regions;
};

void print_places(const CauseFile& cause) {
  std::map<std::tuple<std::string, std::string, std::string>, Row> rows;
  for (const auto& [text, keys] : cause.places) {
    const Signature s = parse_signature(text);
    Row& row = rows[{s.culprit, s.operands, s.phase}];
    ++row.places;
    row.categories.insert(s.category), row.families.insert(s.family);
    row.devices.insert(s.device), row.regions.insert(s.autocast);
  }
  size_t module_width = 6, operands_width = 8;
  for (const auto& [place, row] : rows) {
    module_width = std::max(module_width, std::get<0>(place).size());
    operands_width = std::max(operands_width, std::get<1>(place).size());
  }
  const auto line = [&](std::string_view module, std::string_view operands, std::string_view phase,
                        std::string_view places, std::string_view rest) {
    fmt::print("  {:{}}  {:{}}  {:8}  {:>6}  {}\n", module, module_width, operands, operands_width, phase,
               places, rest);
  };
  line("module", "operands", "phase", "places", "categories; message; device; region");
  for (const auto& [place, row] : rows) {
    const auto& [module, operands, phase] = place;
    line(module, operands, phase, std::to_string(row.places),
         fmt::format("{}; {}; {}; {}", joined(row.categories), joined(row.families), joined(row.devices),
                     joined(row.regions)));
  }
}

/// Releases and capabilities under which any of its places was seen.
std::string history_of(const CauseFile& cause) {
  Words keys;
  for (const auto& [signature, seen] : cause.places) {
    const auto its = keys_in(seen);
    keys.insert(its.begin(), its.end());
  }
  return joined(keys);
}

/// The case with the fewest layers and answers.
std::optional<std::pair<std::filesystem::path, CaseFile>> smallest_of(const KnownCause& cause,
                                                                      const Space& space) {
  std::optional<std::pair<std::filesystem::path, CaseFile>> smallest;
  std::optional<Size> size;
  if (cause.folder.empty()) return smallest;
  for (const auto& path : case_files({cause.folder.string()})) {
    CaseFile file = load_case(path, space);
    const Size its = size_of(file.body, space);
    if (size && !(its < *size)) continue;
    size = its;
    smallest.emplace(path, std::move(file));
  }
  return smallest;
}

bool is_of_a_cause(const Baseline& baseline, const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::weakly_canonical(path, error).parent_path();
  return std::ranges::any_of(baseline.causes, [&](const auto& cause) {
    return !cause.second.folder.empty() &&
           std::filesystem::weakly_canonical(cause.second.folder, error) == folder;
  });
}

void print_where(const Whereabouts& where) {
  if (!where.thrown.function.empty())
    fmt::print("where:     {}() at {}:{}\n", where.thrown.function, where.thrown.file, where.thrown.line);
  if (!where.exception.empty()) fmt::print("throws:    {}\n", where.exception);
  if (!where.stack.empty()) fmt::print("called by: {}\n", where.stack);
}

/// A case by itself: the answers that are not the simplest, or all.
int show_case(const std::string& path, bool full, bool json) {
  const Space& space = whole_space();
  const CaseFile file = load_case(path, space);
  const Reading reading = reading_of(file.body, space);
  nlohmann::json answers = nlohmann::json::array();
  if (!json) fmt::print("{}\n", path);
  if (const auto title = file.title(); !json && !title.empty()) fmt::print("{}\n", title);
  for (const auto& [name, value, answer] : reading.questions()) {
    if (!full && answer.taken == 0 && answer.ask != Ask::module) continue;
    if (json)
      answers.push_back({{"question", name}, {"answer", value}, {"simplest", answer.taken == 0}});
    else
      fmt::print("  {} = {}\n", name, value);
  }
  if (json)
    print_json("case", {{"case", path}, {"title", file.title()}, {"answers", answers}});
  else
    fmt::print("again:     {} replay {}\n", own_path(), quoted(path));
  return 0;
}

bool is_case_file(const std::string& word) {
  std::error_code error;
  return std::filesystem::path(word).extension() == ".case" && std::filesystem::is_regular_file(word, error);
}

int show(const std::string& word, const std::string& directory, bool full, bool json) {
  const Space& space = whole_space();
  if (full && !is_case_file(word)) fail("--full '{}': goes with a case file", as_text(word, 300));
  if (full) return show_case(word, full, json);
  const Baseline baseline = baseline_of(directory, space);
  if (is_case_file(word) && !is_of_a_cause(baseline, word)) return show_case(word, full, json);
  const KnownCause& cause = cause_named(baseline, word);
  const auto smallest = smallest_of(cause, space);
  if (json) {
    nlohmann::json fields = to_json(cause);
    fields["smallest"] = smallest ? smallest->first.string() : "";
    print_json("cause", fields);
    return 0;
  }
  const CauseFile& file = cause.file;
  fmt::print("{}\n{}\n\n", file.said(), to_string(file.cause));
  const auto property = std::ranges::find(all_properties(), file.cause.property, &Property::name);
  if (property != all_properties().end()) fmt::print("broken:    {}\n", property->sentence);
  fmt::print("blamed on: {}\n", sentence_of(file.cause));
  print_where(file.where);
  fmt::print("upstream:  {}\n", file.upstream.empty() ? "not looked for" : file.upstream);
  fmt::print("seen on:   {}\n", history_of(file));
  fmt::print("\n{} place{}\n", file.places.size(), file.places.size() == 1 ? "" : "s");
  print_places(file);
  if (!smallest) return 0;
  const auto& [path, shown] = *smallest;
  fmt::print("\nits smallest case\n");
  for (const Choice& choice : shortest(shown.body, space).choices)
    fmt::print("  {} = {}\n", choice.name, choice.value);
  fmt::print("again:     {} replay {}\n", own_path(), quoted(path.string()));
  return 0;
}

}  // namespace

nlohmann::json to_json(const KnownCause& cause) {
  const CauseFile& file = cause.file;
  return {{"cause", to_string(file.cause)}, {"title", file.said()},  {"upstream", file.upstream},
          {"where", to_json(file.where)},   {"places", file.places}, {"folder", cause.folder.string()}};
}

void add_show(CLI::App& app, int& code) {
  struct Options {
    std::string cause, baseline = of_checkout(kFindings);
    bool json = false, full = false;
  };
  auto o = std::make_shared<Options>();
  auto* command =
      app.add_subcommand("show", "One cause, or one case.  Example: dtypefuzz show add_-takes-bias");
  command
      ->add_option("cause", o->cause,
                   "its text or folder, a part that no other one has, a signature, or a case's path")
      ->required()
      ->type_name("CAUSE|FILE");
  command->add_option("--baseline", o->baseline, "a directory of causes: a baseline, or a campaign's --out")
      ->capture_default_str()
      ->type_name("DIR");
  command->add_flag("--full", o->full, "of a case: every answer, those that are the simplest included");
  command->add_flag("--json", o->json, "a JSON line on stdout");
  command->callback([o, &code] { code = show(o->cause, o->baseline, o->full, o->json); });
}

}  // namespace dtypefuzz
