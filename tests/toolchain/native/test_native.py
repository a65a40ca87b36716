"""The C kernels: no compiler warning, and no fault that the address and undefined-behavior sanitizers see."""

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from against_reference import usable_widths

from snnc.toolchain.errors import EngineError
from snnc.toolchain.native import library
from snnc.toolchain.native.library import Kernel, built
from snnc.toolchain.native.sources import digest, option

NATIVE = Path(__file__).parents[3] / "toolchain" / "native"
SOURCES = sorted(str(path) for path in NATIVE.glob("*.c"))
WIDTHS = {64: ["-mavx512f", "-mavx512bw", "-mpopcnt", "-mbmi"], 32: ["-mavx2", "-mpopcnt", "-mbmi"], 16: []}
FLOATS = ["-fno-math-errno", "-fno-trapping-math"]  # so that rounding and choosing become vector instructions
COMPILER = shutil.which("gcc")
ARM64, EMULATOR = shutil.which("aarch64-linux-gnu-gcc"), shutil.which("qemu-aarch64")  # gcc-aarch64-linux-gnu, qemu-user
COMPILERS = [name for name in ("gcc", "clang") if shutil.which(name)]
PROJECT = tomllib.loads((NATIVE.parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
SHIPPED = {int(row["name"].split("_")[-1]): row["extra-compile-args"] for row in PROJECT["tool"]["setuptools"]["ext-modules"]}
STRICT = ["-std=gnu11", "-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"]

TESTS = NATIVE.parent.parent / "tests"
FOLDERS = [TESTS / "support", TESTS / "toolchain" / "simulate", TESTS / "toolchain" / "layers"]  # imported under sanitizers
IMPORTED = [*map(str, FOLDERS), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]

pytestmark = [
    pytest.mark.skipif(not COMPILER, reason="gcc is not installed"),
    pytest.mark.skipif(not built(), reason="the C kernel was not built here"),
]

UNDER_SANITIZERS = """
import sys
import tomllib
from pathlib import Path
from snnc.toolchain.native import library
width, path = int(sys.argv[1]), Path(sys.argv[2])
library.built = lambda: {16: library_16, width: path}
library_16 = Path(sys.argv[3])
from against_reference import assert_equal
from random_joins import joined_network
from random_networks import random_network, random_samples
from test_bitsliced import WIDE, pooled_network, test_sums_beyond_16_bits, test_shapes_around_words_and_blocks
from test_lif_native import test_c_and_torch_give_the_same_integers, test_c_computes_what_torch_computes
for seed in range(10):
    test_c_computes_what_torch_computes.hypothesis.inner_test(seed)
    test_c_and_torch_give_the_same_integers.hypothesis.inner_test(seed)
for seed in range(12):
    network = random_network(seed)
    assert_equal(network, random_samples(network, 6, timed=seed % 2 == 0, seed=seed), width)
for shape in WIDE:
    test_shapes_around_words_and_blocks(shape, width)
for seed in range(6):
    assert_equal(*pooled_network(seed), width)
for seed in range(16):
    assert_equal(*joined_network(seed), width, threads=seed % 4 + 1)
test_sums_beyond_16_bits(40000, -1, width)
print("clean")
"""


def test_all_widths_are_shipped() -> None:
    assert {width: set(flags) for width, flags in SHIPPED.items()} == {
        w: {"-O3", "-std=gnu11", *FLOATS, *WIDTHS[w]} for w in WIDTHS
    }


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("width", WIDTHS)
def test_it_compiles_without_warnings(tmp_path: Path, width: int, compiler: str) -> None:
    command = [compiler, *STRICT, *SHIPPED[width], "-o", str(tmp_path / "kernel.so"), *SOURCES]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""


def compiled(target: Path, width: int, *options: str) -> "subprocess.CompletedProcess[str]":
    command = [str(COMPILER), *STRICT, option(NATIVE), *options, *WIDTHS[width], "-o", str(target), *SOURCES]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_kernel_of_other_sources_is_not_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an update of a clone that was not installed again."""
    plain, sources = built()[16], tmp_path / "sources"
    shutil.copytree(NATIVE, sources, ignore=shutil.ignore_patterns("*.py", "*.so"))
    assert digest(sources) == digest(NATIVE)
    monkeypatch.setattr(library, "FOLDER", sources)
    assert Kernel(plain, 16).width == 16
    with (sources / "lif.h").open("a") as file:
        file.write("\n")
    with pytest.raises(
        EngineError, match=r"kernel_16.so was built from other sources; install a C compiler .* install snnc again"
    ):
        Kernel(plain, 16)


def test_an_installed_kernel_needs_no_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = built()[16]
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    assert digest(tmp_path) is None
    assert Kernel(plain, 16).width == 16


@pytest.mark.skipif(not (ARM64 and EMULATOR), reason="gcc-aarch64-linux-gnu and qemu-user are not installed")
def test_arm64_computes_the_same(tmp_path: Path) -> None:
    """The simulation's kernels on drawn layers, cross-compiled and emulated: hash by hash what this processor computes."""
    printed = []
    for name, compiler, options, run in (
        ("here", COMPILER, ["-DVB=16"], []),
        ("arm64", ARM64, ["-static"], [str(EMULATOR)]),
    ):
        program = tmp_path / name
        sources = [str(TESTS / "support" / "kernel_hashes.c"), *(source for source in SOURCES if "training" not in source)]
        command = [str(compiler), "-std=gnu11", "-O3", *FLOATS, *options, f"-I{NATIVE}", "-o", str(program), *sources]
        subprocess.run(command, check=True, capture_output=True)
        printed.append(subprocess.run([*run, str(program)], check=True, capture_output=True, text=True).stdout.splitlines())
    assert printed[0] == printed[1]
    assert len({line.split(" ", 1)[1] for line in printed[0]}) == len(printed[0]) >= 40


@pytest.mark.slow
@pytest.mark.parametrize("width", usable_widths())
def test_the_sanitizers_find_nothing(tmp_path: Path, width: int) -> None:
    sanitized = tmp_path / f"kernel_{width}.so"
    result = compiled(sanitized, width, "-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
    assert result.returncode == 0, result.stderr
    runtime = subprocess.run([str(COMPILER), "-print-file-name=libasan.so"], capture_output=True, text=True, check=True)
    environment = os.environ | {
        "LD_PRELOAD": runtime.stdout.strip(),
        "ASAN_OPTIONS": "detect_leaks=0",
        "PYTHONPATH": os.pathsep.join(IMPORTED),
    }
    plain = sanitized if width == 16 else built()[16]
    command = [sys.executable, "-c", UNDER_SANITIZERS, str(width), str(sanitized), str(plain)]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=900, check=False)
    assert result.stdout == "clean\n", result.stderr[-3000:]
