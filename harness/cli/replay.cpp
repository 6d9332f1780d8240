#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "harness/blame/inspect.h"
#include "harness/cli/commands.h"
#include "harness/cli/screen.h"
#include "harness/corpus/baseline.h"
#include "harness/files/case_file.h"
#include "harness/files/files.h"
#include "harness/files/finding_json.h"
#include "harness/files/seen.h"
#include "harness/report/text.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

struct CaseOptions {
  std::vector<std::string> paths;
  std::string out = "findings", baseline = of_checkout(kFindings), expect = "recorded", junit;
  bool strict = false, json = false, why = false;
};

/// What is no failure of a case.
enum class Expect : uint8_t { recorded, holds };

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
    if (!baseline_) {
      try {
        baseline_ = baseline_of(options_.baseline, space_);
      } catch (const Error& e) {
        // What a case shows can be said all the same, unless it was asked for what is known.
        if (options_.baseline != kFindings) throw;
        fmt::print(stderr, "dtypefuzz: {}\n", e.what());
        baseline_ = Baseline();
      }
      faults_ = baseline_->faults();
    }
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

/// How a case stands to what its file records.
enum class State : uint8_t { as_seen, differs, violates, holds, not_recorded_here, not_applicable };
constexpr std::string_view kStates[] = {"as seen", "differs",           "violates",
                                        "holds",   "not recorded here", "not applicable"};
std::string_view to_string(State state) {
  return kStates[static_cast<size_t>(state)];
}

State state_of(const CaseFile& file, const Isolated& result) {
  if (!result.not_applicable.empty()) return State::not_applicable;
  if (file.seen.empty()) return result.violations.empty() ? State::holds : State::violates;
  const Seen* recorded = seen_here(file);
  if (!recorded) return State::not_recorded_here;
  // A file that a run has saved records its own signature; what else the case shows has a file of its own.
  const bool same = std::ranges::all_of(recorded->verdicts, [&](const std::string& verdict) {
    if (verdict == "holds") return result.violations.empty();
    return std::ranges::any_of(result.violations,
                               [&](const Violation& v) { return to_string(v.signature) == verdict; });
  });
  return same ? State::as_seen : State::differs;
}

/// Whose verdict it is that a case holds.
std::string_view what_holds(const Isolated& result) {
  constexpr std::pair<std::string_view, std::string_view> kOutcomes[] = {
      {"refused by name", "LibTorch refuses this as it should"},
      {"refused as unsupported", "LibTorch does not support this, and says so"},
      {"succeeded", "LibTorch does this as it should"},
  };
  for (const auto& [begin, words] : kOutcomes)
    if (result.outcome.starts_with(begin)) return words;
  return "LibTorch fails here, and no promise is broken";
}

/// One case, run.
struct Replayed {
  std::string path;
  CaseFile file;
  Isolated result;
  State state = State::holds;
  std::vector<LookedUp> known;  ///< beside the violations
  double seconds = 0;

  std::vector<std::string> verdicts() const {
    std::vector<std::string> all;
    for (const Violation& v : result.violations) all.push_back(to_string(v.signature));
    if (all.empty()) all.emplace_back("holds");
    return all;
  }
  std::vector<std::string> recorded() const {
    const Seen* seen = seen_here(file);
    return seen ? seen->verdicts : std::vector<std::string>();
  }
  bool is_red(Expect expect) const {
    return state == State::differs || state == State::violates ||
           (expect == Expect::holds && !result.violations.empty());
  }
};

void print_line(const Replayed& r, const CaseOptions& o) {
  nlohmann::json violations = nlohmann::json::array();
  for (size_t i = 0; i < r.known.size(); ++i) {
    violations.push_back(to_json(r.result.violations[i]));
    violations.back().update({{"novelty", to_string(r.known[i].standing)},
                              {"cause", r.known[i].cause},
                              {"title", r.known[i].title},
                              {"upstream", r.known[i].upstream}});
  }
  nlohmann::json fields = {{"case", r.path},
                           {"state", to_string(r.state)},
                           {"verdicts", r.verdicts()},
                           {"recorded", r.recorded()},
                           {"outcome", r.result.outcome},
                           {"promise", r.result.promise},
                           {"repair", r.result.repair},
                           {"not_applicable", r.result.not_applicable},
                           {"stack", r.result.stack},
                           {"violations", violations}};
  if (o.why)
    for (const Said& said : r.result.said) fields["properties"][said.property] = said.verdict;
  print_json("replay", fields);
}

/// What a replayed case is told as, its file's name first.
std::string text_of(const Replayed& r, bool why) {
  const Isolated& result = r.result;
  if (r.state == State::not_applicable)
    return fmt::format("{}: not applicable: {}\n", r.path, result.not_applicable);
  std::string text;
  const auto line = [&](std::string_view name, std::string_view what) {
    if (!what.empty()) text += fmt::format("  {:10}{}\n", fmt::format("{}:", name), what);
  };
  if (result.violations.empty()) {
    text = r.state == State::holds
               ? fmt::format("{}: holds: {}\n", r.path, what_holds(result))
               : fmt::format("{}: {}: holds: {}\n", r.path, to_string(r.state), what_holds(result));
  } else if (r.state == State::violates) {  // a file that records nothing is looked up
    text = fmt::format("{}: violates: {}\n", r.path,
                       text_of(*std::ranges::min_element(r.known, {}, &LookedUp::standing)));
  } else {
    text = fmt::format("{}: {}: {}\n", r.path, to_string(r.state), fmt::join(r.verdicts(), " "));
  }
  line("title", r.file.title());
  if (result.violations.empty()) {
    line("promise", result.promise);
    line("seen", result.outcome);
  }
  for (size_t i = 0; i < r.known.size(); ++i) {
    const Violation& v = result.violations[i];
    if (r.state == State::violates) line("shows", to_string(v.signature));
    if (r.state != State::violates || r.known.size() > 1) text += fmt::format("  {}\n", text_of(r.known[i]));
    line("reads", in_words(v.signature));
    line("promised", v.promised);
    line("seen", v.seen);
  }
  line("repair", result.repair);
  line("stack", result.stack);
  if (why)
    for (const Said& said : result.said) text += fmt::format("  {:32}{}\n", said.property, said.verdict);
  if (r.state == State::differs) line("recorded", fmt::format("{}", fmt::join(r.recorded(), " ")));
  return text;
}

std::string text_on_stdin() {
  std::string text(kMaxCaseBytes + 1, '\0');
  std::cin.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(std::cin.gcount()));
  return text;
}

/// The files below the paths, and `-` where it is named: what comes on stdin.
std::vector<std::string> case_paths(const std::vector<std::string>& paths) {
  std::vector<std::string> all, files;
  for (const auto& path : paths) (path == "-" ? all : files).push_back(path);
  if (all.size() > 1) all.resize(1);
  if (!files.empty())
    for (const auto& path : some_case_files(files)) all.push_back(path.string());
  return all;
}

int replay(const CaseOptions& o) {
  const Space& space = whole_space();
  Lookup lookup(o, space);
  const Expect expect = o.expect == "recorded" ? Expect::recorded : Expect::holds;
  if (expect == Expect::holds && o.expect != "holds")
    fail("--expect '{}': expected recorded or holds", o.expect);
  const auto paths = case_paths(o.paths);
  if (!o.junit.empty()) expect_output(o.junit);
  std::map<State, size_t> states;
  size_t red = 0, unread = 0, done = 0;
  std::vector<TestCase> tests;
  ProgressLine progress(o.json || paths.size() == 1);
  for (const std::string& path : paths) {
    progress.show({.what = "replay",
                   .part = static_cast<double>(done) / static_cast<double>(paths.size()),
                   .facts = {fmt::format("{} of {}", grouped(done), grouped(paths.size())),
                             fmt::format("{} {}", red, expect == Expect::holds ? "violate" : "differ")}});
    ++done;
    Replayed r{.path = path == "-" ? "<stdin>" : path, .file = {}, .result = {}, .known = {}};
    std::vector<std::string> notes;
    try {
      r.file =
          path == "-" ? read_case(text_on_stdin(), r.path, space, &notes) : load_case(path, space, &notes);
    } catch (const Error& e) {  // the others are replayed all the same
      progress.clear();
      fmt::print(stderr, "dtypefuzz: {}\n", e.what());
      ++unread;
      continue;
    }
    const auto begin = std::chrono::steady_clock::now();
    r.result = check_isolated(r.file.body, space, {}, {o.strict});
    r.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    r.state = state_of(r.file, r.result);
    ++states[r.state];
    red += r.is_red(expect);
    r.known = lookup.of(r.file.body, r.result.violations);
    if (!o.junit.empty())
      tests.push_back({.path = r.path,
                       .seconds = r.seconds,
                       .outcome = r.is_red(expect) ? TestCase::failed
                                  : r.state == State::not_applicable || r.state == State::not_recorded_here
                                      ? TestCase::skipped
                                      : TestCase::passed,
                       .kind = std::string(to_string(r.state)),
                       .text = text_of(r, false)});
    if (is_quiet() && !r.is_red(expect)) continue;
    progress.clear();
    for (const auto& note : notes) fmt::print(stderr, "{}\n", note);
    if (o.json)
      print_line(r, o);
    else
      fmt::print("{}", text_of(r, o.why));
    std::fflush(stdout);
    progress.restart();
  }
  progress.clear();
  if (!o.junit.empty()) write_output(o.junit, to_junit(tests));
  if (paths.size() > 1 && !o.json && !(is_quiet() && red == 0 && unread == 0)) {
    std::vector<std::string> counts;
    for (const auto& [state, count] : states) counts.push_back(fmt::format("{} {}", count, to_string(state)));
    if (unread > 0) counts.push_back(fmt::format("{} could not be read", unread));
    fmt::print("{} cases replayed: {}\n", done - unread, fmt::join(counts, ", "));
  }
  if (red > 0) return 1;
  return unread > 0 ? 2 : 0;
}

int minimize_files(const CaseOptions& o) {
  const Space& space = whole_space();
  for (const auto& path : some_case_files(o.paths)) {
    CaseFile file = load_case(path, space);
    const auto violations = check_isolated(file.body, space, {}, {o.strict}).violations;
    if (violations.empty()) fmt::print("{}: holds, nothing to minimize\n", path.string());
    for (Violation violation : violations) {
      size_t tried = 0;
      ProgressLine progress(o.json);
      const Case small = minimize(file.body, space, violation, [&](const Reading& candidate) {
        progress.show({.what = "minimizing", .facts = {fmt::format("{} cases tried", ++tried)}});
        return check_isolated(candidate.body, space, {}, {o.strict}).violations;
      });
      const std::string signature = to_string(violation.signature);
      progress.clear();
      if (small == file.body && !o.json)
        fmt::print("{}: already minimal (0 of {} simpler cases show it)\n", path.string(), tried);
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
  command->add_option("paths", o->paths, "case files or directories")->required()->type_name("PATH");
  command->add_flag("--strict", o->strict,
                    "refusals that blame another operand or name too little are findings");
  command->add_flag("--json", o->json, "JSON lines on stdout");
  return command;
}

}  // namespace

void add_replay(CLI::App& app, int& code) {
  auto o = std::make_shared<CaseOptions>();
  auto* command = add(app, "replay",
                      "Run case files (- for stdin) and compare with what they record.  Example: dtypefuzz "
                      "replay corpus/seeds",
                      o);
  command->add_option("--baseline", o->baseline, "a directory of known causes, or none")
      ->capture_default_str()
      ->type_name("DIR");
  command
      ->add_option(
          "--expect", o->expect,
          "recorded: a case that does as its file records is well, and where nothing is recorded one "
          "that holds; holds: that alone, for git bisect")
      ->capture_default_str()
      ->type_name("WHAT");
  command->add_option("--junit", o->junit, "write a test case a file here, as XML")->type_name("FILE");
  command->add_flag("--why", o->why, "what each property says, and why where it says nothing");
  command->callback([o, &code] { code = replay(*o); });
}

void add_minimize(CLI::App& app, int& code) {
  auto o = std::make_shared<CaseOptions>();
  auto* command =
      add(app, "minimize", "Make failing cases smaller.  Example: dtypefuzz minimize x.case --out small", o);
  command->add_option("--out", o->out, "where the result is saved")->capture_default_str()->type_name("DIR");
  command->callback([o, &code] { code = minimize_files(*o); });
}

}  // namespace dtypefuzz
