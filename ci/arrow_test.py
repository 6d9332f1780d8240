#!/usr/bin/env python3
"""ci/arrow, a copy of it in a made-up checkout."""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "arrow"
TABLE = """# The rooms
| room | what it is for | may include |
|---|---|---|
| harness/core | nouns | |
| generators | rows | harness/core |
| harness/run | runs | harness/core |
| harness/cli | commands | harness/core, harness/run |
"""


class Arrow(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-arrow-test-")
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name)
        self.write("ci/arrow", SCRIPT.read_text())
        self.write("harness/README.md", TABLE)
        self.write("harness/core/case.h", "#include <string>\n")
        self.write("harness/run/run.h", '#include "harness/core/case.h"\n')
        self.write("harness/cli/main.cpp", '#include "dtypefuzz/build_info.h"\n#include "harness/run/run.h"\n')

    def write(self, name, text):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def arrow(self, *options):
        """Exit code, stdout, stderr."""
        command = [sys.executable, self.root / "ci" / "arrow", *options]
        done = subprocess.run(command, capture_output=True, text=True)
        return done.returncode, done.stdout, done.stderr

    def assert_wrong(self, *lines):
        code, _, told = self.arrow()
        self.assertEqual((code, told.splitlines()), (1, list(lines)))

    def test_what_the_table_says_holds(self):
        self.assertEqual(self.arrow(), (0, "4 rooms, 2 arrows, 0 not in the table\n", ""))
        self.assertIn("harness/cli -> harness/run 1\n", self.arrow("--print")[1])

    def test_an_arrow_beside_the_table_is_told_with_its_line(self):
        self.write("harness/run/run.cpp", '// run\n#  include "generators/row.h"\n')
        self.write("generators/row.h", "")
        self.assert_wrong("harness/run/run.cpp:2: harness/run does not include generators: see harness/README.md")

    def test_a_test_may_look_further(self):
        self.write("harness/core/case_test.cpp", '#include "harness/run/run.h"\n')
        self.assertEqual(self.arrow()[0], 0)

    def test_an_include_that_does_not_begin_at_the_root_is_told(self):
        self.write("harness/run/run.cpp", '#include "run.h"\n')
        self.assert_wrong('harness/run/run.cpp:1: "run.h" lies in no room; includes begin at the root')

    def test_a_folder_that_is_no_room_is_told_and_one_within_a_room_is_not(self):
        self.write("harness/run/parts/part.cpp", "")
        self.write("harness/drive/drive.cpp", "")
        self.assert_wrong("harness/drive: has sources and is no room of harness/README.md")

    def test_a_table_whose_arrows_point_up_or_nowhere_is_told(self):
        self.write("harness/README.md", TABLE.replace("| nouns | |", "| nouns | harness/run, harness/drive |"))
        self.assert_wrong("harness/README.md: harness/core may include harness/run, which stands below it",
                          "harness/README.md: harness/core may include harness/drive, which is no room")


if __name__ == "__main__":
    unittest.main()
