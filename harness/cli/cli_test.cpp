// The command as a person uses it, and as they mistype it.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

namespace {

namespace fs = std::filesystem;

struct Ended {
  int code = 0;
  std::string out, err;
};

class Command : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "dtypefuzz-test-XXXXXX").string();
    ASSERT_TRUE(mkdtemp(name.data()));
    folder = name;
  }
  void TearDown() override { fs::remove_all(folder); }

  std::string text_of(const fs::path& path) const {
    std::ifstream in(path);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  fs::path file(const std::string& name, const std::string& text) const {
    std::ofstream(folder / name, std::ios::binary) << text;
    return folder / name;
  }
  Ended run(const std::string& arguments) const {
    const int status = std::system(
        fmt::format("cd {} && {} {} >out 2>err", folder.string(), DTYPEFUZZ_COMMAND, arguments).c_str());
    return {WEXITSTATUS(status), text_of(folder / "out"), text_of(folder / "err")};
  }
  static size_t lines(const std::string& text) {
    return static_cast<size_t>(std::count(text.begin(), text.end(), '\n'));
  }

  /// The cases below a folder, what is flaky aside.
  std::vector<fs::path> cases_below(const std::string& where) const {
    std::vector<fs::path> cases;
    if (fs::exists(folder / where))
      for (const auto& entry : fs::recursive_directory_iterator(folder / where))
        if (entry.path().extension() == ".case" && entry.path().parent_path().filename() != "flaky")
          cases.push_back(entry.path());
    return cases;
  }
  std::vector<fs::path> folders_in(const std::string& where) const {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(folder / where))
      if (fs::exists(entry.path() / "cause.json")) folders.push_back(entry.path());
    return folders;
  }

  fs::path folder;
};

TEST_F(Command, RefusesWhatIsMistypedInOneLineWithTheValueAndTheNextStep) {
  file("x.case", "# dtypefuzz case 1\nlayers[0].module = Linear\n");
  fs::create_directory(folder / "empty.case");
  const struct {
    std::string arguments, says;
    int code;
  } cases[] = {
      {"fuzz --time 0", "--time '0': expected more than zero", 2},
      {"fuzz --time soon", "--time 'soon'", 2},
      {"fuzz --time -5s", "--time '-5s'", 2},
      {"fuzz --jobs -1", "--jobs '-1': expected a whole number from 1", 2},
      {"fuzz --jobs two", "--jobs 'two'", 2},
      {"fuzz --runs 1.5", "--runs '1.5'", 2},
      {"fuzz --seed x", "--seed 'x'", 2},
      {"fuzz --case-time never", "--case-time 'never'", 2},
      {"fuzz --time 0x10", "--time '0x10': expected more than zero", 2},
      {"fuzz --time inf", "--time 'inf'", 2},
      {"fuzz --out ''", "--out '': expected a directory", 2},
      {"fuzz --resume ''", "--resume '': expected the --out directory of a campaign", 2},
      {"fuzz --baseline ''", "'': no such file or directory", 2},
      {"fuzz --out x.case --baseline none", "--out x.case: cannot be written: Not a directory", 3},
      {"fuzz --memory 9999999G", "--memory '9999999G': expected at most 999999", 2},
      {"fuzz --memory 2", "--memory '2': expected a size, as 512M or 2G", 2},
      {"fuzz --memory 1M", "--memory '1M': LibTorch itself needs more", 2},
      {"fuzz --resume nowhere", "--resume nowhere: no run.json is there", 2},
      {"fuzz --engine afl --baseline none", "--engine 'afl': expected rapidcheck, libfuzzer, sweep", 2},
      {"fuzz --engine LibFuzzer --baseline none", "did you mean 'libfuzzer'?", 2},
      {"fuzz --modules Liner --baseline none", "--modules 'Liner': unknown, did you mean 'Linear'?", 2},
      {"fuzz --dtypes floot32 --baseline none", "--dtypes 'floot32': unknown, did you mean 'float32'?", 2},
      {"fuzz --devices gpu --baseline none", "--devices 'gpu': unknown", 2},
      {"fuzz --baseline nowhere", "nowhere: no such file or directory", 2},
      {"fuzz --baseline none --time 1s --out /proc/here", "--out /proc/here: cannot be written", 3},
      {"fuzz --resume x --seed 5", "--seed 5: a campaign that is resumed keeps its own", 2},
      {"fuzz --modules Linear ReLU --baseline none", "did not expect 'ReLU'; see '", 2},
      {"fuzz --modules '' --baseline none", "--modules '': unknown; see", 2},
      {"", "expected a command; see '", 2},
      {"fuss", "unknown command 'fuss', did you mean 'fuzz'?; see '", 2},
      {"corpus chek", "unknown command 'chek', did you mean 'check'?; see '", 2},
      {"fuzz --frobnicate 3", "unknown option '--frobnicate'; see '", 2},
      {"fuzz --run=5", "unknown option '--run=5', did you mean '--runs'?; see '", 2},
      {"fuzz --time", "--time: ", 2},
      {"list colours", "list 'colours': unknown; there are modules, dtypes", 2},
      {"list", "list: of what? modules, dtypes", 2},
      {"list findigs", "list 'findigs': unknown, did you mean 'findings'?", 2},
      {"list causes --severity carsh", "--severity 'carsh': unknown, did you mean 'crash'?", 2},
      {"list modules --severity crash", "--severity 'crash': goes with 'list causes' and 'list findings'", 2},
      {"fuzz --fail-on nwe --baseline none", "--fail-on 'nwe': expected new, place, open, none, did you mean",
       2},
      {"fuzz --check-known maybe --baseline none", "--check-known 'maybe': expected always or never", 2},
      {"--color loud list devices", "--color 'loud': expected auto, always or never", 2},
      {"--html", "unknown option '--html'; see '", 2},
      {"help fuz", "help 'fuz': no such command, did you mean 'fuzz'?", 2},
      {"completions tcsh", "completions 'tcsh': expected bash, zsh or fish", 2},
      {"new Liner", "'Liner': no such module, did you mean 'Linear'?", 2},
      {"show x.case --full --frobnicate", "unknown option '--frobnicate'", 2},
      {"replay x.case --junit no/such/j.xml", "no/such/j.xml: cannot be written: no/such: No such file", 3},
      {"replay x.case --expect everything", "--expect 'everything': expected recorded or holds", 2},
      {"report . --format html", "--format 'html': expected markdown or github", 2},
      {"list modules --contract Liner", "--contract 'Liner': unknown, did you mean 'Linear'?; see '", 2},
      {"list modules --contract ''", "--contract '': unknown; see '", 2},
      {"list dtypes --contract Linear", "--contract 'Linear': goes with 'list modules'", 2},
      {"replay", "paths is required; see '", 2},
      {"replay empty.case", "empty.case: no case is there", 2},
      {"replay ''", "'': no such file or directory", 2},
      {"replay \"$(printf 'a\\033[2J\\nb')\"", "a\uFFFD[2J b: no such file or directory", 2},
      {"replay $(head -c 5000 /dev/zero | tr '\\0' a)", "aaa...: File name too long", 2},
      {"corpus --into x.case merge .", "x.case: ", 3},
      {"atlas --out ''", "--out '': expected a file", 2},
      {"atlas --out .", ".: cannot be written: it is a directory", 3},
      {"atlas --out no/such/a.json", "no/such/a.json: cannot be written: no/such: No such file or directory",
       3},
      {"diff x.case x.case", "x.case: not an atlas: line 1, column 1: ", 2},
      {"replay nothing.case", "nothing.case: no such file or directory", 2},
      {"corpus drop nonsense", "nonsense", 2},
      {"report nowhere", "nowhere: no such file or directory", 2},
      {"report . --results x.case", "x.case:1: ", 2},
      {"report . --results nowhere", "nowhere: No such file or directory", 2},
      {"corpus accept x.case --title ''", "--title '': expected one line of text", 2},
  };
  for (const auto& [arguments, says, code] : cases) {
    const Ended ended = run(arguments);
    EXPECT_EQ(ended.code, code) << arguments;
    EXPECT_NE(ended.err.find(says), std::string::npos) << arguments << ": " << ended.err;
    EXPECT_EQ(lines(ended.err), 1u) << arguments << ": " << ended.err;
    EXPECT_EQ(ended.out, "") << arguments;
  }
}

TEST_F(Command, SaysSoWhereItsOutputIsLost) {
  for (const auto* arguments : {"list modules", "list modules --json", "--version", "doctor"}) {
    for (const auto& [to, why] :
         {std::pair("/dev/full", "No space left on device"), std::pair("&-", "Bad file descriptor")}) {
      const int status = std::system(
          fmt::format("cd {} && {} {} >{} 2>err", folder.string(), DTYPEFUZZ_COMMAND, arguments, to).c_str());
      EXPECT_EQ(WEXITSTATUS(status), 3) << arguments << " >" << to;
      EXPECT_EQ(text_of(folder / "err"), fmt::format("dtypefuzz: stdout: {}\n", why)) << arguments;
    }
    const int status = std::system(
        fmt::format("{} {} 2>/dev/null | head -1 >/dev/null", DTYPEFUZZ_COMMAND, arguments).c_str());
    EXPECT_EQ(WEXITSTATUS(status), 0) << arguments;
  }
}

TEST_F(Command, ReportsNothingIntoItsOwnFilesWhereStreamsAreClosed) {
  const int status = std::system(
      fmt::format("cd {} && {} fuzz --engine rapidcheck --runs 20 --modules ReLU --baseline none --out found "
                  "<&- >&- 2>&-",
                  folder.string(), DTYPEFUZZ_COMMAND)
          .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 3);
  EXPECT_EQ(text_of(folder / "found" / "lock"), "");
  EXPECT_EQ(nlohmann::json::parse(text_of(folder / "found" / "run.json")).at("outcome"), "complete");
}

TEST_F(Command, RefusesABadCaseFileWithItsPlace) {
  const struct {
    std::string text, says;
  } cases[] = {
      {"", "not a case file: expected '# dtypefuzz case 1'"},
      {"hello\n", ":1: not a case file"},
      {"# dtypefuzz case 2\nlayers = 1\n", ":1: case format '2', this version reads 1"},
      {"# dtypefuzz case 1\nlayers[0].module = Liner\n",
       ":2: layers[0].module = Liner is not offered here, did you mean 'Linear'?"},
      {"# dtypefuzz case 1\nlayers[0].module = Linear\nparams.dtype = float31\n",
       ":3: params.dtype = float31 is not offered here, did you mean 'float32'?"},
      {"# dtypefuzz case 1\nlayers[0].module\n", ":2: expected 'name = value', got 'layers[0].module'"},
      {"# dtypefuzz case 1\nmode = train\nmode = eval\n", ":3: 'mode' is answered twice"},
      {"# dtypefuzz case 1\nmode = train\n[unseen]\n", ":3: unknown section '[unseen]'"},
      {"# dtypefuzz case 1\n", "the file has no answer"},
      {"# dtypefuzz case 1\n" + std::string(10'000'000, 'x'), "10000019 bytes, expected at most 65536"},
      {std::string("# dtypefuzz case 1\nmode = \0\xff\n", 29), ":2: byte 0x00 in column 8 is no text"},
  };
  for (const auto& [text, says] : cases) {
    file("bad.case", text);
    for (const auto* command : {"replay", "minimize"}) {
      const Ended ended = run(fmt::format("{} bad.case", command));
      EXPECT_EQ(ended.code, 2) << says;
      EXPECT_NE(ended.err.find("bad.case:"), std::string::npos) << ended.err;
      EXPECT_NE(ended.err.find(says), std::string::npos) << ended.err;
    }
  }
  EXPECT_FALSE(fs::exists(folder / "findings"));
}

TEST_F(Command, ReplaysAHandWrittenCaseAndSaysWhatItTookForGranted) {
  file("x.case",
       "\n\n# dtypefuzz case 1\ninput.dtype = double   # from numpy\nlayers[0].module = "
       "linear\nlayers[0].bias "
       "= false\n");
  const Ended ended = run("replay x.case");
  EXPECT_EQ(ended.code, 0) << ended.err;
  for (const char* said :
       {"x.case: holds: LibTorch refuses this as it should\n", "refused by name in forward by Linear",
        "  repair:   cast input to float32 (tried: succeeds)\n"})
    EXPECT_NE(ended.out.find(said), std::string::npos) << ended.out;
  EXPECT_EQ(run("replay - < x.case").out.find("<stdin>: holds"), 0u);
  EXPECT_EQ(run("replay -q x.case").out, "");
}

TEST_F(Command, RefusesAHandWrittenCaseThatDoesNotMeanWhatItSays) {
  const std::pair<std::string, std::string> cases[] = {
      {"layers[0].module = Linear\nbogus = 1\n", "x.case:3: bogus is not asked in this case"},
      {"layers[0].module = Linear\noptimizer = Adam\n",
       "x.case:3: optimizer is not asked in this case; it is where steps = 1 or more (here 0)"},
      {"layers[0].in_features = 11\n",
       "x.case:2: layers[0].in_features = 11 is not offered here, the nearest is 10"},
      {"layers[0].module = Linear\nlayers[0].wieght.dtype = half\n",
       "did you mean 'layers[0].weight.dtype'?"},
      {"layers = 2\nlayers[0].module = Linear\nlayers[1].module = BatchNorm1d\n",
       "layers[1].module = BatchNorm1d is not offered here after Linear; it is where batch = 2 or more (here "
       "1)"},
  };
  for (const auto& [answers, says] : cases) {
    file("x.case", "# dtypefuzz case 1\n" + answers);
    for (const auto* command : {"replay", "minimize", "corpus check ."}) {
      if (std::string(command) == "corpus check .") continue;
      const Ended ended = run(fmt::format("{} x.case", command));
      EXPECT_EQ(ended.code, 2) << answers;
      EXPECT_NE(ended.err.find(says), std::string::npos) << ended.err;
    }
  }
  // A file that a run has saved may be older than this grammar.
  file("x.case",
       "# dtypefuzz case 1\nlayers[0].module = Linear\nbogus = 1\n[seen]\nlibtorch-1.0-cpu = holds\n");
  const Ended ended = run("replay x.case");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.err.find("x.case:3: bogus is not asked in this case and was left aside"),
            std::string::npos);
  EXPECT_NE(ended.out.find("x.case: not recorded here: holds"), std::string::npos) << ended.out;
}

TEST_F(Command, ACaseThatViolatesIsRedUnlessItsFileRecordsThat) {
  const std::string body =
      "# dtypefuzz case 1\ndevice = meta\ninput.dtype = float64\nlayers[0].module = Linear\ninput.rank = 3\n";
  file("x.case", body);
  const Ended ended = run("replay x.case --junit j.xml");
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(ended.out.find("x.case: violates: known: "), 0u) << ended.out;
  EXPECT_NE(text_of(folder / "j.xml").find("failures=\"1\""), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(run("replay --json x.case").out).at("state"), "violates");
  file("y.case", body);
  ASSERT_EQ(run("corpus record y.case").code, 0);
  EXPECT_EQ(run("replay y.case").code, 0);
  EXPECT_EQ(run("replay y.case --expect holds").code, 1);
  EXPECT_NE(run("replay -q x.case y.case").out.find("x.case: violates"), std::string::npos);
  EXPECT_EQ(run("replay -q x.case y.case").out.find("y.case"), std::string::npos);
}

TEST_F(Command, WritesThroughLinksAndPipesAndBehindWhatIsThere) {
  fs::create_directory(folder / "found");
  file("target.md", "old");
  fs::create_symlink("target.md", folder / "link.md");
  EXPECT_EQ(run("report found --baseline none --markdown link.md").code, 0);
  EXPECT_TRUE(fs::is_symlink(folder / "link.md"));
  EXPECT_EQ(text_of(folder / "target.md").find("# dtypefuzz: no new causes"), 0u);
  file("target.md", "old\n");
  EXPECT_EQ(run("report found --baseline none --append --markdown target.md").code, 0);
  EXPECT_EQ(text_of(folder / "target.md").find("old\n# dtypefuzz"), 0u);
  ASSERT_EQ(mkfifo((folder / "pipe").c_str(), 0600), 0);
  const int status =
      std::system(fmt::format("cd {0} && (cat pipe > piped & {1} report found --baseline none --markdown "
                              "pipe > out 2> err; wait)",
                              folder.string(), DTYPEFUZZ_COMMAND)
                      .c_str());
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(folder / "piped").find("# dtypefuzz: no new causes"), 0u);
  EXPECT_TRUE(fs::is_fifo(folder / "pipe"));
  EXPECT_EQ(run("report found --baseline none --junit /dev/full").code, 3);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(Command, WritesACaseToEditAndTellsWhatMayBeAsked) {
  const Ended made = run("new Linear,torch::nn::BatchNorm1d");
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_NE(made.out.find("\nbatch = 2 "), std::string::npos) << made.out;
  file("x.case", made.out);
  EXPECT_EQ(run("replay x.case").code, 0) << run("replay x.case").err;
  std::string edited = made.out;
  const auto at = edited.find("# layers[1].running_mean.dtype = same");
  ASSERT_NE(at, std::string::npos);
  edited.replace(at, 37, "layers[1].running_mean.dtype = half  ");
  file("x.case", edited);
  EXPECT_NE(run("replay x.case").out.find("running_mean"), std::string::npos);
  const Ended questions = run("list questions x.case");
  EXPECT_NE(questions.out.find("layers[1].running_mean.dtype"), std::string::npos) << questions.out;
  EXPECT_NE(run("show x.case --full").out.find("  layers[0].in_features = 4\n"), std::string::npos);
}

TEST_F(Command, FindsCausesAndFindingsByWhatTheyAre) {
  const auto all = [&](const std::string& arguments) {
    std::vector<nlohmann::json> found;
    std::istringstream in(run("list " + arguments + " --json").out);
    for (std::string line; std::getline(in, line);) found.push_back(nlohmann::json::parse(line));
    return found;
  };
  const auto findings = all("findings --module 'Conv*' --severity silent --device meta");
  EXPECT_FALSE(findings.empty());
  for (const auto& json : findings) {
    EXPECT_EQ(json.at("module").get<std::string>().find("Conv"), 0u);
    EXPECT_EQ(json.at("severity"), "silent");
    EXPECT_EQ(json.at("device"), "meta");
  }
  const auto causes = all("causes --upstream none");
  EXPECT_FALSE(causes.empty());
  for (const auto& json : causes) EXPECT_EQ(json.at("upstream"), "none found");
  EXPECT_LT(causes.size(), all("causes").size());
  EXPECT_EQ(lines(run("list findings Linear").out), all("findings Linear").size());
}

TEST_F(Command, HelpsItsShellsAndItsReader) {
  EXPECT_EQ(run("help fuzz").out, run("fuzz --help").out);
  EXPECT_EQ(run("help fuzz").out, run("fuzz -h").out);
  EXPECT_EQ(run("-V").out, run("--version").out);
  EXPECT_NE(run("help").out.find("Exit codes:\n  0     done"), std::string::npos);
  const Ended bash = run("completions bash");
  file("completions",
       bash.out + "COMP_WORDS=(dtypefuzz fuzz --mod); COMP_CWORD=2; _dtypefuzz; echo \"${COMPREPLY[*]}\"\n");
  ASSERT_EQ(std::system(fmt::format("bash {0}/completions > {0}/completed", folder.string()).c_str()), 0);
  EXPECT_EQ(text_of(folder / "completed"), "--modules\n");
  EXPECT_NE(run("man").out.find(".SH EXIT STATUS"), std::string::npos);
  EXPECT_NE(run("completions fish").out.find("-l check-known -r"), std::string::npos);
  std::istringstream help(run("help fuzz").out);
  for (std::string line; std::getline(help, line);) EXPECT_LE(line.size(), 80u) << line;
}

TEST_F(Command, SaysWhereACaseDoesNotApply) {
  file("x.case", "# dtypefuzz case 1\ndevice = cuda\nlayers[0].module = Linear\n");
  const Ended ended = run("replay x.case");
  if (run("list devices").out.find("cuda                            not here") == std::string::npos)
    GTEST_SKIP() << "a CUDA device is here";
  EXPECT_NE(ended.out.find("not applicable: no cuda device here"), std::string::npos) << ended.out;
}

TEST_F(Command, SaysWhyAPropertyDoesNotSpeak) {
  file("x.case", "# dtypefuzz case 1\ninput.dtype = float64\nlayers[0].module = Linear\n");
  const Ended ended = run("replay --why x.case");
  EXPECT_NE(ended.out.find("\n  mismatch_is_refused_by_name     holds\n"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("\n  steps_keep_values_finite        not applicable: no step was taken\n"),
            std::string::npos)
      << ended.out;
  EXPECT_EQ(run("replay x.case").out.find("not applicable"), std::string::npos);
}

TEST_F(Command, FindsSavesReplaysAdoptsKnowsAndFindsAgainWhatIsDropped) {
  Ended ended = run("fuzz --engine rapidcheck --runs 2500 --modules BatchNorm1d --baseline none --out found");
  EXPECT_EQ(ended.code, 1) << ended.err;
  const auto saved = cases_below("found");
  const auto causes = folders_in("found");
  ASSERT_FALSE(saved.empty()) << ended.out;
  EXPECT_LT(causes.size(), saved.size());
  ended = run("replay found");
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("as seen"), std::string::npos);

  EXPECT_EQ(run("corpus --into known merge found").out,
            fmt::format("{} cases and 0 places adopted, {} causes are new\n", saved.size(), causes.size()));
  EXPECT_EQ(run("corpus check known").code, 0);
  for (const fs::path& cause : folders_in("known"))
    EXPECT_EQ(run(fmt::format("corpus accept {} --title 'counts too early' --upstream 'none found'",
                              cause.string()))
                  .code,
              0);
  // Whatever a file records, or records nothing of, is looked up.
  file("bare.case", text_of(saved.front()).substr(0, text_of(saved.front()).find("[about]")));
  EXPECT_EQ(run("replay --baseline known bare.case")
                .out.find("bare.case: violates: known: counts too early, upstream none found\n"),
            0u);
  EXPECT_EQ(run("replay --baseline none bare.case").out.find("bare.case: violates: new: "), 0u);
  ended =
      run("fuzz --engine rapidcheck --runs 2500 --modules BatchNorm1d --baseline known --out again --json");
  EXPECT_EQ(ended.code, 0) << ended.out;
  const auto summary =
      nlohmann::json::parse(ended.out.substr(ended.out.rfind('\n', ended.out.size() - 2) + 1));
  EXPECT_EQ(summary.at("new"), 0);
  EXPECT_EQ(summary.at("spread"), 0);
  EXPECT_EQ(summary.at("known"), saved.size());
  EXPECT_EQ(summary.at("known_causes"), causes.size());

  // What a run has saved is new once.
  const auto report = [&](const std::string& more) {
    return run("report found --baseline none --state kept --junit j.xml --markdown m.md " + more);
  };
  ended = report("--json");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_EQ(lines(ended.out), causes.size() + saved.size() + 1);
  EXPECT_NE(text_of(folder / "j.xml").find(fmt::format("failures=\"{}\"", causes.size())), std::string::npos);
  EXPECT_NE(text_of(folder / "m.md").find(" replay found/"), std::string::npos);
  EXPECT_EQ(report("").code, 0);
  EXPECT_NE(text_of(folder / "j.xml").find("failures=\"0\""), std::string::npos);

  // A place that is dropped is one that its cause has spread to; a cause that is dropped is new.
  std::map<std::string, std::vector<std::string>> places;
  std::istringstream known(run("corpus --into known signatures --causes").out);
  for (std::string signature, cause; known >> signature >> cause;) places[cause].push_back(signature);
  const auto again = [&](const std::string& more = "") {
    return run("fuzz --engine rapidcheck --runs 2500 --modules BatchNorm1d --baseline known --out again " +
               more);
  };
  const auto many =
      std::find_if(places.begin(), places.end(), [](auto& cause) { return cause.second.size() > 1; });
  ASSERT_NE(many, places.end());
  EXPECT_EQ(run("corpus --into known drop " + many->second.front()).code, 0);
  ended = again();
  EXPECT_EQ(ended.code, 0) << ended.out;
  EXPECT_NE(ended.out.find("spread: counts too early at " + many->second.front()), std::string::npos)
      << ended.out;
  EXPECT_EQ(again("--fail-on place").code, 1);
  EXPECT_EQ(again("--fail-on none").code, 0);
  for (size_t i = 1; i < many->second.size(); ++i)
    EXPECT_EQ(run("corpus --into known drop " + many->second[i]).code, 0);
  ended = again();
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.out.find(many->first), std::string::npos) << ended.out;
}

TEST_F(Command, ShowsACauseWithItsPlacesAndASmallCase) {
  const Ended causes = run("list causes --json");
  EXPECT_EQ(causes.code, 0) << causes.err;
  std::istringstream in(causes.out);
  size_t shown = 0;
  for (std::string line; std::getline(in, line) && shown < 3; ++shown) {
    const auto json = nlohmann::json::parse(line);
    const std::string cause = json.at("cause");
    const Ended ended = run("show " + cause);
    EXPECT_EQ(ended.code, 0) << ended.err;
    for (const std::string& part :
         {cause, json.at("title").get<std::string>(), fmt::format("{} places", json.at("places").size()),
          std::string("its smallest case"), std::string("layers[0].module = "), std::string("upstream:")})
      EXPECT_NE(ended.out.find(part), std::string::npos) << part << " in " << ended.out;
    EXPECT_EQ(run("show " + json.at("places").begin().key()).out, ended.out);
    const auto again = ended.out.find("again:     ");
    ASSERT_NE(again, std::string::npos);
  }
  EXPECT_EQ(shown, 3u);
  EXPECT_NE(run("show nonsense").err.find("'nonsense': no such cause"), std::string::npos);
  EXPECT_NE(run("show takes").err.find("causes have that in their name"), std::string::npos);
}

TEST_F(Command, ABaselineEntryThatIsNoLongerShownIsFixedAndOneOfAnotherCpuNotReachable) {
  fs::create_directory(folder / "known");
  const std::string body = "# dtypefuzz case 1\nlayers[0].module = Linear\n[seen]\n";
  file("known/a.case", body + "libtorch-" DTYPEFUZZ_LIBTORCH
                              "-cpu = agreeing_dtypes_succeed:Linear:-:float:forward:cast:cpu:off\n");
  file("known/b.case", body + "libtorch-" DTYPEFUZZ_LIBTORCH
                              "-cpu-AVX9999 = agreeing_dtypes_succeed:Linear:-:float:loss:cast:cpu:off\n");
  const Ended ended = run("fuzz --engine sweep --runs 5 --modules Linear --baseline known");
  EXPECT_EQ(ended.code, 0) << ended.out << ended.err;
  EXPECT_NE(ended.out.find("1 fixed, 0 partly fixed"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("1 others looked at, 1 of them fixed; 1 not reachable on this CPU"),
            std::string::npos)
      << ended.out;
  EXPECT_NE(
      run("fuzz --engine sweep --runs 5 --modules ReLU --baseline known").out.find("0 others looked at"),
      std::string::npos);  // what this campaign cannot draw is not looked at
  const Ended never =
      run("fuzz --engine sweep --runs 5 --modules Linear --baseline known --check-known never");
  EXPECT_NE(never.out.find("the others not looked at"), std::string::npos) << never.out;
  EXPECT_NE(run("fuzz --runs 0 --engine sweep --baseline known").out.find("0 cases in "), std::string::npos);
}

TEST_F(Command, ARunWhoseOutputNobodyReadsSaysSo) {
  const int status = std::system(fmt::format("cd {} && {{ {} fuzz --engine rapidcheck --time 20s --baseline "
                                             "none --json --out found; echo $? > code; "
                                             "}} 2>err | head -n 1 > first",
                                             folder.string(), DTYPEFUZZ_COMMAND)
                                     .c_str());
  EXPECT_EQ(status, 0);
  EXPECT_EQ(text_of(folder / "code"), "141\n") << text_of(folder / "err");
  EXPECT_EQ(nlohmann::json::parse(text_of(folder / "found" / "run.json")).at("outcome"), "output closed");
}

TEST_F(Command, PrintsJsonLinesWithStableNames) {
  const Ended ended = run("list modules --json");
  std::istringstream in(ended.out);
  size_t modules = 0;
  for (std::string line; std::getline(in, line); ++modules) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json.at("schema"), 1);
    EXPECT_EQ(json.at("type"), "module");
    EXPECT_FALSE(json.at("name").get<std::string>().empty());
    EXPECT_FALSE(json.at("source").get<std::string>().empty());
    EXPECT_TRUE(json.at("variants").is_array());
  }
  EXPECT_GE(modules, 39u);
}

TEST_F(Command, TellsWhatAModulePromisesInWordsWithTheSource) {
  const auto tells = [&](const std::string& name, std::initializer_list<const char*> sentences) {
    const Ended ended = run("list modules --contract " + name);
    EXPECT_EQ(ended.code, 0) << ended.err;
    for (const auto* sentence : sentences)
      EXPECT_NE(ended.out.find(sentence), std::string::npos) << sentence << "\n" << ended.out;
  };
  tells("Linear", {"https://pytorch.org/docs/stable/generated/torch.nn.Linear.html",
                   "input, weight, bias must have one dtype", "the output has the dtype of input",
                   "on the CPU a region casts"});
  tells("BatchNorm2d", {"where input is bfloat16 or float16", "aten/src/ATen/native/cpu/mixed_data_type.h",
                        "nothing is promised", "num_batches_tracked counts batches"});
  tells("Embedding", {"input must be one of int32, int64", "no gradient flows to the input"});
  tells("MaxPool3d", {"MaxPool3d\n", "MaxPool3d with return_indices=true\n", "output 2"});

  std::istringstream in(run("list modules --contract 'Conv*' --json").out);
  size_t contracts = 0;
  for (std::string line; std::getline(in, line); ++contracts) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json.at("type"), "contract");
    EXPECT_TRUE(json.at("name").get<std::string>().starts_with("Conv"));
    EXPECT_FALSE(json.at("sentences").empty());
    for (const auto& sentence : json.at("sentences")) {
      EXPECT_FALSE(sentence.at("text").get<std::string>().empty());
      EXPECT_FALSE(sentence.at("source").get<std::string>().empty());
    }
  }
  EXPECT_EQ(contracts, 6u);
}

TEST_F(Command, WritesAnAtlasStreamsItsCellsAndComparesTwo) {
  const std::string narrow = "--modules ReLU,MSELoss --dtypes float32,float64,int64 ";
  Ended ended = run("atlas --out a.json --json " + narrow);
  EXPECT_EQ(ended.code, 0) << ended.err;
  std::istringstream in(ended.out);
  size_t cells = 0, shares = 0;
  for (std::string line; std::getline(in, line);) {
    const auto json = nlohmann::json::parse(line);
    EXPECT_EQ(json.at("schema"), 1);
    if (json.at("type") == "shares") {
      ++shares;
      continue;
    }
    if (json.at("type") == "summary") {
      EXPECT_EQ(json.at("cases"), cells);
      continue;
    }
    EXPECT_EQ(json.at("type"), "cell");
    for (const auto* field : {"module", "variant", "autocast", "mode", "device", "outcome", "phase", "family",
                              "grade", "output_dtype", "judged"})
      EXPECT_FALSE(json.at(field).get<std::string>().empty()) << line;
    EXPECT_TRUE(json.at("dtypes").contains("input")) << line;
    ++cells;
  }
  EXPECT_EQ(shares, 1u) << "which share of the cells is judged";
  EXPECT_GT(cells, 16u * 3);

  ended = run("atlas --jobs 2 --out b.json " + narrow);
  EXPECT_NE(ended.out.find(fmt::format("{} cells of 2 modules", cells)), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("succeeded"), std::string::npos) << ended.out;
  EXPECT_EQ(text_of(folder / "a.json"), text_of(folder / "b.json"));
  EXPECT_EQ(run("diff a.json b.json").code, 0);

  std::string text = text_of(folder / "a.json");
  const std::string result = R"(["succeeded","backward","accepted","-","float64","-","promise"])";
  ASSERT_NE(text.find(result), std::string::npos);
  file("changed.json",
       text.replace(text.find(result), result.size(),
                    R"(["unsupported","forward","kernel_not_implemented","-","-","-","words"])"));
  ended = run("diff a.json changed.json");
  EXPECT_EQ(ended.code, 1);
  EXPECT_NE(ended.out.find("ReLU\n  input\n"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find(
                "succeeded in backward, gave float64 -> unsupported in forward (kernel_not_implemented)"),
            std::string::npos)
      << ended.out;
  ended = run("diff --json a.json changed.json");
  EXPECT_EQ(ended.code, 1);
  EXPECT_EQ(nlohmann::json::parse(ended.out.substr(0, ended.out.find('\n'))).at("type"), "change");

  // Nothing is run, and what disagrees with its neighbours is told.
  ended = run("atlas --judge changed.json");
  EXPECT_EQ(ended.code, 0) << ended.err;
  EXPECT_NE(ended.out.find("modes: ReLU"), std::string::npos) << ended.out;
  EXPECT_NE(ended.out.find("are judged"), std::string::npos) << ended.out;

  file("cut.json", text.substr(0, text.size() / 2));
  for (const auto* arguments : {"diff a.json cut.json", "diff a.json nowhere.json", "diff /proc a.json",
                                "atlas --modules Liner", "atlas --jobs 0"}) {
    ended = run(arguments);
    EXPECT_EQ(ended.code, 2) << arguments;
    EXPECT_EQ(lines(ended.err), 1u) << ended.err;
    EXPECT_EQ(ended.out, "") << arguments;
  }
  EXPECT_EQ(run("atlas --out /proc/x.json " + narrow).code, 3);
}

/// A campaign in the background, of which somebody else says when it ends.
class Campaigns : public Command {
 protected:
  pid_t start(std::vector<std::string> words) const {
    words.insert(words.begin(), {"dtypefuzz", "fuzz"});
    const pid_t child = fork();
    if (child != 0) return child;
    fs::current_path(folder);
    if (!std::freopen("out", "w", stdout) || !std::freopen("err", "w", stderr)) _exit(9);
    std::vector<char*> arguments;
    for (auto& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    execv(DTYPEFUZZ_COMMAND, arguments.data());
    _exit(9);
  }
  static int status_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return status;
  }
  std::map<std::string, std::string> findings(const std::string& where) const {
    std::map<std::string, std::string> texts;
    for (const fs::path& path : cases_below(where)) texts[path.filename()] = text_of(path);
    return texts;
  }
  void wait_for_a_finding(const std::string& where) const {
    for (int tries = 0; tries < 600 && findings(where).empty(); ++tries) usleep(100'000);
    ASSERT_FALSE(findings(where).empty());
  }
  nlohmann::json record(const std::string& where) const {
    return nlohmann::json::parse(text_of(folder / where / "run.json"));
  }
};

TEST_F(Campaigns, EndAtTheFirstSignalWithTheSummaryAndTheFindings) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string found = fmt::format("found{}", signal);
    const pid_t child =
        start({"--engine", "rapidcheck", "--baseline", "none", "--out", found, "--time", "60s"});
    wait_for_a_finding(found);
    kill(child, signal);
    EXPECT_EQ(WEXITSTATUS(status_of(child)), 128 + signal);
    const auto out = text_of(folder / "out");
    EXPECT_NE(out.find("cases in"), std::string::npos);
    EXPECT_NE(out.find("fuzz --resume " + found), std::string::npos);
    EXPECT_EQ(record(found).at("outcome"), "interrupted");
    EXPECT_EQ(run("corpus check " + found).code, 0);
  }
}

TEST_F(Campaigns, EndAtTheSecondSignalAtOnce) {
  const pid_t child =
      start({"--engine", "rapidcheck", "--baseline", "none", "--out", "found", "--time", "60s"});
  wait_for_a_finding("found");
  kill(child, SIGTERM);
  kill(child, SIGINT);
  EXPECT_EQ(WEXITSTATUS(status_of(child)), 130);
}

TEST_F(Campaigns, ASecondOneInTheSameDirectoryIsRefusedWithTheProcessOfTheFirst) {
  const pid_t child =
      start({"--engine", "rapidcheck", "--baseline", "none", "--out", "found", "--time", "60s"});
  wait_for_a_finding("found");
  for (const auto* again : {"fuzz --baseline none --out found", "fuzz --resume found"}) {
    const Ended ended = run(again);
    EXPECT_EQ(ended.code, 3);
    EXPECT_NE(ended.err.find(fmt::format("found: process {} runs a campaign there", child)),
              std::string::npos)
        << ended.err;
  }
  kill(child, SIGKILL);
  status_of(child);
  EXPECT_EQ(run("fuzz --engine rapidcheck --runs 5 --modules ReLU --baseline none --out found").code, 0);
}

TEST_F(Campaigns, GoOnAfterAKillAndComeToWhatTheyWouldHaveComeTo) {
  const std::vector<std::string> words = {"--engine",           "rapidcheck", "--runs", "6000",   "--modules",
                                          "BatchNorm1d,Linear", "--baseline", "none",   "--jobs", "2"};
  const auto to = [&](const std::string& where) {
    auto all = words;
    all.insert(all.end(), {"--out", where});
    return all;
  };
  EXPECT_EQ(WEXITSTATUS(status_of(start(to("whole")))), 1);
  const pid_t child = start(to("killed"));
  wait_for_a_finding("killed");
  kill(child, SIGKILL);
  status_of(child);
  EXPECT_EQ(record("killed").at("outcome"), "running");
  const auto before = findings("killed");
  for (const auto* wrong : {"--seed 2", "--engine sweep", "--modules Linear", "--out there"})
    EXPECT_EQ(run(fmt::format("fuzz --resume killed {}", wrong)).code, 2) << wrong;
  const Ended ended = run("fuzz --resume killed");
  EXPECT_EQ(ended.code, 1) << ended.err;
  EXPECT_NE(ended.err.find("killed: goes on at case "), std::string::npos) << ended.err;
  EXPECT_EQ(findings("killed"), findings("whole"));
  for (const auto& [name, text] : before) EXPECT_EQ(findings("killed")[name], text);
  EXPECT_EQ(record("killed").at("counts"), record("whole").at("counts"));
  EXPECT_EQ(record("killed").at("begun").size(), 2u);
}

TEST_F(Campaigns, GoOnFromWhatTheyWroteThemselvesAlone) {
  const std::string begin = "fuzz --engine rapidcheck --runs 20 --modules ReLU --out found ";
  const auto bent = [&](const std::string& name, const std::string& replace, const std::string& with) {
    run(begin + "--baseline none");
    std::string text = text_of(folder / "found" / name);
    const auto at = replace.empty() ? 0 : text.find(replace);
    ASSERT_NE(at, std::string::npos) << text;
    file("found/" + name, text.replace(at, replace.empty() ? text.size() : replace.size(), with));
  };
  const struct {
    std::string name, replace, with, says;
  } cases[] = {
      {"state.json", "", "garbage", "found/state.json: line 1, column 1: "},
      {"state.json", "\"next\":20", "\"next\":-1",
       "found/state.json: next: expected a whole number from 0 to"},
      {"run.json", "", "", "found/run.json: line 1, column 1: "},
      {"run.json", "\"libtorch\": \"2", "\"libtorch\": \"1.2", "found/run.json: began with libtorch 1.2"},
      {"run.json", "\"rapidcheck\"", "\"afl\"", "found/run.json: --engine 'afl': expected rapidcheck"},
      {"run.json", "\"jobs\": \"1\"", "\"jobs\": \"-1\"", "found/run.json: --jobs '-1': expected"},
      {"run.json", "\"ReLU\"", "\"RuLE\"", "found/run.json: --modules 'RuLE': unknown"},
      {"run.json", "\"baseline\": \"none\"", "\"baseline\": \"/elsewhere\"",
       "found/run.json: began with --baseline /elsewhere; to go on with it, say so: --resume found "
       "--baseline "
       "/elsewhere"},
      {"run.json", "\"corpus\": \"\"", "\"corpus\": \"/elsewhere\"",
       "found/run.json: began with --corpus /elsewhere; to go on with it, say so"},
  };
  for (const auto& [name, replace, with, says] : cases) {
    bent(name, replace, with);
    const Ended ended = run("fuzz --resume found");
    EXPECT_EQ(ended.code, 2) << says;
    EXPECT_EQ(lines(ended.err), 1u) << ended.err;
    EXPECT_NE(ended.err.find(says), std::string::npos) << ended.err;
  }
  // A directory of the person's own choice is said again, and the summary says how.
  fs::create_directory(folder / "known");
  EXPECT_EQ(run(begin + "--baseline known").code & ~1, 0);
  EXPECT_EQ(run("fuzz --resume found").code, 2);
  EXPECT_EQ(run("fuzz --resume found --baseline known").code & ~1, 0);
}

TEST_F(Campaigns, LeaveARecordThatTellsTheRunAndRepeatsIt) {
  EXPECT_EQ(run("fuzz --engine rapidcheck --seed 5 --time 3s --modules BatchNorm1d --dtypes float32,float64 "
                "--baseline none --out first")
                .code,
            1);
  const auto first = record("first");
  EXPECT_EQ(first.at("type"), "run");
  EXPECT_EQ(first.at("outcome"), "complete");
  EXPECT_EQ(first.at("exit_code"), 1);
  EXPECT_EQ(first.at("settings").at("seed"), "5");
  EXPECT_FALSE(first.at("versions").at("libtorch").get<std::string>().empty());
  EXPECT_FALSE(first.at("versions").at("cpu_capability").get<std::string>().empty());
  const std::string repeat = first.at("repeat");
  ASSERT_TRUE(repeat.starts_with("dtypefuzz fuzz ")) << repeat;
  EXPECT_EQ(run(repeat.substr(10) + " --out second").code, 1) << repeat;
  EXPECT_EQ(record("second").at("counts"), first.at("counts"));
  EXPECT_EQ(findings("second"), findings("first"));
}

TEST_F(Campaigns, EndWithOneLineOnAFullDiskAndKeepWhatTheyHaveWhole) {
  fs::create_directory(folder / "disk");
  const auto mount =
      fmt::format("mount -t tmpfs -o size=192k none {} 2>/dev/null", (folder / "disk").string());
  if (std::system(mount.c_str()) != 0) GTEST_SKIP() << "not allowed to mount a small disk";
  std::ofstream(folder / "disk" / "ballast") << std::string(100 * 1024, 'x');
  const Ended ended = run("fuzz --engine rapidcheck --time 60s --baseline none --out disk/found");
  EXPECT_EQ(ended.code, 3) << ended.err;
  EXPECT_EQ(lines(ended.err), 1u) << ended.err;
  EXPECT_NE(ended.err.find("No space left on device"), std::string::npos) << ended.err;
  EXPECT_FALSE(findings("disk/found").empty());
  EXPECT_EQ(run("corpus check disk/found").code, 0);
  for (const auto& entry : fs::directory_iterator(folder / "disk" / "found"))
    EXPECT_NE(entry.path().extension(), ".tmp") << entry.path();
  // With room again it goes on.
  fs::remove(folder / "disk" / "ballast");
  EXPECT_LE(run("fuzz --resume disk/found --runs 500").code, 1);
  EXPECT_EQ(std::system(fmt::format("umount {}", (folder / "disk").string()).c_str()), 0);
}

}  // namespace
