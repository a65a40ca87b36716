"""What may happen to a run of Lava: how soon it is noticed, how it is told, and that nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from lava_runs import LONG, LONG_FRAMES, disturbed, lava_processes, left, started, wait_until

from snnc.export.lava.runner import run_lava
from snnc.export.lava.workspace import PREFIX, clean_up
from snnc.toolchain.errors import EngineError

pytestmark = pytest.mark.lava

SOON = 2.0  # seconds; alone it takes a fraction of one


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let what runs leave behind lie where only this test looks."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "end"),
    [(signal.SIGKILL, r"signal SIGKILL \(out of memory\? run fewer samples\)"), (signal.SIGSEGV, "signal SIGSEGV")],
)
def test_a_worker_that_dies_is_noticed_at_once(own_folders: Path, kind: signal.Signals, end: str) -> None:
    message = rf"^engine 'lava': a process of Lava's \(Py\w+\) was ended by {end}; the whole log is in \S+/snnc/lava.log$"
    with disturbed(own_folders, lambda run: os.kill(run.workers[-2], kind)) as about:
        with pytest.raises(EngineError, match=message):
            run_lava(LONG, LONG_FRAMES, time_limit=60)
        ended = time.monotonic()
    assert ended - about.when < SOON
    assert not left(about.run)


def test_a_worker_that_leaves_is_noticed_at_once(own_folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With status 0, as if all were well, and in its first step."""
    (own_folders / "sitecustomize.py").write_text(
        "import builtins, os\n"
        "original = builtins.__import__\n"
        "def watched(name, *args, **kwargs):\n"
        "    module = original(name, *args, **kwargs)\n"
        "    if name == 'lava.proc.monitor.process':\n"
        "        from lava.proc.lif.models import PyLifResetModelBitAcc as model\n"
        "        model.run_spk = lambda self: os._exit(0)\n"
        "    return module\n"
        "builtins.__import__ = watched\n"
    )
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(own_folders), *filter(None, [os.environ.get("PYTHONPATH")])]))
    began = time.monotonic()
    with pytest.raises(EngineError, match=r"a process of Lava's \(PyLifResetModelBitAcc\) ended with status 0; the whole"):
        run_lava(LONG, np.ones((1, 1, 2), np.int64), time_limit=60)
    assert time.monotonic() - began < 20


def test_the_death_of_lavas_interpreter_is_noticed_at_once(own_folders: Path) -> None:
    message = r"^engine 'lava': Lava's interpreter was ended by signal SIGKILL \(out of memory\? run fewer samples\)$"
    with disturbed(own_folders, lambda run: os.kill(run.interpreter, signal.SIGKILL)) as about:
        with pytest.raises(EngineError, match=message):
            run_lava(LONG, LONG_FRAMES, time_limit=60)
        ended = time.monotonic()
    assert ended - about.when < SOON
    assert not left(about.run)


@pytest.mark.parametrize("which", ["worker", "interpreter"])
def test_a_stopped_process_is_ended_at_the_time_limit(own_folders: Path, which: str) -> None:
    began = time.monotonic()
    stopped = lambda run: run.workers[-1] if which == "worker" else run.interpreter  # noqa: E731
    with disturbed(own_folders, lambda run: os.kill(stopped(run), signal.SIGSTOP)) as about:
        with pytest.raises(EngineError, match=r"no result within 6 s; run fewer samples or raise --time-limit"):
            run_lava(LONG, LONG_FRAMES, time_limit=6)
        ended = time.monotonic()
    assert ended - began < 6 + 5
    assert not left(about.run)


def test_an_interrupt_leaves_nothing(own_folders: Path) -> None:
    with disturbed(own_folders, lambda run: os.kill(os.getpid(), signal.SIGINT)) as about:
        with pytest.raises(KeyboardInterrupt):
            run_lava(LONG, LONG_FRAMES, time_limit=60)
        ended = time.monotonic()
    assert ended - about.when < SOON
    assert not left(about.run)
    assert not list(own_folders.iterdir())


def test_a_folder_that_somebody_removes_ends_the_run(own_folders: Path) -> None:
    with disturbed(own_folders, lambda run: shutil.rmtree(run.folder)) as about:
        with pytest.raises(EngineError, match=r"^engine 'lava': its folder \S+ was removed while it ran; see what does that"):
            run_lava(LONG, LONG_FRAMES, time_limit=60)
        ended = time.monotonic()
    assert ended - about.when < SOON
    wait_until(lambda: not left(about.run), SOON)  # the one that takes the others away ends last


def starter(folder: Path) -> "subprocess.Popen[bytes]":
    """A program that runs LONG, with its temporary files in a folder."""
    code = (
        "from lava_runs import LONG, LONG_FRAMES\nfrom snnc.export.lava.runner import run_lava\nrun_lava(LONG, LONG_FRAMES)\n"
    )
    paths = [str(Path(__file__).parents[2] / "support"), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "TMPDIR": str(folder)}
    return subprocess.Popen([sys.executable, "-c", code], env=environment)


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_outlives_whoever_started_it(own_folders: Path, kind: signal.Signals) -> None:
    with starter(own_folders) as parent:
        try:
            run = started(own_folders)
            assert left(run)
            os.kill(run.workers[-1], signal.SIGSTOP)  # it takes no SIGTERM
        finally:
            parent.send_signal(kind)
    wait_until(lambda: not left(run), 5)
    assert not list(own_folders.iterdir())


def test_nothing_outlives_whoever_is_killed_while_lava_is_loaded(own_folders: Path) -> None:
    with starter(own_folders) as parent:
        try:
            wait_until(lambda: lava_processes(own_folders))
        finally:
            parent.kill()
    wait_until(lambda: not lava_processes(own_folders) and not list(own_folders.iterdir()), 5)


def test_what_cannot_clean_up_is_taken_away_at_the_next_start(own_folders: Path) -> None:
    """The child is stopped, so it sees nothing of its parent's death."""
    with starter(own_folders) as parent:
        try:
            run = started(own_folders)
            os.kill(run.interpreter, signal.SIGSTOP)
            clean_up()
            assert all(process in lava_processes(own_folders) for process in run.workers)  # they are in use
        finally:
            parent.kill()
    assert left(run)
    clean_up()
    assert not left(run)
    assert not list(own_folders.glob(f"{PREFIX}*"))
