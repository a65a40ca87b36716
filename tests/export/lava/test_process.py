"""What failures of Lava's process look like from outside: one line each, and nothing left behind."""

import contextlib
import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lava_runs import lava_processes

from snnc.export.lava import runner as lava_runner
from snnc.export.lava.group import MEMORY
from snnc.export.lava.runner import run_lava
from snnc.toolchain.errors import DataError, EngineError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense

pytestmark = pytest.mark.lava
SMALL = Network("n", 1, Input((1,), 0, 1), (Layer("a", (Dense("input", [[1]]),), Lif((1,), 0, 0)),), "spikes")
ONE = np.ones((1, 1, 1), np.int64)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what the runner leaves behind lie where only this test looks."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def test_a_run_past_its_time_limit_is_ended_with_advice() -> None:
    with pytest.raises(EngineError, match="engine 'lava': no result within 0.1 s; run fewer samples or raise --time-limit"):
        run_lava(SMALL, ONE, time_limit=0.1)


@pytest.mark.parametrize("shape", [(1, 1, 3), (3, 1, 1), (1, 1), (1,)])
def test_frames_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"frames of shape .*; allowed are \(1, B, 1\) and \(2, B, 1\)"):
        run_lava(replace(SMALL, timesteps=2), np.ones(shape, np.int64))


def test_an_exception_that_lava_swallows_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of an exception in the run phase of a forked process, Lava itself says only that there was one."""
    broken = tmp_path / "sitecustomize.py"
    broken.write_text(
        "import builtins\n"
        "original = builtins.__import__\n"
        "def watched(name, *args, **kwargs):\n"
        "    module = original(name, *args, **kwargs)\n"
        "    if name == 'lava.proc.monitor.process':\n"
        "        from lava.proc.lif.models import PyLifResetModelBitAcc as model\n"
        "        def run_spk(self):\n"
        "            raise ValueError('the neuron is tired')\n"
        "        model.run_spk = run_spk\n"
        "    return module\n"
        "builtins.__import__ = watched\n"
    )
    monkeypatch.setenv("PYTHONPATH", with_path(tmp_path))
    with pytest.raises(EngineError) as failure:
        run_lava(SMALL, ONE, time_limit=60)
    log = tmp_path / "state" / "snnc" / "lava.log"
    assert str(failure.value) == f"engine 'lava': ValueError: the neuron is tired; the whole log is in {log}"
    assert "raise ValueError('the neuron is tired')" in log.read_text()
    assert set(tmp_path.iterdir()) - {broken, tmp_path / "state"} <= {tmp_path / "__pycache__"}
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(EngineError, match=r"^engine 'lava': ValueError: the neuron is tired$"):
        run_lava(SMALL, ONE, time_limit=60)


def with_path(folder: Path) -> str:
    """Return a PYTHONPATH that begins with the folder."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])


@pytest.mark.parametrize("time_limit", [60, 0.3])
def test_nothing_is_left_behind(tmp_path: Path, time_limit: float) -> None:
    """Of Lava's, of multiprocessing's or of ours; shared memory that others make meanwhile has other names."""
    before = {*MEMORY.iterdir()}
    with contextlib.suppress(EngineError):
        run_lava(SMALL, ONE, time_limit=time_limit)
    assert not [path for path in tmp_path.iterdir() if path.name != "state"]
    assert not lava_processes(tmp_path)
    assert not [path for path in {*MEMORY.iterdir()} - before if path.name.startswith(("psm_", "snnc-", "sem."))]


@pytest.mark.parametrize("time_limit", [0, -1, float("nan")])
def test_impossible_time_limits_are_refused(time_limit: float) -> None:
    with pytest.raises(EngineError, match="a time limit of .* s is not possible; give a positive number"):
        run_lava(SMALL, ONE, time_limit=time_limit)


def test_files_of_the_user_are_not_taken_for_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "networkx.py").write_text("raise SystemExit('imported the wrong file')")
    monkeypatch.chdir(tmp_path / "work")
    assert run_lava(SMALL, ONE, time_limit=60).spikes["a"].all()


def test_a_full_disk_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(*args: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(EngineError, match="engine 'lava': cannot write to /.*No space left.*; make room, or set TMPDIR"):
        run_lava(SMALL, ONE)
    assert not list(tmp_path.iterdir())


def test_no_more_processes_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def none_left(*args: object, **options: object) -> None:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(subprocess, "Popen", none_left)
    message = "^engine 'lava': cannot start an interpreter .Resource temporarily unavailable.; end other programs$"
    with pytest.raises(EngineError, match=message):
        run_lava(SMALL, ONE)
    assert not list(tmp_path.iterdir())


def test_the_process_loads_no_torch() -> None:
    code = "import sys, snnc.export.lava.child, snnc.export.lava.process; print('lava' in sys.modules, 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "True False\n"


def test_without_lava_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lava_runner, "installed", lambda: False)
    with pytest.raises(EngineError, match="Lava is not installed; get it with: pip install --no-deps"):
        run_lava(SMALL, ONE)
