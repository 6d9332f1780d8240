#!/usr/bin/env python3
"""ci/format and ci/lint, copies of them in a made-up checkout. Without clang-format-19 or clang-tidy-19 what needs them
is skipped."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
SOUND = '#include "harness/core/sum.h"\n\nint twice(int number) {\n  return sum(number, number);\n}\n'
HEADER = "#pragma once\ninline int sum(int one, int other) {\n  return one + other;\n}\n"
UNSOUND = SOUND.replace("return", "if (number > 0);\n  return", 1)  # bugprone-suspicious-semicolon


class Style(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-style-test-")
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name).resolve()
        for folder in ("ci", "build", "harness/core"):
            (self.root / folder).mkdir(parents=True)
        for name in ("ci/format", "ci/lint", ".clang-format", ".clang-tidy"):
            shutil.copy(REPOSITORY / name, self.root / name)
        self.write("harness/core/sum.h", HEADER)
        self.write("harness/core/twice.cpp", SOUND)

    def write(self, name, text):
        (self.root / name).write_text(text)

    def call(self, name, *options, **environment):
        """Exit code, stdout, stderr."""
        done = subprocess.run([self.root / "ci" / name, *options], capture_output=True, text=True,
                              env={**os.environ, **environment})
        return done.returncode, done.stdout, done.stderr

    def configure(self, flags=""):
        file = self.root / "harness/core/twice.cpp"
        command = f"clang++-19 -std=c++20 {flags} -I{self.root} -o twice.o -c {file}"
        entry = {"directory": str(self.root / "build"), "command": command, "file": str(file)}
        self.write("build/compile_commands.json", json.dumps([entry]))


@unittest.skipUnless(shutil.which("clang-format-19"), "clang-format-19 is missing")
class Format(Style):
    def test_what_is_formatted_holds(self):
        self.assertEqual(self.call("format")[:2], (0, "2 files are formatted\n"))

    def test_what_is_not_is_told_with_its_line_and_mended_by_fix(self):
        self.write("harness/core/twice.cpp", SOUND.replace("sum(number, number)", "sum( number,number )"))
        code, _, told = self.call("format")
        self.assertEqual(code, 1)
        self.assertIn("harness/core/twice.cpp:4:", told)
        self.assertEqual(self.call("format", "--fix")[0], 0)
        self.assertEqual((self.root / "harness/core/twice.cpp").read_text(), SOUND)

    def test_in_a_checkout_what_git_ignores_is_not_looked_at(self):
        subprocess.run(["git", "init", "-q", self.root], check=True)
        self.write(".gitignore", "/build*/\n")
        self.write("build/made.cpp", "int  made ;\n")
        self.assertEqual(self.call("format")[:2], (0, "2 files are formatted\n"))

    def test_only_what_is_named_is_looked_at(self):
        self.write("harness/core/twice.cpp", "int  twice ;\n")
        self.assertEqual(self.call("format", str(self.root / "harness/core/sum.h"))[0], 0)
        self.assertEqual(self.call("format", "--fxi")[0], 2)


@unittest.skipUnless(shutil.which("clang-tidy-19"), "clang-tidy-19 is missing")
class Lint(Style):
    def test_a_sound_source_is_looked_at_once_until_it_or_what_it_includes_changes(self):
        self.configure()
        looked, passed = "1 sources, 0 unchanged", "1 sources, 1 unchanged"
        for expected in (looked, passed):
            code, told, _ = self.call("lint")
            self.assertEqual(code, 0, told)
            self.assertIn(expected, told)
        self.write("harness/core/sum.h", HEADER.replace("one + other", "other + one"))
        self.assertIn(looked, self.call("lint")[1])
        self.configure("-DNDEBUG")
        self.assertIn(looked, self.call("lint")[1])

    def test_what_is_unsound_is_told_with_its_line_every_time(self):
        self.configure()
        self.write("harness/core/twice.cpp", UNSOUND)
        for _ in range(2):
            code, told, _ = self.call("lint", str(self.root / "harness/core/twice.cpp"))
            self.assertEqual(code, 1)
            self.assertIn("harness/core/twice.cpp:4:", told)
            self.assertIn("bugprone-suspicious-semicolon", told)

    def test_constants_that_fit_and_errors_left_aside_with_a_reason_are_sound(self):
        self.configure()
        said = "constexpr long kMost = 64 * 1024;\nvoid tries() {\n  try {\n    twice(1);\n  } catch (int) {%s\n  }\n}\n"
        self.write("harness/core/twice.cpp", SOUND + said % "  // it cannot")
        code, told, _ = self.call("lint")
        self.assertEqual(code, 0, told)
        self.write("harness/core/twice.cpp", SOUND + said % "")
        self.assertIn("bugprone-empty-catch", self.call("lint")[1])

    def test_a_precompiled_header_is_not_asked_for(self):
        self.configure("-Winvalid-pch -Xclang -include-pch -Xclang /none.pch -Xclang -include -Xclang /none.hxx")
        self.assertEqual(self.call("lint")[0], 0)

    def test_a_source_that_does_not_compile_is_told(self):
        self.configure()
        self.write("harness/core/twice.cpp", "int twice(\n")
        self.assertEqual(self.call("lint")[0], 1)

    def test_a_source_that_is_not_compiled_is_refused(self):
        self.configure()
        code, _, told = self.call("lint", "none.cpp")
        self.assertEqual(code, 2)
        self.assertIn("none.cpp: is not compiled in", told)


class Missing(Style):
    def test_a_missing_tool_or_build_is_told_and_is_no_pass(self):
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "python3").symlink_to(sys.executable)
        for name in ("bash", "dirname", "env", "git", "realpath"):
            (tools / name).symlink_to(shutil.which(name))
        code, _, told = self.call("format", PATH=str(tools))
        self.assertEqual((code, told.count("clang-format-19 is missing")), (3, 1))
        code, _, told = self.call("lint", PATH=str(tools))
        self.assertEqual((code, told.count("clang-tidy-19 is missing")), (3, 1))
        (tools / "clang-tidy-19").symlink_to("/bin/true")
        self.assertIn("no compile_commands.json", self.call("lint", PATH=str(tools))[2])


if __name__ == "__main__":
    unittest.main()
