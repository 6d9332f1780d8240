#!/usr/bin/env python3
"""The action and the workflows name what there is, and put no word of anybody's into a script."""
import pathlib
import re
import unittest

CI = pathlib.Path(__file__).resolve().parent
ACTION = (CI / "action/action.yml").read_text()
WORKFLOWS = {path.name: path.read_text() for path in sorted((CI / "github").glob("*.yml"))}


def declared(section):
    """The names below `inputs:` or `outputs:` of the action."""
    body = re.search(rf"^{section}:\n((?:  .*\n)+)", ACTION, re.M)[1]
    return set(re.findall(r"^  ([\w-]+):", body, re.M))


def scripts(text):
    """What stands in `run: |` blocks, and on the lines of `run:`."""
    blocks = re.findall(r"^( *)(?:- )?run: \|\n((?:\1 +.*\n|\n)+)", text, re.M)
    return [body for _, body in blocks] + re.findall(r"run: ([^|\n].*)", text)


class Action(unittest.TestCase):
    def test_inputs_that_are_used_are_declared_and_the_other_way_round(self):
        used = set(re.findall(r"inputs\.([\w-]+)", ACTION))
        self.assertEqual(used, declared("inputs"))
        self.assertEqual(declared("inputs") & {"libtorch", "baseline", "modules", "time"},
                         {"libtorch", "baseline", "modules", "time"})

    def test_outputs_come_from_a_step_that_writes_them(self):
        for name in declared("outputs"):
            self.assertIn(f"steps.night.outputs.{name} ", ACTION)
            self.assertRegex(ACTION, rf'echo "{name}=')

    def test_no_expression_stands_in_a_script(self):
        for name, text in {"action.yml": ACTION, **WORKFLOWS}.items():
            self.assertTrue(scripts(text) or "uses: OWNER" in text, name)
            for script in scripts(text):
                self.assertNotIn("${{", script, name)

    def test_what_is_used_is_pinned_by_its_commit(self):
        for name, text in {"action.yml": ACTION, **WORKFLOWS}.items():
            for used in re.findall(r"uses: (\S+)", text):
                self.assertRegex(used, r"@[0-9a-f]{40}$", name)

    def test_options_of_the_night_are_those_that_it_has(self):
        usage = (CI / "nightly").read_text()
        for option in re.findall(r"(--[a-z-]+)", " ".join(scripts(ACTION))):
            if option not in ("--count-new",):
                self.assertIn(option.replace("--no-", "--[no-]") if option.startswith("--no-") else option, usage)
        self.assertIn("--count-new", (CI / "nights").read_text())

    def test_a_workflow_hands_over_inputs_that_there_are(self):
        given = re.search(r"with: \{(.*?)\}", WORKFLOWS["framework.yml"])[1]
        for name in re.findall(r"([\w-]+): ", given):
            self.assertIn(name, declared("inputs"))
        self.assertLessEqual(len([line for line in WORKFLOWS["framework.yml"].splitlines() if not line.startswith("#")]), 13)


if __name__ == "__main__":
    unittest.main()
