"""Builds the C kernels with the address and undefined-behavior sanitizers and runs random networks in them.

python tests/fuzz/sanitized.py --networks 2000

Every result is compared with the reference. Exit status 1 if a number differs; the sanitizers end the process at the first
access outside an array, overflow of a signed number, shift too far, or unaligned vector. Needs gcc or clang with both of them.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CHECKS = [
    "-O1",
    "-g",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-fPIC",
    "-shared",
]
STARTED = "SNNC_SANITIZED_KERNELS"
PLAIN = "kernel_16"  # runs on every machine, and is where others fall back to


def build(folder: Path, compiler: str, width: int | None) -> None:
    """Compile the kernels of a vector width, or of every one, into a folder, as pyproject.toml says but for optimization."""
    from snnc.toolchain.native.sources import option

    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    for module in settings["tool"]["setuptools"]["ext-modules"]:
        name = module["name"].rpartition(".")[2]
        if width and name not in (f"kernel_{width}", PLAIN):
            continue
        flags = [flag for flag in module["extra-compile-args"] if flag != "-O3"]
        sources = [str(ROOT / source) for source in module["sources"]]
        subprocess.run(
            [
                compiler,
                *flags,
                option(ROOT / "toolchain" / "native"),
                *CHECKS,
                *sources,
                "-lm",
                "-o",
                str(folder / f"{name}.so"),
            ],
            check=True,
        )


def start_again(folder: Path, compiler: str, arguments: list[str]) -> int:
    """Run this script with the sanitizer's library loaded first, as Python itself was not built with it."""
    found = subprocess.run([compiler, "-print-file-name=libasan.so"], capture_output=True, text=True, check=True).stdout.strip()
    environment = os.environ | {"LD_PRELOAD": found, STARTED: str(folder), "ASAN_OPTIONS": "detect_leaks=0"}
    return subprocess.run([sys.executable, __file__, *arguments], env=environment, check=False).returncode


def compare(folder: Path, networks: int, start: int, width: int | None) -> None:
    """Compare random networks with the reference, in the kernel of one width or in every one that runs here."""
    sys.path.insert(0, str(ROOT / "tests" / "support"))
    from against_reference import assert_equal, usable_widths
    from random_networks import random_join_network, random_network, random_residual_network, random_samples

    from snnc.toolchain.native import library

    kernels = {each: file for each in library.WIDTHS if (file := folder / f"kernel_{each}.so").exists()}
    library.built = lambda: kernels
    kinds = (random_network, random_network, random_join_network, random_residual_network)
    widths = [width] if width else usable_widths()
    for number in range(start, start + networks):
        network = kinds[number % len(kinds)](number)
        samples = random_samples(network, 3, timed=number % 3 == 0, seed=number)
        assert_equal(network, samples, widths[number % len(widths)], threads=1 + number % 2)
    print(f"{networks:,} networks, vectors of {', '.join(map(str, widths))} bytes: every number equal, no fault found")


def main() -> int:
    """Build, and run in a process that has the sanitizers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=int, default=500)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--width", type=int, help="bytes of the vectors; all that run here if it is left out")
    options = parser.parse_args()
    if STARTED in os.environ:
        compare(Path(os.environ[STARTED]), options.networks, options.start, options.width)
        return 0
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang") or "cc"
    with tempfile.TemporaryDirectory() as folder:
        build(Path(folder), compiler, options.width)
        return start_again(Path(folder), compiler, sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
