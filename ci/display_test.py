#!/usr/bin/env python3
"""What a person sees on a terminal: the tool runs in a pseudo terminal of 30, 80 and 200 columns, and in one that
can do nothing."""
import fcntl
import os
import pathlib
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import unittest

BUILD = os.environ.get("DTYPEFUZZ_BUILD")
ROOT = pathlib.Path(__file__).resolve().parent.parent
ERASE = "\x1b[K"
COLOR = re.compile(r"\x1b\[[0-9;]*m")


def on_terminal(columns, arguments, only_stderr=False, **environment):
    """All that the command wrote to a terminal of so many columns, and how it ended."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    clean = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "COLUMNS")}
    with tempfile.TemporaryDirectory() as folder:
        child = subprocess.Popen([f"{BUILD}/dtypefuzz", *arguments], cwd=folder, stdin=subprocess.DEVNULL, stderr=theirs,
                                 stdout=subprocess.DEVNULL if only_stderr else theirs,
                                 env={**clean, "TERM": "xterm-256color", **environment})
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
        code = child.wait()
    os.close(ours)
    return text.decode(), code


CAMPAIGN = ["fuzz", "--engine", "rapidcheck", "--time", "2s", "--seed", "1", "--baseline", str(ROOT / "corpus/findings")]


@unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
class Display(unittest.TestCase):
    def drawings(self, text):
        """What each redraw of the line shows."""
        return [part.split(ERASE)[0] for part in text.split("\r") if ERASE in part]

    def test_the_line_fits_is_drawn_whole_and_leaves_nothing(self):
        for columns in (30, 80, 200):
            text, code = on_terminal(columns, CAMPAIGN, only_stderr=True)
            self.assertEqual(code, 0, text)
            drawn = [line for line in self.drawings(text) if line]
            self.assertGreater(len(drawn), 5)
            for line in drawn:
                self.assertLess(len(line), columns)
                self.assertNotIn("\n", line)
            self.assertNotIn("\n", text)  # of the line, nothing stays
            self.assertEqual(self.drawings(text)[-1], "")
            empty = sum(not line for line in self.drawings(text))
            self.assertLess(empty, len(drawn) / 2)  # it does not flicker
            self.assertTrue(any(line.startswith("fuzz rapidcheck seed 1"[:columns - 1]) for line in drawn), drawn[0])
            if columns >= 80:
                self.assertTrue(any(re.search(r"\[#*-*\]  [0-9]+ of 2 s  [0-9,]+ cases", line) for line in drawn), drawn)
                self.assertTrue(any("is what is known still there?" in line for line in drawn), drawn)

    def test_what_comes_after_the_cases_has_a_line_of_its_own(self):
        text, code = on_terminal(120, [*CAMPAIGN[:-1], "none", "--modules", "Linear"], only_stderr=True)
        self.assertEqual(code, 1)
        self.assertRegex(text, r"minimizing \[#*-*\]  [0-9]+ of [0-9]+  [0-9]+ s")

    def test_a_terminal_that_can_do_nothing_gets_no_escapes(self):
        text, code = on_terminal(80, [*CAMPAIGN[:-1], "none", "--modules", "Linear"], TERM="dumb")
        self.assertEqual(code, 1)
        self.assertNotIn("\x1b", text)

    def test_colors_are_there_and_are_refused(self):
        crashes = ["list", "causes", "--severity", "crash", "--baseline", str(ROOT / "corpus/findings")]
        self.assertRegex(on_terminal(80, crashes)[0], COLOR)
        self.assertNotRegex(on_terminal(80, crashes, NO_COLOR="1")[0], COLOR)
        self.assertNotRegex(on_terminal(80, ["--color", "never", *crashes])[0], COLOR)
        self.assertNotRegex(on_terminal(80, crashes, TERM="dumb")[0], COLOR)
        self.assertRegex(on_terminal(80, [*crashes, "--color", "always"], NO_COLOR="1")[0], COLOR)
        piped = subprocess.run([f"{BUILD}/dtypefuzz", *crashes], capture_output=True, text=True)
        self.assertNotRegex(piped.stdout, COLOR)

    def test_other_commands_that_take_a_while_say_how_far_they_are(self):
        text, _ = on_terminal(80, ["replay", str(ROOT / "corpus/seeds")], only_stderr=True)
        self.assertRegex(text, r"replay \[#*-*\]  [0-9]+ of 17  0 differ")
        text, _ = on_terminal(80, ["atlas", "--modules", "Linear", "--dtypes", "float32,float64"], only_stderr=True)
        self.assertRegex(text, r"atlas \[#*-*\]  [0-9,]+ of [0-9,]+ cells")
        text, _ = on_terminal(80, ["-q", "replay", str(ROOT / "corpus/seeds")], only_stderr=True)
        self.assertEqual(text, "")

    def test_help_fits_the_terminal(self):
        for columns in (40, 80, 200):
            text, code = on_terminal(columns, ["help", "fuzz"])
            self.assertEqual(code, 0)
            longest = max(len(line) for line in text.replace("\r", "").split("\n"))
            self.assertLessEqual(longest, max(columns, 48))  # names of options are not cut


if __name__ == "__main__":
    sys.exit(unittest.main())
