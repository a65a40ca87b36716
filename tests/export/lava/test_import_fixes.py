"""The mends that let Lava run here: each is needed, and none outlives its purpose."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from snnc.export.lava import import_fixes as lava_import
from snnc.export.lava.import_fixes import INSTALL, installed, modern_python


def test_installed_does_not_import_lava() -> None:
    code = "import sys; from snnc.export.lava.import_fixes import installed; installed(); print('lava' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"


def test_dataclasses_are_as_before_outside_the_block() -> None:
    original = dataclasses.dataclass
    with modern_python():
        assert dataclasses.dataclass is not original

        @dataclasses.dataclass
        class Mine:
            """Not of a module of Lava's, so it stays without a hash."""

            x: int = 0

    assert dataclasses.dataclass is original
    assert Mine.__hash__ is None


def run(code: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.lava
def test_lava_does_not_import_without_the_mend() -> None:
    assert installed()
    assert "mutable default" in run("import lava.magma.core.process.process").stderr


@pytest.mark.lava
@pytest.mark.parametrize(("mended", "works"), [(False, False), (True, True)])
def test_a_convolution_of_128_channels_needs_plain_integers(mended: bool, works: bool) -> None:
    code = (
        "import numpy as np\n"
        "from snnc.export.lava.import_fixes import modern_python, widen_conv_geometry\n"
        "with modern_python():\n"
        "    from lava.proc.conv import utils\n"
        f"if {mended}: widen_conv_geometry()\n"
        "one, pair = np.int8(1), np.array([1, 1], np.int8)\n"
        "out = utils.conv_scipy(np.ones((2, 2, 128)), np.ones((1, 1, 1, 128)), pair, pair, 0 * pair, pair, one)\n"
        "assert out.ravel().tolist() == [128] * 4\n"
    )
    result = run(code)
    assert (result.returncode == 0) is works, result.stderr
    assert works or "OverflowError" in result.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="shared memory is seen as files")
def test_shared_memory_and_sockets_carry_the_name_of_their_run(tmp_path: Path) -> None:
    code = (
        "import multiprocessing, os, sys\n"
        "from multiprocessing.managers import SharedMemoryManager\n"
        "from multiprocessing.synchronize import SemLock\n"
        "from snnc.export.lava.import_fixes import mark_temporaries\n"
        "multiprocessing.set_start_method('fork')\n"
        "os.chdir(sys.argv[1])\n"
        "mark_temporaries('snnc-token-')\n"
        "with SharedMemoryManager() as manager:\n"
        "    print(manager.SharedMemory(10).name, SemLock._make_name(), *os.listdir('.'))\n"
    )
    result = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=True)
    assert re.fullmatch(r"snnc-token-[0-9a-f]{12} /snnc-token-\w{8} listener-\w+\n", result.stdout)


def test_the_advice_names_the_versions_of_the_requirements() -> None:
    lines = (Path(__file__).parents[3] / "requirements" / "lava.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if "==" in line] and all(line in INSTALL for line in lines if line[:1] != "#")


def test_a_folder_of_that_name_is_not_lava(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "lava").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(lava_import, "PACKAGES", {"no-such-lava": "1"})
    assert not installed()
