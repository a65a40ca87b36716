"""Recordings of event cameras, by the suffixes of their files: structured arrays with the fields t, x, y and p.

`.npy` are such arrays, `.bin` files as those of N-MNIST; `.h5` and `.aedat4` are read by a process of its own (reading.py).
"""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.reading import read_apart
from snnc.toolchain.errors import DataError, one_line

FIELDS = ("t", "x", "y", "p")
SIDE_MOST = 4096  # pixels of a sensor
SPAN_MOST = 2**50  # of the times of a recording: 35 years of microseconds
BIN_EVENT = 5  # bytes: x, y, and a bit of polarity in front of 23 bits of microseconds
MOST_BYTES = 2**29  # of the events of one recording that another process reads
TOGETHER = 64  # recordings that one process reads: to start it takes longer than a short one
Events = NDArray[Any]


def _npy(path: Path) -> Events:
    events: Events = np.load(path, mmap_mode="r", allow_pickle=False).view(np.ndarray)
    return events


def _n_mnist(path: Path) -> Events:
    content = np.fromfile(path, np.uint8)
    if len(content) % BIN_EVENT:
        raise ValueError(f"{len(content)} bytes are no whole number of events of {BIN_EVENT} bytes")
    rows = content.reshape(-1, BIN_EVENT).astype(np.int64)
    events = np.zeros(len(rows), [(field, np.int64) for field in FIELDS])
    events["x"], events["y"], events["p"] = rows[:, 0], rows[:, 1], rows[:, 2] >> 7
    events["t"] = (rows[:, 2] & 127) << 16 | rows[:, 3] << 8 | rows[:, 4]
    return events


# What reads a recording here; None where a library does that may fail on a damaged file, in a process of its own.
READERS: dict[str, Callable[[Path], Events] | None] = {
    ".npy": _npy,
    ".bin": _n_mnist,
    ".h5": None,
    ".hdf5": None,
    ".aedat4": None,
}


def read_recordings(paths: Iterable[Path]) -> Iterator[tuple[Path, Events]]:
    """Read recordings one after the other: their paths and events. Raises DataError for one that cannot be read."""
    for suffix, group in groupby(paths, key=lambda path: path.suffix.lower()):
        read = READERS[suffix]
        for path, events in _read_apart(list(group)) if read is None else ((path, _read_here(path, read)) for path in group):
            _check(path, events)
            yield path, events


def extent(path: Path, events: Events) -> tuple[int, int]:
    """Return width and height, as far as any event lies. Raises DataError for events outside of any sensor or time."""
    sides = []
    for place in "xy":
        low, high = (float(each) for each in (events[place].min(initial=0), events[place].max(initial=0)))
        if not 0 <= low <= high < SIDE_MOST:
            raise DataError(f"recording {path}: {place} reaches from {low:g} to {high:g}; allowed are 0 to {SIDE_MOST - 1}")
        sides.append(int(high) + 1)
    if len(events):
        first, last = float(events["t"].min()), float(events["t"].max())
        if not (abs(first) < 2**63 and last - first < SPAN_MOST):
            raise DataError(f"recording {path}: t reaches from {first:g} to {last:g}; allowed is a span below {SPAN_MOST:g}")
    return sides[0], sides[1]


def _read_here(path: Path, read: Callable[[Path], Events]) -> Events:
    try:
        return read(path)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"recording {path}: cannot be read ({one_line(error)}); write it again") from None


def _read_apart(paths: list[Path]) -> Iterator[tuple[Path, Events]]:
    """Read recordings by other processes, each some of them, which lie in a folder until they were used."""
    while paths:
        with tempfile.TemporaryDirectory(prefix="snnc-") as folder:
            reason, read = read_apart(folder, MOST_BYTES, "events", paths[:TOGETHER]), 0
            while (place := Path(folder, f"{read}.npy")).is_file():
                yield paths[read], np.load(place, allow_pickle=False)
                read += 1
        if reason and read < len(paths[:TOGETHER]):
            raise DataError(f"recording {paths[read]}: {reason}")
        paths = paths[read:]


def _check(path: Path, events: Events) -> None:
    """Raise DataError for what holds no events, or other things than numbers."""
    if events.ndim != 1 or events.dtype.names is None or not set(FIELDS) <= set(events.dtype.names):
        found = events.dtype.names or f"{events.dtype} {events.shape}"
        raise DataError(f"recording {path}: it holds {found}; store a structured array with the fields t, x, y and p")
    odd = next((field for field in FIELDS if events.dtype[field].kind not in "iufb"), None)
    if odd:
        raise DataError(f"recording {path}: its field {odd!r} is {events.dtype[odd]}; store numbers")
