#!/usr/bin/env python3
"""ci/setup, a copy of it in a made-up checkout on a made-up machine: packages, CMake and Ninja only note their words."""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(__file__).resolve().parent / "setup"
NEEDED = re.search(r"^needed=\((.*?)\)", SCRIPT.read_text(), re.M | re.S)[1].split()
USEFUL = re.search(r"^useful=\((.*?)\)", SCRIPT.read_text(), re.M)[1].split()
PROGRAMS = {
    "dpkg-query": """for package in "$@"; do
  grep -qxF "$package" "$MACHINE/packages" 2>/dev/null && echo "installed $package"
done; true""",
    "apt-get": """echo "apt-get $*" >>"$MACHINE/words"
[[ $* == *install* ]] && printf '%s\\n' "$@" >>"$MACHINE/packages"
exit "$(cat "$MACHINE/apt-get.code" 2>/dev/null || echo 0)" """,
    "sudo": "exit 1",
    "cmake": """echo "cmake $*" >>"$MACHINE/words"
[[ -f $MACHINE/cmake.code ]] && echo 'CMake Error' && exit 1
mkdir -p build
printf 'DTYPEFUZZ_LIBTORCH:PATH=%s\\nCMAKE_HOME_DIRECTORY:INTERNAL=%s\\n' "$MACHINE/libtorch" "$PWD" >build/CMakeCache.txt
touch build/build.ninja""",
    "ninja": """[[ $3 == -n ]] && { [[ -f $MACHINE/built ]] && echo 'ninja: no work to do.'; exit 0; }
echo "ninja $*" >>"$MACHINE/words"
cat "$MACHINE/ninja.out" 2>/dev/null
exit "$(cat "$MACHINE/ninja.code" 2>/dev/null || echo 0)" """,
    "clang++-19": "",
}
LIBTORCH = '#!/bin/bash\nprintf "%s\\n2.13.0\\nwheel in .deps\\n\\n" "$MACHINE/libtorch"\n'


class Setup(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-setup-test-n")
        self.addCleanup(kept.cleanup)
        self.machine = pathlib.Path(kept.name).resolve()
        self.root = self.machine / "checkout"
        (self.root / "ci").mkdir(parents=True)
        (self.machine / "bin").mkdir()
        shutil.copy(SCRIPT, self.root / "ci")
        self.program(self.root / "ci" / "libtorch", LIBTORCH)
        for name, text in PROGRAMS.items():
            self.program(self.machine / "bin" / name, f"#!/bin/bash\n{text}\n")
        self.has(*NEEDED, *USEFUL, "python3-pip")

    def program(self, path, text):
        path.write_text(text)
        path.chmod(0o755)

    def has(self, *packages):
        (self.machine / "packages").write_text("".join(f"{package}\n" for package in packages))

    def setup(self, *options):
        """Exit code, stderr, and what was called."""
        words = self.machine / "words"
        words.write_text("")
        environment = {**os.environ, "PATH": f"{self.machine}/bin:{os.environ['PATH']}", "MACHINE": str(self.machine)}
        done = subprocess.run([self.root / "ci" / "setup", *options], env=environment, capture_output=True, text=True)
        return done.returncode, done.stderr, words.read_text().splitlines()

    def test_a_fresh_checkout_is_configured_and_built_and_then_it_is_quiet(self):
        code, told, words = self.setup()
        self.assertEqual(code, 0, told)
        self.assertEqual(words, [f"cmake --preset default --fresh -DDTYPEFUZZ_LIBTORCH={self.machine}/libtorch "
                                 "-DDTYPEFUZZ_LIBTORCH_ORIGIN=wheel in .deps",
                                 f"ninja -C {self.root}/build -j {os.cpu_count()}"])
        took = self.root / ".deps" / "took"
        self.assertRegex(took.read_text(), r"^packages \d+ s, LibTorch \d+ s, build \d+ s \(\d+ s of CPU\)\n$")
        (self.machine / "built").touch()
        self.assertEqual(self.setup(), (0, "", []))
        self.assertFalse(took.exists())  # nothing was built that anybody waited for

    def test_only_what_is_named_is_built_and_nothing_by_configure(self):
        self.assertEqual(self.setup("--configure")[2][1:], [])
        self.assertIn("dtypefuzz_commands", self.setup("dtypefuzz_commands")[2][0])

    def test_a_checkout_that_was_moved_is_configured_anew(self):
        self.setup()
        self.root = self.root.rename(self.machine / "moved")
        self.assertIn("--fresh", self.setup()[2][0])

    def test_another_libtorch_is_configured_without_beginning_afresh(self):
        self.setup()
        self.program(self.root / "ci" / "libtorch", LIBTORCH.replace("$MACHINE/libtorch", "/another"))
        words = self.setup()[2]
        self.assertIn("-DDTYPEFUZZ_LIBTORCH=/another", words[0])
        self.assertNotIn("--fresh", words[0])

    def test_missing_packages_are_installed_as_root_and_named_to_others(self):
        self.has(*NEEDED[1:], *USEFUL, "python3-pip")
        code, told, words = self.setup()
        if os.geteuid() == 0:
            self.assertEqual(code, 0, told)
            self.assertRegex(words[1], f"^apt-get .*install .* {NEEDED[0]}$")
        else:
            self.assertEqual((code, words), (3, []))
            self.assertIn(f"as root, run: apt-get install {NEEDED[0]}", told)

    @unittest.skipUnless(os.geteuid() == 0, "packages are installed by root alone")
    def test_an_installation_that_fails_is_told_and_ends_it(self):
        self.has(*NEEDED, "python3-pip")
        (self.machine / "apt-get.code").write_text("100")
        code, told, words = self.setup()
        self.assertEqual((code, len(words)), (3, 1))
        self.assertIn(f"apt-get install {' '.join(USEFUL)}", told)

    def test_a_configuration_that_fails_is_shown_and_made_again(self):
        (self.machine / "cmake.code").touch()
        code, told, _ = self.setup()
        self.assertEqual(code, 3)
        self.assertIn("CMake Error", told)
        (self.machine / "cmake.code").unlink()
        self.assertEqual(self.setup()[0], 0)

    def test_a_build_tells_now_and_then_how_far_it_is_and_at_once_what_is_wrong(self):
        lines = "".join(f"[{i} of 300] Building {i}.o\n" for i in range(300))
        (self.machine / "ninja.out").write_text(lines + "FAILED: x.o\nx.cpp:1:2: error: why\n")
        _, told, _ = self.setup()
        self.assertIn("FAILED: x.o\nx.cpp:1:2: error: why\n", told)
        self.assertNotIn("Building", told)

    def test_a_build_that_fails_is_told(self):
        (self.machine / "ninja.code").write_text("1")
        code, told, _ = self.setup()
        self.assertEqual(code, 1)
        self.assertIn("failed, see above", told)

    def test_without_a_libtorch_nothing_is_configured(self):
        self.program(self.root / "ci" / "libtorch", "#!/bin/bash\necho why >&2\nexit 3\n")
        self.assertEqual(self.setup(), (3, "why\n", []))

    def test_wrong_words_are_refused(self):
        self.assertEqual(self.setup("--preset", "msvc")[::2], (2, []))
        self.assertEqual(self.setup("--verbose")[::2], (2, []))


if __name__ == "__main__":
    unittest.main()
