"""Lava's CPU simulator as an engine, in a child interpreter with a time limit, its swallowed exceptions made visible."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.export.lava_import import installed
from snnc.export.netx_file import write_netx
from snnc.toolchain.errors import EngineError
from snnc.toolchain.network import Network
from snnc.toolchain.trace import Trace

INSTALL = "pip install --no-deps --ignore-requires-python -r requirements/lava.txt"
TIME_LIMIT = 1800.0  # seconds
GRACE = 3.0  # seconds that a failed or late child gets to finish its report and its clean-up
POLL = 0.05


def run_lava(network: Network, samples: NDArray[np.int64], *, builder: str = "lava", time_limit: float = TIME_LIMIT) -> Trace:
    """Run samples `(T, B, ...)` and return the trace; `builder` is "lava" (stock processes) or "netx" (lava-dl's loader).

    Raises EngineError if Lava is missing, fails or takes more than `time_limit` seconds, and CannotExport for a network
    that a `.net` file cannot hold.
    """
    if not installed():
        raise EngineError(f"engine {builder!r}: Lava is not installed; install it with: pip install 'snnc[lava]' && {INSTALL}")
    folder = Path(tempfile.mkdtemp(prefix=f"snnc-{builder}-"))
    write_netx(network, folder / "network.net")
    np.save(folder / "samples.npy", samples)
    (folder / "job.json").write_text(json.dumps({"builder": builder}))
    _run_child(folder, builder, time_limit)
    with np.load(folder / "trace.npz") as recorded:
        names = [layer.name for layer in network.layers]
        spikes = {name: recorded[f"spikes/{name}"].astype(bool) for name in names}
        trace = Trace(builder, spikes, {name: recorded[f"membranes/{name}"] for name in names})
    shutil.rmtree(folder)
    return trace


def _run_child(folder: Path, builder: str, time_limit: float) -> None:
    log = folder / "lava.log"
    command = [sys.executable, "-m", "snnc.export.lava_process", str(folder)]
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
    """End the child and all that it forked; politely first, so that Lava's shared memory is given back."""
    for kind in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, kind)
        with suppress(subprocess.TimeoutExpired):
            child.wait(GRACE)
