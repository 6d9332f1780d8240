#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "harness/blame/inspect.h"
#include "harness/cli/commands.h"
#include "harness/corpus/baseline.h"
#include "harness/files/finding_json.h"
#include "harness/files/seen.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

struct CaseOptions {
  std::vector<std::string> paths;
  std::string out = "findings", baseline = of_checkout("corpus/findings");
  bool strict = false, json = false, why = false;
};

std::vector<std::filesystem::path> some_case_files(const std::vector<std::string>& paths) {
  const auto files = case_files(paths);
  if (files.empty()) fail("{}: no case is there, a file whose name ends in .case", fmt::join(paths, ", "));
  return files;
}

/// What is known of a violation that a case shows.
struct LookedUp {
  Standing standing = Standing::fresh;
  std::string title, upstream, cause;
};

/// Looks verdicts up in the baseline, which is read when the first one is. What it does not name is looked at
/// once more for its cause.
class Lookup {
 public:
  Lookup(const CaseOptions& options, const Space& space) : options_(options), space_(space) {}

  std::vector<LookedUp> of(const Case& body, const std::vector<Violation>& violations) {
    if (violations.empty()) return {};
    if (!baseline_) baseline_ = load_baseline(options_.baseline, space_), faults_ = baseline_->faults();
    std::vector<LookedUp> all;
    for (const Violation& violation : violations) {
      LookedUp& found = all.emplace_back();
      std::optional<Cause> cause;
      if (const auto place = faults_.place_of(violation.signature)) {
        found.standing = Standing::known;
        found.cause = faults_.places.at(to_string(*place));
      } else {
        for (const Inspected& seen : inspect_isolated(
                 body, space_, {}, {options_.strict},
                 [&](const Signature& s) { return s == violation.signature; },
                 [](const Cause&) { return false; }, {}, 1))
          cause = seen.cause;
        found.standing = faults_.standing_of(violation.signature, cause);
        found.cause = to_string(cause ? *cause : unlooked_cause(violation.signature));
      }
      const auto known = baseline_->causes.find(found.cause);
      if (known == baseline_->causes.end())
        found.title = sentence_of(parse_cause(found.cause));
      else
        found.title = known->second.file.said(), found.upstream = known->second.file.upstream;
    }
    return all;
  }

 private:
  const CaseOptions& options_;
  const Space& space_;
  std::optional<Baseline> baseline_;
  KnownFaults faults_;
};

/// `known: TITLE, UPSTREAM`
std::string text_of(const LookedUp& found) {
  return fmt::format("{}: {}{}", to_string(found.standing), found.title,
                     found.upstream.empty() ? "" : ", upstream " + found.upstream);
}

int replay(const CaseOptions& o) {
  const Space& space = whole_space();
  Lookup lookup(o, space);
  size_t differ = 0, total = 0, unseen = 0, unread = 0;
  for (const auto& path : some_case_files(o.paths)) {
    std::vector<std::string> notes;
    CaseFile file;
    try {
      file = load_case(path, space, &notes);
    } catch (const Error& e) {  // the others are replayed all the same
      fmt::print(stderr, "dtypefuzz: {}\n", e.what());
      ++unread;
      continue;
    }
    for (const auto& note : notes) fmt::print(stderr, "{}\n", note);
    const Isolated result = check_isolated(file.body, space, {}, {o.strict});
    std::vector<std::string> shown;
    for (const auto& v : result.violations) shown.push_back(to_string(v.signature));
    if (shown.empty()) shown.emplace_back("holds");
    const Seen* recorded = seen_here(file);
    std::string_view state = "unseen";
    if (!result.not_applicable.empty()) {
      state = "not applicable";
    } else if (recorded) {
      // A file that a run has saved records its own signature; what else the case shows has a file of its
      // own.
      const bool same = std::all_of(
          recorded->verdicts.begin(), recorded->verdicts.end(),
          [&](const auto& verdict) { return std::find(shown.begin(), shown.end(), verdict) != shown.end(); });
      state = same ? "as seen" : "differs";
      differ += !same;
    }
    ++total, unseen += state == "unseen";
    const auto known = lookup.of(file.body, result.violations);
    if (o.json) {
      nlohmann::json violations = nlohmann::json::array();
      for (size_t i = 0; i < known.size(); ++i) {
        violations.push_back(to_json(result.violations[i]));
        violations.back().update({{"novelty", to_string(known[i].standing)},
                                  {"cause", known[i].cause},
                                  {"title", known[i].title},
                                  {"upstream", known[i].upstream}});
      }
      nlohmann::json fields = {{"case", path.string()},
                               {"state", state},
                               {"verdicts", shown},
                               {"recorded", recorded ? recorded->verdicts : std::vector<std::string>()},
                               {"outcome", result.outcome},
                               {"promise", result.promise},
                               {"not_applicable", result.not_applicable},
                               {"stack", result.stack},
                               {"violations", violations}};
      if (o.why)
        for (const Said& said : result.said) fields["properties"][said.property] = said.verdict;
      print_json("replay", fields);
      continue;
    }
    if (!result.not_applicable.empty()) {
      fmt::print("{}: not applicable: {}\n", path.string(), result.not_applicable);
      continue;
    }
    // A file that records nothing is looked up.
    if (state == "unseen" && !known.empty()) {
      const auto first = std::ranges::min_element(known, {}, &LookedUp::standing);
      fmt::print("{}: {}\n", path.string(), text_of(*first));
    } else {
      fmt::print("{}: {}: {}\n", path.string(), state, fmt::join(shown, " "));
    }
    if (const auto title = file.title(); !title.empty()) fmt::print("  title:    {}\n", title);
    if (result.violations.empty()) {
      if (!result.promise.empty()) fmt::print("  promise:  {}\n", result.promise);
      fmt::print("  seen:     {}\n", result.outcome);
    }
    for (size_t i = 0; i < known.size(); ++i) {
      const Violation& v = result.violations[i];
      if (state == "unseen") fmt::print("  shows:    {}\n", to_string(v.signature));
      if (state != "unseen" || known.size() > 1) fmt::print("  {}\n", text_of(known[i]));
      fmt::print("  promised: {}\n  seen:     {}\n", v.promised, v.seen);
    }
    if (!result.stack.empty()) fmt::print("  stack:    {}\n", result.stack);
    if (o.why)
      for (const Said& said : result.said) fmt::print("  {:32}{}\n", said.property, said.verdict);
    if (state == "differs") fmt::print("  recorded: {}\n", fmt::join(recorded->verdicts, " "));
    std::fflush(stdout);
  }
  if (total + unread > 1 && !o.json)
    fmt::print("{} cases replayed, {} differ, {} unseen{}\n", total, differ, unseen,
               unread ? fmt::format(", {} could not be read", unread) : "");
  if (differ > 0) return 1;
  return unread > 0 ? 2 : 0;
}

int minimize_files(const CaseOptions& o) {
  const Space& space = whole_space();
  for (const auto& path : some_case_files(o.paths)) {
    CaseFile file = load_case(path, space);
    const auto violations = check_isolated(file.body, space, {}, {o.strict}).violations;
    if (violations.empty()) fmt::print("{}: holds, nothing to minimize\n", path.string());
    for (Violation violation : violations) {
      const Case small = minimize(file.body, space, violation, [&](const Reading& candidate) {
        return check_isolated(candidate.body, space, {}, {o.strict}).violations;
      });
      const std::string signature = to_string(violation.signature);
      const auto out = std::filesystem::path(o.out) / file_name_of(signature);
      write_atomically(
          out, print_shortest({small, file.about, {{seen_key(cpu_capability()), {signature}}}, {}}, space));
      print_entry({.finding = {.violation = violation, .body = small},
                   .standing = Standing::minimized,
                   .path = out.string(),
                   .layers = size_of(small, space).layers},
                  space, o.json);
    }
  }
  return 0;
}

CLI::App* add(CLI::App& app, const char* name, const char* text, std::shared_ptr<CaseOptions> o) {
  auto* command = app.add_subcommand(name, text);
  command->add_option("paths", o->paths, "case files or directories")->required();
  command->add_flag("--strict", o->strict,
                    "refusals that blame another operand or name too little are findings");
  command->add_flag("--json", o->json, "JSON lines on stdout");
  return command;
}

}  // namespace

void add_replay(CLI::App& app, int& code) {
  auto o = std::make_shared<CaseOptions>();
  auto* command =
      add(app, "replay",
          "Run case files and compare with what they record.  Example: dtypefuzz replay corpus/seeds", o);
  command->add_option("--baseline", o->baseline, "a directory of known causes, or none")
      ->capture_default_str();
  command->add_flag("--why", o->why, "what each property says, and why where it says nothing");
  command->callback([o, &code] { code = replay(*o); });
}

void add_minimize(CLI::App& app, int& code) {
  auto o = std::make_shared<CaseOptions>();
  auto* command =
      add(app, "minimize", "Make failing cases smaller.  Example: dtypefuzz minimize x.case --out small", o);
  command->add_option("--out", o->out, "where the result is saved")->capture_default_str();
  command->callback([o, &code] { code = minimize_files(*o); });
}

}  // namespace dtypefuzz
