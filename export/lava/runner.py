"""Lava's CPU simulator as an engine, in a child interpreter with a time limit, its swallowed exceptions made visible."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava.import_fixes import INSTALL, installed
from snnc.export.lava.limits import violations
from snnc.export.netx.file import netx_bytes
from snnc.toolchain.errors import DataError, EngineError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import to_plain
from snnc.toolchain.simulate.trace import Trace

TIME_LIMIT = 1800.0  # seconds
GRACE = 5.0  # seconds that a failed or late child gets to finish its report and its clean-up
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
        content = file.read_bytes() if file else netx_bytes(network)
    folder = Path(tempfile.mkdtemp(prefix=f"snnc-{builder}-"))
    keep_log = False
    try:
        _write_job(folder, network, frames, builder, content)
        _run_child(folder, builder, time_limit)
        return _read_trace(folder / "trace.npz", network, builder)
    except EngineError:
        keep_log = (folder / LOG).exists()
        raise
    finally:
        for path in folder.iterdir():
            if not (keep_log and path.name == LOG):
                path.unlink()
        if not keep_log:
            folder.rmdir()


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
    job = {"builder": builder, "parent": os.getpid(), "network": values}
    try:
        if content is not None:
            (folder / "network.net").write_bytes(content)
        np.savez(folder / "arrays.npz", allow_pickle=False, **arrays, frames=frames.astype(np.int64))
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    except OSError as error:
        raise EngineError(f"engine {builder!r}: cannot write to {folder} ({error}); make room, or set TMPDIR") from None


def _read_trace(path: Path, network: Network, builder: str) -> Trace:
    with np.load(path) as recorded:
        names = [layer.name for layer in network.layers]
        spikes = {name: recorded[f"spikes/{name}"] for name in names}
        return Trace(builder, spikes, {name: recorded[f"membranes/{name}"] for name in names})


def _run_child(folder: Path, builder: str, time_limit: float) -> None:
    log = folder / LOG
    # -P: a file of the user's, such as ./networkx.py, must not be imported in place of the library.
    command = [sys.executable, "-P", "-m", "snnc.export.lava.process", str(folder)]
    with open(log, "wb") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)
    try:
        problem = _wait(child, log, time_limit)
    finally:
        _stop(child)
    if problem is None and not (folder / "trace.npz").exists():
        problem = _last_error(log) or f"it stopped with status {child.returncode}"
    if problem is not None:
        raise EngineError(f"engine {builder!r}: {problem}; the whole log is in {log}")


def _wait(child: "subprocess.Popen[bytes]", log: Path, time_limit: float) -> str | None:
    """Return what went wrong, or None once the child has ended by itself."""
    deadline = time.monotonic() + time_limit
    read = 0
    while child.poll() is None:
        if time.monotonic() > deadline:
            return f"no result within {time_limit:g} s; run fewer samples or raise --time-limit"
        if log.stat().st_size != read:
            read = log.stat().st_size
            # A failed Lava process logs its exception and leaves all others waiting for ever.
            if b"Traceback (most recent call last)" in log.read_bytes():
                with suppress(subprocess.TimeoutExpired):
                    child.wait(GRACE)
                return _last_error(log)
        time.sleep(POLL)
    return None


def _last_error(log: Path) -> str | None:
    """Return the exception that the log ends its first traceback with, such as `ValueError: ...`."""
    lines = log.read_text(errors="replace").splitlines()
    tracebacks = [number for number, line in enumerate(lines) if line.lstrip().startswith("Traceback (most recent")]
    for line in lines[tracebacks[0] + 1 :] if tracebacks else []:
        if line and not line.startswith(" "):
            return line.strip()
    return None


def _stop(child: "subprocess.Popen[bytes]") -> None:
    """End the child and all that it forked: politely first, so that the last one can give back Lava's shared memory."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        _signal(child.pid, kind)
        deadline = time.monotonic() + GRACE
        while _signal(child.pid, 0) and time.monotonic() < deadline:
            child.poll()  # takes note of the child's end, which otherwise stays in the group as a zombie
            time.sleep(POLL)
    child.wait()


def _signal(group: int, kind: int) -> bool:
    """Send a signal (0: none) to all processes of a group and tell whether there are any."""
    try:
        os.killpg(group, kind)
    except ProcessLookupError:
        return False
    return True
