#include "harness/blame/known.h"
#include "harness/corpus/baseline.h"
#include "harness/corpus/keep.h"
#include "harness/files/files.h"
#include "harness/files/seen.h"

#include <fmt/format.h>

#include "harness/cli/commands.h"

namespace dtypefuzz {

void add_corpus(CLI::App& app, int& code) {
  struct Options {
    std::string into = of_checkout(kFindings), from = "findings", subject, title, upstream;
    std::vector<std::string> paths;
    bool causes = false;
  };
  auto o = std::make_shared<Options>();
  auto* corpus = app.add_subcommand("corpus", "Keep the corpus.  Example: dtypefuzz corpus merge findings");
  corpus->require_subcommand(1);
  corpus->add_option("--into", o->into, "the corpus")->capture_default_str()->type_name("DIR");

  auto* merge = corpus->add_subcommand("merge", "Adopt the findings of a run");
  merge->add_option("from", o->from, "a directory of findings")->type_name("DIR")->capture_default_str();
  merge->callback([o] {
    const Adopted adopted = merge_corpus(o->from, o->into, whole_space());
    fmt::print("{} cases and {} places adopted, {} causes are new\n", adopted.cases, adopted.places,
               adopted.causes);
  });

  auto* sort = corpus->add_subcommand(
      "sort", "Look at every case again and move it into the folder of what it is blamed on now");
  sort->add_option("directory", o->into, "the corpus")->type_name("DIR");
  sort->callback([o] {
    const auto moved = sort_corpus(o->into, whole_space());
    for (const std::string& line : moved) fmt::print("{}\n", line);
    fmt::print("{} moved\n", moved.size());
  });

  auto* check = corpus->add_subcommand("check", "Every file is whole and canonical");
  check->add_option("directory", o->into, "the corpus")->type_name("DIR");
  check->callback([o, &code] {
    const auto wrong = check_corpus(o->into, whole_space());
    if (case_files({o->into}).empty()) fmt::print(stderr, "dtypefuzz: {}: nothing is there\n", o->into);
    for (const auto& text : wrong) fmt::print("{}\n", text);
    if (wrong.empty())
      fmt::print("{} case files, each whole and in its shortest form\n", case_files({o->into}).size());
    code = wrong.empty() ? 0 : 2;
  });

  auto* tidy = corpus->add_subcommand("tidy", "Write every file in its shortest form");
  tidy->add_option("directory", o->into, "the corpus")->type_name("DIR");
  tidy->callback([o] { fmt::print("{} changed\n", tidy_corpus(o->into, whole_space())); });

  auto* record = corpus->add_subcommand(
      "record", "Write into each file what this LibTorch does with it, on this CPU and lesser ones");
  record->add_option("paths", o->paths, "case files or directories")->type_name("PATH")->required();
  record->callback([o] {
    const Space& space = whole_space();
    for (const auto& path : case_files(o->paths)) {
      CaseFile file = load_case(path, space);
      const Seen* before = seen_here(file);
      record_seen(file, space, before ? before->verdicts.front() : "");
      write_atomically(path, print_shortest(file, space));
    }
  });

  auto* accept = corpus->add_subcommand("accept", "Give a cause its title");
  accept->add_option("path", o->subject, "its folder, its cause.json, or a case of it")
      ->type_name("PATH")
      ->required();
  accept->add_option("--title", o->title, "what is wrong, in one line")->type_name("TEXT")->required();
  accept->add_option("--upstream", o->upstream, "a link to the issue, or 'none found'")->type_name("LINK");
  accept->callback([o] {
    accept_finding(o->subject, o->title, o->upstream, whole_space());
    fmt::print("{}: {}{}\n", o->subject, o->title, o->upstream.empty() ? "" : ", upstream " + o->upstream);
  });

  auto* drop = corpus->add_subcommand("drop", "Remove a finding by its signature");
  drop->add_option("signature", o->subject, "as printed")->type_name("SIGNATURE")->required();
  drop->callback(
      [o] { fmt::print("removed {}\n", drop_finding(o->into, o->subject, whole_space()).string()); });

  auto* signatures = corpus->add_subcommand("signatures", "The known signatures, one a line");
  signatures->add_flag("--causes", o->causes, "each with its cause, and causes without a place here");
  signatures->callback([o] {
    const KnownFaults known = load_baseline(o->into, whole_space()).faults();
    if (o->causes) return fmt::print("{}", print_known(known));
    for (const auto& [signature, cause] : known.places) fmt::print("{}\n", signature);
  });
}

}  // namespace dtypefuzz
