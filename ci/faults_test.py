#!/usr/bin/env python3
"""ci/faults, a copy of it in a made-up checkout with a tool that prints what the real one does."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parent.parent
TOOL = """#!/usr/bin/env bash
[[ $1 == --version ]] && echo 'dtypefuzz 0.1.0 (LibTorch 2.13.0+cpu, ABI C++11, AVX2)' && exit
root=$(cd "$(dirname "$0")/.." && pwd)
printf '%s\\n' "$*" >"$root/words"
cat "$root/printed"
exit "$(cat "$root/code")"
"""
PRINTED = """| fault | class | property | caught | seconds | layers |
|---|---|---|---|---|---|
| mm accepts any dtypes | accepts a mismatch | `mismatch_is_refused_by_name` | yes | 0.1 | 1 |
| elu aborts | crashes | `process_survives` | NO | 12.5 | 0 |

1 of 2 planted faults caught
"""
WRITTEN = """# The planted faults, and what catches them

Written by `ci/faults`, see README.md beside this file. LibTorch 2.13.0+cpu.

| fault | class | property | caught | layers |
|---|---|---|---|---|
| mm accepts any dtypes | accepts a mismatch | `mismatch_is_refused_by_name` | yes | 1 |
| elu aborts | crashes | `process_survives` | NO | 0 |

1 of 2 planted faults caught
"""


class Faults(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-faults-test-")
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name)
        for folder in ("ci", "build", "harness/faults"):
            (self.root / folder).mkdir(parents=True)
        shutil.copy(REPOSITORY / "ci" / "faults", self.root / "ci")
        for name, text in (("ci/setup", "#!/bin/sh\n"), ("build/dtypefuzz", TOOL)):
            (self.root / name).write_text(text)
            (self.root / name).chmod(0o755)
        (self.root / "printed").write_text(PRINTED)
        self.table = self.root / "harness/faults/table.md"

    def faults(self, code, *options):
        (self.root / "code").write_text(str(code))
        return subprocess.run([self.root / "ci" / "faults", *options], capture_output=True, text=True)

    def test_a_whole_run_prints_all_and_writes_the_table_without_the_seconds(self):
        for code in (0, 1):
            done = self.faults(code)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (code, PRINTED, ""))
            self.assertEqual(self.table.read_text(), WRITTEN)
            self.table.unlink()

    def test_a_part_of_them_and_a_run_that_was_interrupted_write_nothing(self):
        self.assertEqual(self.faults(0, "--only", "mm*").stdout, PRINTED)
        self.assertEqual((self.root / "words").read_text(), "faults --only mm*\n")
        self.assertEqual(self.faults(130).returncode, 130)
        self.assertEqual(list((self.root / "harness/faults").iterdir()), [])


if __name__ == "__main__":
    unittest.main()
