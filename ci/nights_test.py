#!/usr/bin/env python3
"""ci/nights: whatever stands in the history, a page of it is whole, and what is none is refused with its line."""
import html.parser
import json
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "nights"


class Tags(html.parser.HTMLParser):
    """Counts tags, and what is not closed."""

    def __init__(self):
        super().__init__()
        self.open, self.all = [], []

    def handle_starttag(self, tag, attrs):
        self.all.append(tag)
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


def night(**fields):
    return json.dumps({"schema": 1, "type": "night", "begun": "2026-11-20T02:17:00Z", "seed": "20261120", "exit_code": 0,
                       "outcome": "complete", "cases": 1000, "causes": {"new": 0, "known": 70, "open": 1},
                       "took": {"build": 5, "replay": 30}, "libtorch": "2.13.0", "cpu_capability": "AVX2", **fields}) + "\n"


class Nights(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-nights-test-")
        self.addCleanup(kept.cleanup)
        self.folder = pathlib.Path(kept.name)

    def page(self, text, code=0):
        (self.folder / "nights.jsonl").write_text(text)
        done = subprocess.run([SCRIPT, self.folder, "--out", self.folder / "index.html"], capture_output=True, text=True)
        self.assertEqual(done.returncode, code, done.stderr)
        if code:
            self.assertEqual(len(done.stderr.splitlines()), 1)
            return done.stderr
        text = (self.folder / "index.html").read_text()
        tags = Tags()
        tags.feed(text)
        self.assertEqual(tags.open, [])
        self.assertNotIn("script", tags.all)
        return text

    def test_what_stands_in_a_field_is_text(self):
        text = self.page(night(outcome='<script>alert("x")</script>', libtorch="a&b", seed="</td>"))
        self.assertIn("&lt;script&gt;", text)
        self.assertIn("a&amp;b", text)

    def test_fields_of_another_kind_are_nothing(self):
        self.page(night(cases="many", causes=["new"], took=7, exit_code=None) + night(causes={"new": "x"}))

    def test_few_and_many_nights(self):
        self.assertIn("No night yet", self.page(""))
        self.assertIn("dtypefuzz: 1 night<", self.page(night()))
        text = self.page("".join(night(cases=i, causes={"new": i % 3, "known": i}) for i in range(400)))
        self.assertEqual(text.count("<tr>"), 401)
        self.assertIn("cases run: 399 (at most 399)", text)
        self.assertLess(len(text), 400_000)

    def test_the_newest_is_first_and_what_is_new_stands_out(self):
        text = self.page(night(begun="first") + night(begun="second", causes={"new": 2}, exit_code=1))
        self.assertLess(text.index("second"), text.index(">first"))
        self.assertIn('<span class="bad">2</span>', text)

    def test_a_line_that_was_cut_off_at_the_end_is_left_out_and_any_other_is_refused(self):
        self.assertIn("dtypefuzz: 1 night<", self.page(night() + night()[:40]))
        self.assertIn("nights.jsonl:2: no JSON", self.page(night() + night()[:40] + "\n" + night(), code=2))
        self.assertIn("nights.jsonl:1: no night of schema 1", self.page('{"type":"run"}\n', code=2))
        self.assertIn("nights.jsonl:1: no night of schema 1", self.page("[]\n", code=2))

    def test_a_workflow_asks_how_many_are_new(self):
        self.page(night(causes={"new": 5}) + night(causes={"new": 2, "returned": 1}))
        done = subprocess.run([SCRIPT, "--count-new", self.folder], capture_output=True, text=True)
        self.assertEqual(done.stdout, "3\n")

    def test_a_history_that_is_not_there_is_named(self):
        done = subprocess.run([SCRIPT, self.folder / "nowhere"], capture_output=True, text=True)
        self.assertEqual((done.returncode, len(done.stderr.splitlines())), (2, 1))
        self.assertIn("nowhere/nights.jsonl: No such file", done.stderr)

    def test_a_line_is_added_behind_one_that_was_cut_off(self):
        (self.folder / "nights.jsonl").write_text(night()[:40])
        subprocess.run([SCRIPT, "--add", self.folder, "--begun", "b", "--seed", "1", "--code", "143", "--took", "nowhere"],
                       check=True)
        lines = (self.folder / "nights.jsonl").read_text().splitlines()
        self.assertEqual(len(lines), 2)
        self.assertEqual(json.loads(lines[1])["outcome"], "interrupted")


if __name__ == "__main__":
    unittest.main()
