"""The largest resident memory of this process while something runs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def peak_mib() -> Iterator[Callable[[], float]]:
    """Yield a function that tells the peak of the whole process since the start, in MiB; since its birth outside Linux."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")  # sets the peak back to what is resident now
    yield _peak


def _peak() -> float:
    try:
        status = Path("/proc/self/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) / 1024
    except (OSError, IndexError):
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)
