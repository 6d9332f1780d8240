#!/usr/bin/env python3
"""The pages for people name what there is: files, scripts, commands; and README's case runs. With a build's commands
where $DTYPEFUZZ_BUILD names one."""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = os.environ.get("DTYPEFUZZ_BUILD")
PAGES = [page for page in sorted(ROOT.rglob("*.md")) if not any(part.startswith((".", "build")) for part in
                                                                page.relative_to(ROOT).parts)]


def blocks(page):
    """The blocks between fences."""
    return re.findall(r"^```\w*\n(.*?)^```$", page.read_text(), re.M | re.S)


def prose(page):
    """What stands between the blocks."""
    return re.sub(r"^```\w*\n.*?^```$", "", page.read_text(), flags=re.M | re.S)


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

    def test_no_property_has_a_number_and_no_comment_is_a_ruler(self):
        sources = [path for top in ("harness", "generators", "properties") for path in (ROOT / top).rglob("*")
                   if path.suffix in (".h", ".cpp", ".txt")]
        for path in [*PAGES, *sources]:
            wrong = re.search(r"\b[Pp]ropert(y|ies) \d+|^\s*(//|#) ?[-=]{4,}", path.read_text(), re.M)
            self.assertIsNone(wrong, f"{path.relative_to(ROOT)}: {wrong and wrong[0]}")

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_every_command_that_is_named_is_there(self):
        named = set()
        for page in PAGES:
            named.update(re.findall(r"build/dtypefuzz ([a-z]+)", page.read_text()))
        self.assertIn("replay", named)
        for command in named:
            done = subprocess.run([f"{BUILD}/dtypefuzz", command, "--help"], capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)

    @unittest.skipUnless(BUILD, "DTYPEFUZZ_BUILD names no build")
    def test_readmes_case_runs_as_it_is_printed(self):
        cases = [text for text in blocks(ROOT / "README.md") if text.startswith("# dtypefuzz case ")]
        self.assertTrue(cases)
        for text in cases:
            with tempfile.NamedTemporaryFile("w", suffix=".case") as file:
                file.write(text)
                file.flush()
                done = subprocess.run([f"{BUILD}/dtypefuzz", "replay", file.name], capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), text)
            self.assertNotIn("left aside", done.stdout)


if __name__ == "__main__":
    unittest.main()
