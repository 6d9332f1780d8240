#!/usr/bin/env python3
"""ci/nightly, a copy of it in a made-up checkout: with a tool that only notes its words and answers as it is told, and
with the real one of $DTYPEFUZZ_BUILD for two seconds."""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
# Notes its words; what it answers lies in answers/: NAME.code, new/ for fuzz with a folder a cause, atlas for its content.
TOOL = r"""#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/.." && pwd)
printf '%s\n' "$*" >>"$root/words"
command=$1
for ((i = 1; i <= $#; ++i)); do
  case ${!i} in
    --out) next=$((i + 1)) out=${!next} ;;
    --markdown) next=$((i + 1)) markdown=${!next} ;;
  esac
done
case $command in
  replay) echo '{"type":"replay","state":"as seen"}' ;;
  fuzz)
    ! [[ -f $root/answers/wait ]] || sleep 30
    cp -r "$root"/answers/new/. "$out"
    echo '{"type":"summary","engine":"any","cases":7,"seconds":1.0,"cases_per_second":7.0,"seed":1,"libtorch":"2.13.0","cpu_capability":"AVX2"}'
    ;;
  atlas) cp "$root/answers/atlas" "$out" 2>/dev/null ;;
  diff) cmp -s "${@: -2:1}" "${@: -1}" || { echo 'Linear: differs' && exit 1; } ;;
  report) [[ -z $markdown ]] || echo '# Summary' >"$markdown" ;;
  corpus) cp -r "${@: -1}/." "$3" ;;
esac
exit "$(cat "$root/answers/$command.code" 2>/dev/null || echo 0)"
"""
# A build or a linter: likewise.
STEP = r"""#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/.." && pwd)
printf '%s %s\n' "$(basename "$0")" "$*" >>"$root/words"
name=$(basename "$0")
[[ $* != *gcc* ]] || name=gcc
echo "$name is told why"
exit "$(cat "$root/answers/$name.code" 2>/dev/null || echo 0)"
"""
READER = """#!/usr/bin/env bash
root=$(cd "$(dirname "$0")/.." && pwd)
exit "$(cat "$root/answers/$(basename "$0").code" 2>/dev/null || echo 0)"
"""


class Nightly(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-nightly-test-")
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name).resolve()
        for folder in ("ci", "build", "answers/new", "corpus/findings/cause", "corpus/seeds", "harness/hostile/seeds"):
            (self.root / folder).mkdir(parents=True)
        for script in ("nightly", "nights"):
            shutil.copy(REPOSITORY / "ci" / script, self.root / "ci")
        self.program("ci/setup", STEP)
        self.program("ci/lint", STEP)
        self.program("build/dtypefuzz", TOOL)
        self.program("build/dtype_fuzzer", READER)
        (self.root / "harness/hostile/signature_fuzzer.cpp").touch()
        self.program("build/signature_fuzzer", READER)
        (self.root / "corpus/findings/cause/known.case").write_text("known\n")
        self.answer("atlas", "one")
        self.state = self.root / ".night"

    def program(self, name, text):
        (self.root / name).write_text(text)
        (self.root / name).chmod(0o755)

    def answer(self, name, what):
        (self.root / "answers" / name).write_text(str(what))

    def find(self, name):
        """Fuzz saves a case of this name, below the folder of its cause."""
        (self.root / "answers/new" / name).parent.mkdir(exist_ok=True)
        self.answer(f"new/{name}", "new\n")

    def cases(self, folder):
        """Those of a folder of the state, of whatever cause."""
        return sorted(str(path.relative_to(self.state / folder)) for path in (self.state / folder).rglob("*.case"))

    def night(self, *options):
        """Exit code and stderr of a night."""
        (self.root / "words").write_text("")
        done = subprocess.run([self.root / "ci" / "nightly", *options], capture_output=True, text=True)
        return done.returncode, done.stderr

    def words(self, *beginnings):
        """The commands of that night that begin so."""
        return [line for line in (self.root / "words").read_text().splitlines() if line.startswith(beginnings)]

    def summary(self):
        return (self.state / "summary.md").read_text()

    def test_a_night_goes_through_its_steps_in_order_and_shares_its_time(self):
        self.assertEqual(self.night("--time", "100s", "--seed", "5", "--atlas")[0], 0)
        names = [" ".join(line.split()[:3]) for line in self.words("")]
        self.assertEqual(names, ["setup dtypefuzz_commands dtypefuzz_hostile_commands",
                                 f"replay --json {self.root}/corpus/seeds", "fuzz --engine libfuzzer",
                                 "fuzz --engine rapidcheck", "fuzz --engine neighbors", f"atlas --jobs {os.cpu_count()}",
                                 f"report {self.state}/findings --results", f"corpus --into {self.state}/told"])
        times = [line.split("--time ")[1].split()[0] for line in self.words("fuzz")]
        self.assertEqual(times, ["40s", "25s", "15s"])
        for line in self.words("fuzz"):
            self.assertIn("--seed 5 ", line)

    def test_without_libfuzzer_the_others_have_its_time(self):
        (self.root / "build/dtype_fuzzer").unlink()
        self.assertEqual(self.night("--time", "100s")[0], 0)
        self.assertEqual([line.split("--time ")[1].split()[0] for line in self.words("fuzz")], ["65s", "15s"])

    def test_a_night_of_a_second_gives_each_engine_one(self):
        self.assertEqual(self.night("--time", "1s")[0], 0)
        self.assertEqual([line.split("--time ")[1].split()[0] for line in self.words("fuzz")], ["1s", "1s", "1s"])

    def test_what_is_left_out_is_neither_built_nor_run_nor_told(self):
        self.assertEqual(self.night("--time", "1s", "--no-readers", "--no-atlas", "--modules", "ReLU,Conv*")[0], 0)
        self.assertEqual(self.words("setup", "atlas"), ["setup dtypefuzz_commands"])
        for line in self.words("fuzz"):
            self.assertIn("--modules ReLU,Conv* ", line)
        self.assertNotIn("atlas", self.summary())
        self.assertNotIn("readers", self.summary())

    def test_long_nights_lint_and_build_with_gcc_and_short_ones_where_asked(self):
        self.night("--time", "1h")
        self.assertEqual(self.words("lint", "setup --preset"), ["lint ", "setup --preset gcc"])
        self.assertNotIn("--dtypes", self.words("atlas")[0])
        self.night("--time", "1h", "--no-lint", "--no-gcc")
        self.assertEqual(self.words("lint", "setup --preset"), [])
        self.night("--time", "1s", "--gcc")
        self.assertEqual(self.words("lint", "setup --preset"), ["setup --preset gcc"])
        self.assertIn("- the build with gcc: sound\n", self.summary())

    def test_a_linter_or_a_gcc_that_fails_is_red_and_one_that_is_missing_is_told(self):
        self.answer("lint.code", 1)
        self.answer("gcc.code", 3)
        self.assertEqual(self.night("--time", "1s", "--lint", "--gcc")[0], 1)
        self.assertIn("- the linter over every source: failed, see `lint.log`\n", self.summary())
        self.assertIn("- the build with gcc: not done, gcc is told why\n", self.summary())
        self.assertEqual((self.state / "lint.log").read_text(), "lint is told why\n")
        self.answer("lint.code", 0)
        self.assertEqual(self.night("--time", "1s", "--lint", "--gcc")[0], 0)

    def test_new_findings_are_red_and_known_in_the_next_night(self):
        self.find("cause/x.case")
        self.answer("report.code", 1)
        self.assertEqual(self.night("--time", "1s")[0], 1)
        self.assertEqual(self.cases("told"), ["cause/x.case"])
        self.assertEqual(self.cases("known"), ["findings/cause/known.case"])
        self.answer("report.code", 0)
        self.assertEqual(self.night("--time", "1s")[0], 0)
        self.assertEqual(self.cases("known"), ["findings/cause/known.case", "told/cause/x.case"])
        for line in self.words("fuzz", "report"):
            self.assertIn(f" --baseline {self.state}/known ", line)

    def test_a_reader_that_breaks_is_red_and_told_with_its_log(self):
        self.answer("signature_fuzzer.code", 77)
        self.assertEqual(self.night("--time", "1s")[0], 1)
        self.assertIn("readers of files: 1 fuzzed, 1 broken\n", self.summary())
        self.assertIn("`readers/signature_fuzzer.log`", self.summary())

    def test_the_atlas_is_held_against_that_of_the_night_before(self):
        self.night("--time", "1s", "--atlas")
        self.assertIn("- atlas: the first one, kept\n", self.summary())
        self.night("--time", "1s", "--atlas")
        self.assertIn("- atlas: as the one before\n", self.summary())
        self.answer("atlas", "two")
        self.assertEqual(self.night("--time", "1s", "--atlas")[0], 0)
        self.assertIn("- atlas: differs from the one before\n", self.summary())
        self.assertIn("Linear: differs", self.summary())
        self.night("--time", "1s", "--atlas")
        self.assertIn("- atlas: as the one before\n", self.summary())

    def test_an_atlas_that_cannot_be_made_is_told_and_the_one_before_kept(self):
        self.night("--time", "1s", "--atlas")
        self.answer("atlas.code", 3)
        self.assertEqual(self.night("--time", "1s", "--atlas")[0], 0)
        self.assertIn("- atlas: could not be made, see `atlas.log`", self.summary())

    def test_a_tool_that_fails_ends_the_night_with_its_code_and_tells_nothing(self):
        self.find("cause/x.case")
        self.answer("fuzz.code", 3)
        self.assertEqual(self.night("--time", "1s")[0], 3)
        self.assertEqual(list((self.state / "told").iterdir()), [])
        self.assertFalse((self.state / "summary.md").exists())

    def test_a_build_that_fails_ends_the_night(self):
        self.answer("setup.code", 1)
        self.assertEqual(self.night("--time", "1s")[0], 1)
        self.assertEqual(self.words("replay"), [])

    def test_a_night_tells_beforehand_what_it_will_take_and_what_the_last_one_took(self):
        _, told = self.night("--time", "1s")
        self.assertIn("ci/nightly: 1s for the engines and the readers; then come", told)
        self.assertNotIn("the last night here", told)
        _, told = self.night("--time", "1s")
        self.assertRegex(told, r"the last night here: build \d+ s, replay \d+ s, libfuzzer \d+ s, .*, report \d+ s\n")

    def test_two_nights_do_not_use_one_state(self):
        self.answer("wait", "")
        first = subprocess.Popen([self.root / "ci" / "nightly", "--time", "1s"],
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(600):
            if (self.root / "words").exists() and self.words("fuzz"):
                break
            time.sleep(0.05)
        code = subprocess.run([self.root / "ci" / "nightly", "--time", "1s"], capture_output=True, text=True)
        self.assertEqual(code.returncode, 3)
        self.assertIn("another night is using it", code.stderr)
        first.send_signal(signal.SIGTERM)
        self.assertEqual(first.wait(timeout=20), 143)
        self.assertEqual(list((self.state / "told").iterdir()), [])
        night = self.nights()[-1]
        self.assertEqual((night["outcome"], night["exit_code"]), ("interrupted", 143))

    def nights(self):
        return [json.loads(line) for line in (self.state / "nights.jsonl").read_text().splitlines()]

    def test_each_night_is_a_line_of_the_history_and_of_its_page(self):
        self.night("--time", "1s", "--seed", "7")
        self.answer("report.code", 1)
        self.night("--time", "1s", "--seed", "8")
        self.assertEqual([(night["seed"], night["exit_code"], night["cases"]) for night in self.nights()],
                         [("7", 0, 21), ("8", 1, 21)])
        self.assertIn("replay", self.nights()[0]["took"])
        page = (self.state / "index.html").read_text()
        self.assertIn("dtypefuzz: 2 nights", page)
        self.answer("fuzz.code", 3)
        self.night("--time", "1s")
        self.assertEqual(self.nights()[-1]["outcome"], "failed")

    def test_in_a_workflow_findings_are_annotations(self):
        os.environ["GITHUB_ACTIONS"] = "true"
        self.addCleanup(os.environ.pop, "GITHUB_ACTIONS")
        self.night("--time", "1s")
        self.assertEqual([" --format github" in line for line in self.words("report")], [True, False])

    def test_a_short_night_leaves_the_atlas_out_and_looks_at_what_is_known_once(self):
        self.night("--time", "599s")
        self.assertEqual(self.words("atlas"), [])
        for line in self.words("fuzz"):
            self.assertIn(" --check-known never ", line)
        self.night("--time", "600s")
        self.assertEqual(len(self.words("atlas")), 1)

    def test_somebody_elses_baseline_and_what_is_to_fail_are_handed_on(self):
        (self.root / "theirs/cause").mkdir(parents=True)
        (self.root / "theirs/cause/ours.case").write_text("known\n")
        self.find("cause/x.case")
        for _ in range(2):
            self.night("--time", "1s", "--baseline", str(self.root / "theirs"), "--fail-on", "open")
        self.assertEqual(self.cases("known"), ["findings/cause/ours.case", "told/cause/x.case"])
        self.assertIn(f" {self.root}/theirs {self.state}/told", self.words("replay")[0])
        self.assertIn(" --fail-on open ", self.words("report")[0])

    def test_wrong_options_are_refused_before_anything_is_done(self):
        for options in (["--time", "0"], ["--time", "1.5m"], ["--time", "-1"], ["--seed", "x"], ["--state", ""],
                        ["--tiem", "1s"], ["--no-fuzz"], ["--baseline", "nowhere"], ["--fail-on", "all"]):
            code, told = self.night(*options)
            self.assertEqual((code, len(told.splitlines())), (2, 1), told)
        self.assertEqual(self.words(""), [])
        self.assertEqual(self.night("--help")[0], 0)

    @unittest.skipUnless("DTYPEFUZZ_BUILD" in os.environ, "DTYPEFUZZ_BUILD names no build")
    def test_a_short_night_with_the_real_tool(self):
        shutil.rmtree(self.root / "build")
        (self.root / "build").symlink_to(os.environ["DTYPEFUZZ_BUILD"])
        shutil.rmtree(self.root / "corpus/findings/cause")
        seed = next((REPOSITORY / "corpus/seeds").glob("scenario_1_repaired.case"))
        shutil.copy(seed, self.root / "corpus/seeds")
        finding = min((REPOSITORY / "corpus/findings").rglob("load-archive-float*.case"))
        shutil.copy(finding, self.root / "corpus/findings")
        code, told = self.night("--time", "2s", "--modules", "ReLU", "--no-readers", "--atlas", "--state", str(self.state))
        self.assertIn(code, (0, 1), told)
        lines = [json.loads(line) for line in (self.state / "results.jsonl").read_text().splitlines()]
        self.assertEqual(len([line for line in lines if line["type"] == "replay"]), 2)
        engines = [line["engine"] for line in lines if line["type"] == "summary"]
        self.assertEqual(engines, (["libfuzzer"] if (self.root / "build/dtype_fuzzer").exists() else [])
                         + ["rapidcheck", "neighbors"])
        reported = [json.loads(line) for line in (self.state / "report.jsonl").read_text().splitlines()]
        standings = {line["standing"] for line in reported if line["type"] == "cause"}
        self.assertEqual(code, 1 if standings & {"new", "returned"} else 0)
        found = [name for name in self.cases("findings") if not name.startswith("flaky/")]
        self.assertEqual([pathlib.Path(name).name for name in self.cases("told")],
                         [pathlib.Path(name).name for name in found])
        self.assertIn("- atlas: the first one, kept\n", self.summary())
        self.assertIn("<testsuite", (self.state / "junit.xml").read_text())


if __name__ == "__main__":
    unittest.main()
