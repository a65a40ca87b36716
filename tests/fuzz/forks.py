"""Runs one case after the other in forked processes, so that a hang, a crash or a memory bomb is a finding and not the end."""

import json
import os
import resource
import runpy
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from snnc.export.hdf5 import walk
from snnc.toolchain.errors import SnncError

MOST_SECONDS = 10.0
MOST_BYTES = 2**31
READER_SECONDS = 4
# What says that a file asked for memory that the limit did not give; libhdf5's own process is allowed to be refused some.
GREEDY = ("Unable to allocate", "MemoryError", "can't allocate memory", "not enough memory", "bad_alloc")


@dataclass(frozen=True)
class Outcome:
    """What became of one case: `refused`, `equal` or `accepted` are right; all others are faults, and `said` tells more."""

    kind: str
    said: str = ""
    seconds: float = 0.0
    bytes: int = 0

    @property
    def fault(self) -> bool:
        """Whether this must not happen."""
        return self.kind not in ("refused", "equal", "accepted")


def run_forked(case: Callable[[], str]) -> Outcome:
    """Run a case in a fork; it returns `equal`, `accepted`, `different` ..., or raises SnncError, which is `refused`."""
    reading, writing = os.pipe()
    started = time.monotonic()
    child = os.fork()
    if not child:
        os.close(reading)
        os.setpgid(0, 0)
        _child(case, writing)
    os.close(writing)
    answer = _read(reading, started + MOST_SECONDS + 2)
    if answer is None:
        os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    seconds = time.monotonic() - started
    if answer is None:
        return Outcome("hang", f"more than {MOST_SECONDS:.0f} s", seconds)
    if not answer:
        return Outcome("crash", f"status {os.waitstatus_to_exitcode(status)}", seconds)
    kind, said, peak = json.loads(answer)
    if seconds > MOST_SECONDS:
        kind = "hang"
    elif peak > MOST_BYTES or (any(text in said for text in GREEDY) and "libhdf5" not in said):
        kind = "memory"
    return Outcome(kind, said, seconds, peak)


def _child(case: Callable[[], str], writing: int) -> None:
    before = _resident()
    resource.setrlimit(resource.RLIMIT_AS, (_pages(0) + 2 * MOST_BYTES, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(nowhere, number)
    try:
        kind, said = case(), ""
    except SnncError as error:
        kind, said = ("refused", str(error)) if "\n" not in str(error) else ("lines", repr(str(error)))
    except BaseException as error:  # noqa: BLE001 - this is what the search is for
        kind, said = "traceback", "".join(traceback.format_exception(error))[-2000:]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    os.write(writing, json.dumps([kind, said[:3000], peak]).encode())
    os._exit(0)


def _read(reading: int, deadline: float) -> bytes | None:
    """Return all that a process writes until it ends, or None at the deadline."""
    parts: list[bytes] = []
    try:
        while True:
            if not select.select([reading], [], [], max(0.0, deadline - time.monotonic()))[0]:
                return None
            part = os.read(reading, 2**16)
            if not part:
                return b"".join(parts)
            parts.append(part)
    finally:
        os.close(reading)


def _pages(field: int) -> int:
    return int(Path("/proc/self/statm").read_text().split()[field]) * resource.getpagesize()


def _resident() -> int:
    return _pages(1)


def forked_reader(
    command: list[str], *, timeout: float, input: bytes = b"", **options: Any
) -> "subprocess.CompletedProcess[Any]":
    """Stand in for the processes that read files of others (subprocess.run in tree.py and reading.py), without a new Python.

    They run the same code within the same limits, but for seconds: one that is ended after a few is as good as after many.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.dup2(writing, 1)
        try:
            with os.fdopen(writing, "wb") as output:
                _tree(input, output) if input else _script(command)
            os._exit(0)
        except SystemExit as end:
            os._exit(int(end.code or 0))
        except BaseException:  # noqa: BLE001
            os._exit(1)
    os.close(writing)
    answer = _read(reading, time.monotonic() + timeout)
    if answer is None:
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if answer is None:
        raise subprocess.TimeoutExpired(command, timeout)
    return subprocess.CompletedProcess(command, status, answer.decode(errors="replace") if "text" in options else answer, b"")


def _tree(content: bytes, output: BinaryIO) -> None:
    walk.limit(walk.START + len(content), walk.seconds_for(len(content)))
    for part in walk.answer(content):
        output.write(part)


def _script(command: list[str]) -> None:
    """Run reading_child.py as the command does: `python -I FILE FOLDER MOST SECONDS ...`."""
    _, _, script, folder, most, _, *more = command
    sys.argv = [script, folder, most, str(READER_SECONDS), *more]
    with open(1, "w", closefd=False, encoding="utf-8") as sys.stdout:
        runpy.run_path(script, run_name="__main__")
