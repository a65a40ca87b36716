"""Lava's CPU simulator as an engine, in a child interpreter with a time limit, its swallowed exceptions made visible."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.group import CHILD, FAULT, end, how_it_ended
from snnc.export.lava.import_fixes import INSTALL, installed
from snnc.export.lava.limits import violations
from snnc.export.lava.workspace import workspace
from snnc.export.netx.file import netx_bytes
from snnc.toolchain import failure_log
from snnc.toolchain.errors import DataError, EngineError, located
from snnc.toolchain.interrupts import interrupts_deferred
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import to_plain
from snnc.toolchain.simulate.trace import Trace

TIME_LIMIT = 1800.0  # seconds
GRACE = 1.0  # seconds that a failed child gets to finish its report
POLL = 0.05
LOG = "lava.log"


def run_lava(
    network: Network,
    frames: NDArray[np.integer],
    *,
    builder: str = "lava",
    file: Path | None = None,
    time_limit: float = TIME_LIMIT,
) -> Trace:
    """Run frames `(F, B, *input.shape)`, F being T or 1 (the same at every step), and return the trace.

    `builder` is "lava" (stock processes, fed with the network itself) or "netx" (lava-dl's loader, which reads `file`, the
    `.net` file that holds the network, byte for byte; without one it is written for the occasion).
    However it ends, no process, shared memory or temporary file is left; a run that was killed is cleaned up by its own child,
    or else at the next start (see workspace.py). The log of a failed run is kept (see failure_log.py).
    Raises EngineError if Lava is missing, cannot run the network (see limits.py), fails or takes more than `time_limit`
    seconds, DataError for frames of another shape, and CannotExport for "netx" and a network that no `.net` file can hold.
    """
    if not installed():
        raise EngineError(f"engine {builder!r}: Lava is not installed; get it with: {INSTALL}")
    if not time_limit > 0:
        raise EngineError(f"engine {builder!r}: a time limit of {time_limit} s is not possible; give a positive number")
    _check(network, frames, builder)
    content = None
    if builder == "netx":
        network = fold_parallel(network)
        content = file.read_bytes() if file else netx_bytes(network)
    began = time.monotonic()
    with located(f"engine {builder!r}"), workspace() as folder:
        _write_job(folder, network, frames, builder, content)
        if problem := _run_child(folder, began, time_limit):
            raise EngineError(_with_log(problem, folder / LOG))
        return _read_trace(folder / "trace.npz", network, builder)


def _check(network: Network, frames: NDArray[np.integer], builder: str) -> None:
    expected = network.input.shape
    if frames.ndim < 2 or frames.shape[2:] != expected or len(frames) not in (1, network.timesteps):
        sizes = ", ".join(map(str, expected))
        allowed = " and ".join(f"({steps}, B, {sizes})" for steps in sorted({1, network.timesteps}))
        raise DataError(f"engine {builder!r}: frames of shape {frames.shape}; allowed are {allowed}")
    found = violations(network) if builder == "lava" else []
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise EngineError(f"engine {builder!r}: Lava's stock processes cannot run this network: {found[0]}{more}")


def _write_job(folder: Path, network: Network, frames: NDArray[np.integer], builder: str, content: bytes | None) -> None:
    values, arrays = to_plain(network)
    job = {"builder": builder, "network": values}
    try:
        if content is not None:
            (folder / "network.net").write_bytes(content)
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays, frames=frames.astype(np.int64))
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    except OSError as error:
        raise EngineError(f"cannot write to {folder} ({error}); make room, or set TMPDIR") from None


def _read_trace(path: Path, network: Network, builder: str) -> Trace:
    with np.load(path) as recorded:
        names = [layer.name for layer in network.layers]
        spikes = {name: recorded[f"spikes/{name}"] for name in names}
        return Trace(builder, spikes, {name: recorded[f"membranes/{name}"] for name in names})


def _run_child(folder: Path, began: float, time_limit: float) -> str | None:
    """Let a child do the job in the folder and return what went wrong; its processes have ended, whatever happened."""
    log = folder / LOG
    child = None
    try:
        with interrupts_deferred():  # Ctrl-C must not come before `child` is known
            child = _start_child(folder)
        problem = _wait(child, log, began, time_limit)
    finally:
        if child:
            with interrupts_deferred():
                end(child.pid)
                child.poll()
    if not folder.exists():  # then the child has ended too
        return f"its folder {folder} was removed while it ran; see what does that, or set TMPDIR"
    if problem is None and not (folder / "trace.npz").exists():
        problem = _last_error(log) or f"Lava's interpreter {how_it_ended(child.returncode)}"
    return problem


def _start_child(folder: Path) -> "subprocess.Popen[bytes]":
    # -P: a file of the user's, such as ./networkx.py, must not be imported in place of the library.
    command = [sys.executable, "-P", "-m", CHILD, str(folder), str(os.getpid())]
    environment = os.environ | {"TMPDIR": str(folder)}
    try:
        with open(folder / LOG, "wb") as output:
            return subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )
    except OSError as error:  # no more processes, memory or files
        raise EngineError(f"cannot start an interpreter ({error.strerror or error}); end other programs") from None


def _wait(child: "subprocess.Popen[bytes]", log: Path, began: float, time_limit: float) -> str | None:
    """Wait for the child to end, by itself or for a failure that its log tells of; return a complaint if it takes too long."""
    read = 0
    failed: float | None = None
    while child.poll() is None:
        now = time.monotonic()
        if now - began > time_limit:
            return f"no result within {time_limit:g} s; run fewer samples or raise --time-limit"
        if failed is not None and now - failed > GRACE:
            return None
        content = _content(log)
        if len(content) != read:
            read = len(content)
            if f"\n{FAULT}".encode() in content:
                return None
            # A failed Lava process logs its exception, and all others may wait for it for ever.
            if failed is None and b"Traceback (most recent call last)" in content:
                failed = now
        time.sleep(POLL)
    return None


def _last_error(log: Path) -> str | None:
    """Return the exception that the log ends its first traceback with, such as `ValueError: ...`, or else who has died."""
    lines = _content(log).decode(errors="replace").splitlines()
    tracebacks = [number for number, line in enumerate(lines) if line.lstrip().startswith("Traceback (most recent")]
    for line in lines[tracebacks[0] + 1 :] if tracebacks else []:
        if line and not line.startswith(" "):
            return line.strip()
    return next((line.removeprefix(FAULT) for line in lines if line.startswith(FAULT)), None)


def _with_log(problem: str, log: Path) -> str:
    """Return a problem with the place where the log is kept; where it cannot be, the problem alone has to do."""
    kept = failure_log.keep(LOG, content) if (content := _content(log)) else None
    return f"{problem}; the whole log is in {kept}" if kept else problem


def _content(log: Path) -> bytes:
    try:
        return log.read_bytes()
    except FileNotFoundError:  # somebody has removed the folder
        return b""
