"""What users install: clones, also those without symbolic links, which Windows makes by default, the sdist and the wheel."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CODE = """
import numpy as np, snnc, snnc.cli.main
from snnc.toolchain.training.methods import METHODS
layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
file = snnc.export(network, "loihi2", "example.net")
print(snnc.__file__, snnc.read_network(file) == network, len(snnc.load_dataset("digits").test), "tna" in METHODS)
"""
TINY = "--model mlp --width 0.03 --timesteps 3 --epochs-float 1 --epochs-quantized 1 --epochs-integer 1 --quiet"
COMMANDS = {  # what users type, and what the screen says then
    "--version": "C kernel: vectors of" if shutil.which("gcc") else "snnc",
    f"train {TINY} -o model.pt": "",
    "export model.pt --target loihi2 -o model.net": "read back and equal",
    "simulate model.pt model.net --engine torch --engine reference -n 20 --report report.html": "report: report.html",
}

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a clone")]


def run(folder: Path, *command: str | Path) -> str:
    """Run a command in a folder, without this environment's variables, and return what it printed."""
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run([*map(str, command)], cwd=folder, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"
    return result.stdout


def environment(folder: Path) -> Path:
    """Make an environment in which snnc is not installed and all that it needs is: return its programs' folder."""
    run(folder.parent, sys.executable, "-m", "venv", folder)
    # What snnc needs is found in the environment of the tests, behind the new one's own packages.
    (packages,) = (folder / "lib").glob("python*/site-packages")
    (packages / "behind.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return folder / "bin"


def install(programs: Path, *arguments: str | Path) -> None:
    """Install something into an environment."""
    run(programs.parent, programs / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", *arguments)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which git wrote the names of folders in place of links."""
    folder = tmp_path_factory.mktemp("cloned") / "clone"
    run(folder.parent, "git", "-c", "core.symlinks=false", "clone", "-q", ROOT, folder)
    assert (folder / "snnc" / "toolchain").is_file()
    return folder


@pytest.fixture(scope="module")
def packages(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The sdist of the clone, and the wheel that was built from that sdist in an empty folder."""
    folder = tmp_path_factory.mktemp("packages")
    run(folder, sys.executable, "-m", "venv", "builder")
    python = folder / "builder" / "bin" / "python"
    install(python.parent, *PROJECT["build-system"]["requires"])
    run(clone, python, "-c", f"from setuptools.build_meta import build_sdist; build_sdist({str(folder)!r})")
    (sdist,) = folder.glob("*.tar.gz")
    run(folder, python, "-m", "pip", "wheel", "-qq", "--no-deps", "--no-build-isolation", sdist)
    (wheel,) = folder.glob("*.whl")
    return sdist, wheel


@pytest.mark.parametrize("editable", [False, True])
def test_a_clone_without_links_installs_and_runs(clone: Path, tmp_path: Path, editable: bool) -> None:
    programs = environment(tmp_path / "environment")
    install(programs, "--no-deps", *["-e"] * editable, clone)
    place, *found = run(tmp_path, programs / "python", "-c", CODE).split()
    assert Path(place).is_relative_to(clone if editable else programs.parent)
    assert found == ["True", "540", "True"]


def test_the_sdist_is_whole_and_has_no_tests(packages: tuple[Path, Path]) -> None:
    with tarfile.open(packages[0]) as archive:
        names = {PurePosixPath(*PurePosixPath(name).parts[1:]) for name in archive.getnames()}
    folders = {name.parts[0] for name in names if len(name.parts) > 1}
    assert folders == {"snnc", "toolchain", "models", "export", "requirements", "snnc.egg-info"}
    texts = ("README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", "CITATION.cff", "requirements/LICENSES.md", "setup.py")
    assert {PurePosixPath(name) for name in texts} < names
    sources = [path for folder in ("toolchain/native", "export/c") for path in (ROOT / folder).glob("*.c")]
    assert len([name for name in names if name.suffix == ".c"]) == len(sources)


def test_one_wheel_serves_every_python(packages: tuple[Path, Path]) -> None:
    assert packages[1].name.split("-", 2)[2].startswith("py3-none-")
    names = zipfile.ZipFile(packages[1]).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"snnc"}
    written = {"snnc/export/c/network.h", "snnc/export/c/recorder.c"}  # what C source is made of: no kernel's
    assert {name for name in names if name.endswith((".c", ".h")) or "cpython" in name} == written
    kernels = [name for name in names if name.endswith(".so")]
    assert all(name.startswith("snnc/toolchain/native/kernel_") for name in kernels)
    assert kernels or not shutil.which("gcc")


def test_the_wheel_trains_exports_and_simulates(packages: tuple[Path, Path], tmp_path: Path) -> None:
    programs, elsewhere = environment(tmp_path / "environment"), tmp_path / "elsewhere"
    elsewhere.mkdir()
    install(programs, "--no-deps", packages[1])
    assert Path(run(elsewhere, programs / "python", "-c", "import snnc; print(snnc.__file__)")).is_relative_to(programs.parent)
    for command, expected in COMMANDS.items():
        assert expected in run(elsewhere, programs / "snnc", *command.split()), command
