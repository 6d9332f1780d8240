#!/usr/bin/env python3
"""The pages for people name what there is: files, scripts, commands; and every block of a README is run. With a build's
commands where $DTYPEFUZZ_BUILD names one.

The word behind a block's fence says what it is:
  case holds             a case on which no property is violated; `case violates PROPERTY`, one on which this one is
  console                lines of `$ command`, each with what it prints; a line of `...` is any lines, `...` in one any text
  sh                     commands, which end with 0 or 1; nothing is compared. Long ones are made short
  cpp                    a source that harness/include/CMakeLists.txt builds and ctest runs
  text                   none of these"""
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = os.environ.get("DTYPEFUZZ_BUILD")
PAGES = [page for page in sorted(ROOT.rglob("*.md")) if not any(part.startswith((".", "build")) for part in
                                                                page.relative_to(ROOT).parts)]
READMES = [page for page in PAGES if page.name == "README.md"]
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.M | re.S)


def blocks(kind=None):
    """The blocks of all READMEs: the page, the words behind the fence, the text."""
    return [(page.relative_to(ROOT), words.split(), text) for page in READMES
            for words, text in BLOCK.findall(page.read_text()) if kind in (None, words.split(" ")[0])]


def prose(page):
    """What stands between the blocks."""
    return BLOCK.sub("", page.read_text())


def as_pattern(shown):
    """What is printed where `...` stands for anything."""
    lines = [".*?" if line == "..." else re.escape(line).replace(re.escape("..."), "[^\n]*?") + "\n"
             for line in shown.splitlines()]
    return re.compile("".join(lines), re.S)


class Scratch:
    """A folder that looks like a checkout that is built."""

    def __enter__(self):
        self.kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-pages-test-")
        self.root = pathlib.Path(self.kept.name)
        (self.root / "build").symlink_to(BUILD)
        shutil.copytree(ROOT / "corpus", self.root / "corpus")
        for folder in ("ci", "harness"):
            (self.root / folder).symlink_to(ROOT / folder)
        return self

    def __exit__(self, *_):
        self.kept.cleanup()

    def run(self, command):
        done = subprocess.run(["bash", "-c", command], cwd=self.root, capture_output=True, text=True,
                              env={**os.environ, "TERM": "dumb"}, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout, done.stderr


def shortened(command):
    """The same for a second: what a page shows may take a night."""
    command = re.sub(r"--time \d+[smh]", "--time 1s", command)
    command = re.sub(r"--runs \d{4,}", "--runs 100", command)
    return re.sub(r"--jobs \d+", "--jobs 1", command)


class Pages(unittest.TestCase):
    def test_every_link_leads_to_a_file(self):
        for page in PAGES:
            for link in re.findall(r"\]\(([^)#:]+)\)", prose(page)):
                self.assertTrue((page.parent / link).exists(), f"{page.relative_to(ROOT)}: {link}")

    def test_every_script_and_source_that_is_named_is_there(self):
        named = re.compile(r"\b((?:ci|harness|generators|properties|corpus)/[\w./-]*\w)")
        for page in PAGES:
            for path in named.findall(page.read_text()):
                if "findings/" not in path:  # what a run saves
                    self.assertTrue((ROOT / path).exists(), f"{page.relative_to(ROOT)}: {path}")

    def test_readme_leads_to_every_page_of_a_room(self):
        text = (ROOT / "README.md").read_text()
        for page in PAGES:
            if page.name == "README.md" and page.parent != ROOT:
                self.assertTrue(f"({page.relative_to(ROOT)})" in text, f"README.md: no link to {page.relative_to(ROOT)}")
        self.assertLess(len(text.splitlines()), 170)

    def test_no_property_has_a_number_and_no_comment_is_a_ruler(self):
        sources = [path for top in ("harness", "generators", "properties") for path in (ROOT / top).rglob("*")
                   if path.suffix in (".h", ".cpp", ".txt")]
        for path in [*PAGES, *sources]:
            wrong = re.search(r"\b[Pp]ropert(y|ies) \d+|^\s*(//|#) ?[-=]{4,}", path.read_text(), re.M)
            self.assertIsNone(wrong, f"{path.relative_to(ROOT)}: {wrong and wrong[0]}")

    def test_pictures_are_as_they_are_drawn(self):
        done = subprocess.run([ROOT / "ci/pictures/draw", "--check"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_every_block_says_what_it_is_and_none_hides_a_command(self):
        for page, words, text in blocks():
            self.assertIn(words[:1], (["case"], ["console"], ["sh"], ["cpp"], ["text"]), f"{page}: {text[:60]}")
            if words[0] == "case":
                self.assertTrue(words[1:] == ["holds"] or (words[1:2] == ["violates"] and len(words) == 3), f"{page}: {words}")
            if words[0] == "text":
                self.assertNotRegex(text, r"(?m)^(\$ )?(build|ci)/|^# dtypefuzz case", f"{page}: a block that is not run")
        built = (ROOT / "harness/include/CMakeLists.txt").read_text()
        for page, _, text in blocks("cpp"):
            self.assertIn(f"/{page}\"", built)
            self.assertIn(text.splitlines()[0], built)

    def test_every_property_is_told_with_its_cases(self):
        page = (ROOT / "properties/README.md").read_text()
        for name in re.findall(r'^    \{"(\w+)", k', (ROOT / "properties/list.cpp").read_text(), re.M):
            self.assertIn(f"\n### {name}\n", page)

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_every_command_that_is_named_is_there(self):
        named = set()
        for page in PAGES:
            named.update(re.findall(r"build/dtypefuzz ([a-z]+)", page.read_text()))
        self.assertIn("replay", named)
        for command in named:
            done = subprocess.run([f"{BUILD}/dtypefuzz", command, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    def verdicts_of(self, cases):
        """What replay says of each of these texts."""
        with tempfile.TemporaryDirectory(prefix="dtypefuzz-pages-test-") as folder:
            for i, text in enumerate(cases):
                (pathlib.Path(folder) / f"{i:03}.case").write_text(text)
            done = subprocess.run([f"{BUILD}/dtypefuzz", "replay", "--json", folder], capture_output=True, text=True)
        self.assertEqual(done.stderr, "")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(len(lines), len(cases))
        return lines

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_every_case_is_judged_as_its_fence_says(self):
        cases = blocks("case")
        self.assertGreater(len(cases), 30)
        for (page, words, text), said in zip(cases, self.verdicts_of([text for _, _, text in cases])):
            broken = {verdict.split(":")[0] for verdict in said["verdicts"]}
            if words[1] == "holds":
                self.assertEqual(broken, {"holds"}, f"{page}: {text}")
            else:
                self.assertIn(words[2], broken, f"{page}: {text}")

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_every_message_in_the_table_is_what_its_case_shows(self):
        rows = re.findall(r"^\| `([^`]+)` \|.*\| ((?:`[^`]+ = [^`]+`(?:; )?)+) \|$", (ROOT / "README.md").read_text(), re.M)
        self.assertEqual(len(rows), 7)
        cases = ["# dtypefuzz case 1\n" + "\n".join(re.findall(r"`([^`]+)`", answers)) + "\n" for _, answers in rows]
        for (message, _), said in zip(rows, self.verdicts_of(cases)):
            self.assertIn(message, said["outcome"])

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_consoles_show_what_is_printed(self):
        self.assertTrue(blocks("console"))
        for page, _, text in blocks("console"):
            with Scratch() as scratch:
                for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
                    command, _, shown = part.partition("\n")
                    code, out, err = scratch.run(command)
                    self.assertLess(code, 2, f"{page}: {command}: {err}")
                    self.assertRegex(out, as_pattern(shown), f"{page}: {command}")

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_commands_run(self):
        for page, _, text in blocks("sh"):
            with Scratch() as scratch:
                (scratch.root / "findings").mkdir()
                for line in text.splitlines():
                    command = line.split("  #")[0].split(" # ")[0].strip()
                    if not command or command.startswith("#"):
                        continue
                    if command.startswith("ci/"):  # what builds, or takes a night: its options are there
                        script = command.split()[0]
                        self.assertEqual(scratch.run(f"bash -n {script}")[0], 0, command)
                        handed_on = scratch.run("build/dtypefuzz man")[1].replace("\\-", "-")
                        usage = (ROOT / script).read_text() + handed_on
                        for option in re.findall(r" (--[a-z-]+)", command):
                            self.assertIn(option, usage, f"{page}: {command}")
                        continue
                    code, _, err = scratch.run(shortened(command))
                    self.assertLess(code, 2, f"{page}: {command}: {err}")


if __name__ == "__main__":
    unittest.main()
