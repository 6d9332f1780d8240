#!/usr/bin/env python3
"""ci/libtorch, a copy of it in a made-up checkout, among made-up LibTorchs; no network, nothing of it is a real one."""
import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest
import zipfile

SCRIPT = pathlib.Path(__file__).resolve().parent / "libtorch"
NEW_ABI = b"\x7fELF NSt7__cxx1112basic_string"


def shared_object(needed=(), rpath=""):
    """A 64-bit ELF file with what a loader reads first: one segment, and in it the names of needed libraries."""
    strings, tags = b"\0", []
    for tag, name in [*((1, name) for name in needed), *([(15, rpath)] if rpath else [])]:  # DT_NEEDED, DT_RPATH
        tags.append((tag, len(strings)))
        strings += name.encode() + b"\0"
    begin = 64 + 2 * 56  # behind the header and two program headers
    tags += [(5, begin), (10, len(strings)), (0, 0)]  # DT_STRTAB, DT_STRSZ, DT_NULL
    dynamic = b"".join(struct.pack("<qQ", *tag) for tag in tags)
    at, size = begin + len(strings), begin + len(strings) + len(dynamic)
    header = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header += struct.pack("<HHIQQQIHHHHHH", 3, 62, 1, 0, 64, 0, 0, 64, 56, 2, 64, 0, 0)
    load = struct.pack("<IIQQQQQQ", 1, 5, 0, 0, 0, size, size, 4096)
    table = struct.pack("<IIQQQQQQ", 2, 4, at, at, at, len(dynamic), len(dynamic), 8)
    return header + load + table + strings + dynamic


def libtorch_files(version="2.13.0", local="", abi=NEW_ABI, needed=(), rpath=""):
    """Name to bytes of the files by which a LibTorch is known."""
    numbers = zip(("MAJOR", "MINOR", "PATCH"), version.split("."))
    header = "".join(f"#define TORCH_VERSION_{name} {number}\n" for name, number in numbers)
    return {
        "include/torch/csrc/api/include/torch/torch.h": b"",
        "include/torch/headeronly/version.h": header.encode(),
        "lib/libtorch_cpu.so": shared_object(needed, rpath),
        "lib/libc10.so": abi,
        "version.py": f"__version__ = '{version}{local}'\ncuda: Optional[str] = '99.1'\n".encode(),
        "share/cmake/Torch/TorchConfig.cmake": b"",
    }


def write(folder, files):
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def wheel(folder, name, version, files):
    """A wheel that pip takes from `folder`."""
    information = f"{name.replace('-', '_')}-{version}.dist-info"
    files = {
        **files,
        f"{information}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{information}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{information}/RECORD": "",
    }
    folder.mkdir(exist_ok=True)
    with zipfile.ZipFile(folder / f"{name.replace('-', '_')}-{version}-py3-none-any.whl", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


class LibTorch(unittest.TestCase):
    def setUp(self):
        kept = tempfile.TemporaryDirectory(prefix="dtypefuzz-libtorch-test-")
        self.addCleanup(kept.cleanup)
        self.root = pathlib.Path(kept.name).resolve()
        self.checkout, self.site, self.wheels = (self.root / name for name in ("checkout", "site", "wheels"))
        for folder in (self.checkout / "ci", self.site, self.wheels):
            folder.mkdir(parents=True)
        shutil.copy(SCRIPT, self.checkout / "ci" / "libtorch")
        # An active Python without a torch, whatever the one that runs this test has, and an index that is a folder.
        hide = "sys.path[:] = [folder for folder in sys.path if not folder.endswith('-packages')]"
        (self.site / "sitecustomize.py").write_text(f"import sys\nif 'pip' not in sys.orig_argv:\n    {hide}\n")
        self.environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.site),
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.wheels),
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_CONFIG_FILE": os.devnull,
        }

    def find(self, *options, **environment):
        """Exit code, lines of stdout, stderr of the script with these in its environment."""
        command = [sys.executable, self.checkout / "ci" / "libtorch", *options]
        environment = {**self.environment, **{name: str(value) for name, value in environment.items()}}
        done = subprocess.run(command, env=environment, capture_output=True, text=True)
        return done.returncode, done.stdout.splitlines(), done.stderr

    def assert_found(self, where, why, **environment):
        code, lines, told = self.find(**environment)
        self.assertEqual((code, lines), (0, [str(where)]), told)
        self.assertIn(why, told)

    def assert_refused(self, *words, **environment):
        code, lines, told = self.find(**environment)
        self.assertEqual((code, lines), (3, []), told)
        self.assertEqual(len(told.splitlines()), 1, told)
        for word in words:
            self.assertIn(word, told)

    def test_a_named_folder_is_taken_before_all_others(self):
        mine = write(self.root / "mine", libtorch_files("2.9.1"))
        write(self.checkout / ".deps" / "libtorch-2.13.0", libtorch_files())
        other = write(self.root / "other", libtorch_files())
        self.assert_found(mine, f"LibTorch 2.9.1 in {mine} (LIBTORCH={mine})", LIBTORCH=mine, Torch_DIR=other)

    def test_a_named_folder_that_is_none_is_an_error_and_never_the_next_one(self):
        write(self.checkout / ".deps" / "libtorch-2.13.0", libtorch_files())
        self.assert_refused(f"LIBTORCH={self.root}/none: no such folder", LIBTORCH=self.root / "none")

    def test_a_hollow_folder_is_refused_by_what_is_missing(self):
        hollow = write(self.root / "hollow", libtorch_files())
        (hollow / "lib/libc10.so").unlink()
        self.assert_refused("is no LibTorch, lib/libc10.so is missing", LIBTORCH=hollow)

    def test_a_folder_without_a_version_is_refused(self):
        mute = write(self.root / "mute", {**libtorch_files(), "include/torch/headeronly/version.h": b""})
        self.assert_refused("no version in include/torch/headeronly/version.h", LIBTORCH=mute)

    def test_what_is_too_old_or_of_the_old_abi_is_refused(self):
        old = write(self.root / "old", libtorch_files("2.6.0"))
        self.assert_refused("is LibTorch 2.6.0, which is too old", LIBTORCH=old)
        ancient = write(self.root / "ancient", libtorch_files(abi=b"\x7fELF std::string"))
        self.assert_refused("has the old C++ ABI", LIBTORCH=ancient)

    def test_a_library_that_is_no_elf_is_refused(self):
        wrong = write(self.root / "wrong", {**libtorch_files(), "lib/libtorch_cpu.so": b"MZ".ljust(64)})
        self.assert_refused("is no 64-bit ELF library", LIBTORCH=wrong)

    def test_torch_dir_is_the_folder_of_its_configuration_or_the_root(self):
        there = write(self.root / "there", libtorch_files())
        self.assert_found(there, "Torch_DIR=", Torch_DIR=there / "share/cmake/Torch")
        self.assert_found(there, "Torch_DIR=", Torch_DIR=there)
        self.assert_refused("Torch_DIR=", "no such folder", Torch_DIR=self.root / "none")

    def test_what_was_fetched_before_is_taken_before_the_active_pythons(self):
        home = write(self.checkout / ".deps" / "libtorch-2.13.0", libtorch_files())
        write(self.site / "torch", {**libtorch_files(), "__init__.py": b""})
        self.assert_found(home, "wheel in .deps")

    def test_the_active_pythons_torch_is_found_and_not_imported(self):
        told = self.root / "imported"
        imported = f"open({str(told)!r}, 'w')\nraise ImportError\n"
        torch = write(self.site / "torch", {**libtorch_files(), "__init__.py": imported.encode()})
        self.assert_found(torch, "torch of the active Python")
        self.assertFalse(told.exists())

    def test_the_active_pythons_torch_of_another_version_is_passed_over(self):
        torch = write(self.site / "torch", {**libtorch_files("2.12.1"), "__init__.py": b""})
        wheel(self.wheels, "torch", "2.13.0", {f"torch/{name}": text for name, text in libtorch_files().items()})
        home = self.checkout / ".deps" / "libtorch-2.13.0"
        self.assert_found(home, f"passing over {torch}: is 2.12.1, 2.13.0 is wanted")

    def test_a_wheel_is_fetched_once_and_only_what_is_needed_of_it_unpacked(self):
        files = {f"torch/{name}": text for name, text in libtorch_files("2.14.0").items()}
        wheel(self.wheels, "torch", "2.14.0", {**files, "torch/nn/modules.py": b""})
        home = self.checkout / ".deps" / "libtorch-2.14.0"
        self.assert_found(home, "fetching torch==2.14.0", LIBTORCH_VERSION="2.14.0")
        self.assertFalse((home / "nn").exists())
        self.assertEqual([p.name for p in home.parent.glob("tmp-*")], [])
        shutil.rmtree(self.wheels)
        self.assert_found(home, "wheel in .deps", LIBTORCH_VERSION="2.14.0")

    def test_a_damaged_one_that_was_fetched_is_fetched_again(self):
        home = write(self.checkout / ".deps" / "libtorch-2.13.0", {"lib/libc10.so": b""})
        wheel(self.wheels, "torch", "2.13.0", {f"torch/{name}": text for name, text in libtorch_files().items()})
        self.assert_found(home, "fetching it again")

    def test_where_no_wheel_can_be_had_the_systems_is_taken(self):
        system = write(self.root / "prefix" / "libtorch", libtorch_files("2.11.0"))
        self.assert_found(system, "where find_package looks", CMAKE_PREFIX_PATH=self.root / "prefix")

    def test_a_wanted_version_that_is_none_or_too_old_is_refused(self):
        self.assert_refused("LIBTORCH_VERSION=latest: is no version", LIBTORCH_VERSION="latest")
        self.assert_refused("LIBTORCH_VERSION=2.1.0: has the old C++ ABI", LIBTORCH_VERSION="2.1.0")

    def test_facts_are_folder_version_origin_and_extra_folders(self):
        mine = write(self.root / "mine", libtorch_files("2.13.0", local="+cpu"))
        code, lines, told = self.find("--facts", LIBTORCH=mine)
        self.assertEqual((code, lines), (0, [str(mine), "2.13.0+cpu", f"LIBTORCH={mine}", ""]), told)

    def test_a_cuda_wheel_gets_the_folders_of_what_it_needs_for_cpu_work(self):
        needed = ("libcudart.so.99", "libcupti.so.99", "libgomp.so.1", "libcublas.so.99")
        cuda = write(self.root / "cuda", libtorch_files(needed=needed))
        wheel(self.wheels, "nvidia-cuda-runtime", "99.1.5", {"nvidia/cu99/lib/libcudart.so.99": b""})
        before = write(self.checkout / ".deps" / "nvidia-cuda-cupti-99.1", {"nvidia/lib/libcupti.so.99": b""})
        code, lines, told = self.find("--rpath", LIBTORCH=cuda)
        fetched = self.checkout / ".deps" / "nvidia-cuda-runtime-99.1"
        self.assertEqual((code, lines), (0, [f"{fetched}/nvidia/cu99/lib", f"{before}/nvidia/lib"]), told)

    def test_a_cuda_wheel_whose_libraries_lie_on_its_own_path_gets_none(self):
        cuda = self.root / "site" / "torch"
        write(cuda, libtorch_files(needed=("libcudart.so.99",), rpath="$ORIGIN/../../nvidia/lib"))
        write(self.root / "site" / "nvidia", {"lib/libcudart.so.99": b""})
        self.assertEqual(self.find("--rpath", LIBTORCH=cuda)[:2], (0, []))

    def test_packages_of_cuda_before_13_carry_its_number(self):
        cuda = write(self.root / "cuda", libtorch_files(needed=("libcudart.so.12",)))
        there = {"nvidia/cuda_runtime/lib/libcudart.so.12": b""}
        home = write(self.checkout / ".deps" / "nvidia-cuda-runtime-cu12-12", there)
        expected = [] if "libcudart.so.12" in system_libraries() else [f"{home}/nvidia/cuda_runtime/lib"]
        self.assertEqual(self.find("--rpath", LIBTORCH=cuda)[:2], (0, expected))


def system_libraries():
    return subprocess.run(["/sbin/ldconfig", "-p"], capture_output=True, text=True).stdout


if __name__ == "__main__":
    unittest.main()
