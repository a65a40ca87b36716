"""Runs of Lava seen from outside: their processes, what they leave behind, and a run that lasts long enough to be disturbed."""

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from lava_limits import AT_LIMIT

from snnc.export.lava.group import CHILD, MEMORY
from snnc.export.lava.workspace import PREFIX, memory_names

LONG = AT_LIMIT["threshold"](0)
LONG_FRAMES = np.ones((1, 200000, 2), np.int64)  # minutes


@dataclass(frozen=True)
class Run:
    """One run: its folder, the interpreter that was started for it, and all that this one forked, oldest first."""

    folder: Path
    interpreter: int
    workers: list[int]


def lava_processes(folder: Path) -> list[int]:
    """The processes of runs whose own folders lie in a folder, the dead ones not among them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            words = path.read_bytes().decode(errors="replace").split("\0")
            if CHILD in words and any(word.startswith(f"{folder}{os.sep}") for word in words):
                found.append(int(path.parent.name))
    return sorted(found)


def started(folder: Path, workers: int = 6) -> Run:
    """Wait for the run in a folder to have so many workers; LONG has seven."""
    wait_until(lambda: len(lava_processes(folder)) > workers)
    found = lava_processes(folder)
    (run_folder,) = folder.glob(f"{PREFIX}*")
    interpreter = os.getpgid(found[0])
    return Run(run_folder, interpreter, [process for process in found if process != interpreter])


def left(run: Run) -> list[str]:
    """What there is of a run: its folder, processes and shared memory."""
    memory = [str(path) for pattern in memory_names(run.folder) for path in MEMORY.glob(pattern)]
    processes = {*lava_processes(run.folder.parent), *members(run.interpreter)}
    return [*memory, *map(str, processes), *map(str, run.folder.parent.glob(f"{PREFIX}*"))]


def members(group: int) -> list[int]:
    """The processes of a group that have not ended, multiprocessing's resource tracker among them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, _, its_group = path.read_text(errors="replace").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def wait_until(condition: Callable[[], object], seconds: float = 30) -> float:
    """Return how many seconds a condition took to become true."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() < began + seconds
        time.sleep(0.02)
    return time.monotonic() - began


class Disturbed:
    """A run that something happens to: which one it was, and when it happened."""

    run: Run
    when: float


@contextlib.contextmanager
def disturbed(folder: Path, deed: Callable[[Run], None]) -> Iterator[Disturbed]:
    """Do something to the run in a folder once it has begun; fails if it never did."""
    about = Disturbed()

    def disturb() -> None:
        about.run = started(folder)
        assert left(about.run)
        about.when = time.monotonic()
        deed(about.run)

    thread = threading.Thread(target=disturb)
    thread.start()
    try:
        yield about
    finally:
        thread.join()
