"""A folder of event recordings as frames of 0 and 1: `FOLDER/CLASS/*.npy`, or `FOLDER/train/CLASS/*` and `FOLDER/test/CLASS/*`.

`.npy` are structured arrays with the fields t, x, y and p, `.bin` are files as those of N-MNIST. How they are binned is stated
in the name of the data: `recordings:bins=count`.
"""

from collections.abc import Iterable
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.data_file import MOST_CLASSES
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.events import binned
from snnc.toolchain.data.named import BINS, Named
from snnc.toolchain.data.stratified import divided
from snnc.toolchain.errors import DataError, one_line
from snnc.toolchain.network.network import Input

SUFFIXES = (".npy", ".bin", ".aedat4")
FIELDS = ("t", "x", "y", "p")
SIDE_MOST = 4096  # pixels of a sensor
MOST_BYTES = 2**31  # of the frames, which are in memory
BIN_EVENT = 5  # bytes: x, y, and a bit of polarity in front of 23 bits of microseconds


def is_recordings(folder: Path) -> bool:
    """Tell whether a folder holds event recordings: whether the first file in its subfolders is one."""
    for depth in ("*/*", "*/*/*"):
        found = sorted(path for path in folder.glob(depth) if path.is_file())
        if found:
            return found[0].suffix.lower() in SUFFIXES
    return False


def load_recordings(name: Named, timesteps: int, image_size: int = 0) -> Dataset:
    """Load a folder of recordings as frames `(T, N, 2, H, W)`; without a folder `test`, a share of each class tests.

    Frames have the sides of the sensor, as far as any event lies, or `image_size`. Raises DataError, naming the file, for one
    that cannot be read.
    """
    stated = name.stated
    if stated.low is not None or stated.high is not None:
        raise DataError(f"data {name}: recordings hold events, low= and high= are the ends of floats; leave them out")
    folders = [name.path / part for part in ("train", "test")]
    whole = not folders[0].is_dir()
    parts = [_listed(name, name.path)] if whole else [_listed(name, folder) for folder in folders]
    classes = tuple(sorted({label for part in parts for _, label in part}))
    if not 2 <= len(classes) <= MOST_CLASSES or not all(parts):
        raise DataError(
            f"data {name.place}: recordings of {len(classes)} classes; allowed are FOLDER/CLASS/*.npy of 2 to {MOST_CLASSES} "
            "classes, or FOLDER/train/CLASS/* and FOLDER/test/CLASS/*"
        )
    sensor = _sensor(path for part in parts for path, _ in part)
    height, width = (image_size, image_size) if image_size else (sensor[1], sensor[0])
    bins = stated.bins or BINS[0]
    shape = (timesteps, 2, height, width)
    size = sum(map(len, parts)) * prod(shape)
    if size > MOST_BYTES:
        raise DataError(
            f"data {name.place}: frames {shape} take {size:,} bytes, allowed are {MOST_BYTES:,}; set image_size, such as 32"
        )
    splits = []
    for part in parts:
        frames = np.stack([binned(read_events(path), sensor, shape, bins) for path, _ in part], axis=1)
        splits.append(Split(frames, np.array([classes.index(label) for _, label in part], np.int64)))
    name = name.with_stated(bins=bins)
    if whole:
        name, test = divided(name, splits[0].labels)
        splits = [splits[0].subset(~test), splits[0].subset(test)]
    elif stated.test is not None or stated.seed is not None:
        raise DataError(f"data {name.place}: it has a folder test; leave test= and seed= out of its name")
    return Dataset(str(name), splits[0], splits[1], classes, Input((2, height, width), 0, 1))


def read_events(path: Path) -> NDArray[Any]:
    """Read a recording as a structured array with the fields t, x, y and p. Raises DataError."""
    try:
        if path.suffix.lower() == ".bin":
            return _n_mnist(np.fromfile(path, np.uint8))
        events: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"recording {path}: cannot be read ({one_line(error)}); write it again") from None
    if events.ndim != 1 or events.dtype.names is None or not set(FIELDS) <= set(events.dtype.names):
        found = events.dtype.names or f"{events.dtype} {events.shape}"
        raise DataError(f"recording {path}: it holds {found}; store a structured array with the fields t, x, y and p")
    odd = next((field for field in FIELDS if events.dtype[field].kind not in "iufb"), None)
    if odd:
        raise DataError(f"recording {path}: its field {odd!r} is {events.dtype[odd]}; store numbers")
    return events


def _n_mnist(content: NDArray[np.uint8]) -> NDArray[Any]:
    if len(content) % BIN_EVENT:
        raise ValueError(f"{len(content)} bytes are no whole number of events of {BIN_EVENT} bytes")
    rows = content.reshape(-1, BIN_EVENT).astype(np.int64)
    events = np.zeros(len(rows), [(field, np.int64) for field in FIELDS])
    events["x"], events["y"], events["p"] = rows[:, 0], rows[:, 1], rows[:, 2] >> 7
    events["t"] = (rows[:, 2] & 127) << 16 | rows[:, 3] << 8 | rows[:, 4]
    return events


def _listed(name: Named, folder: Path) -> list[tuple[Path, str]]:
    """Return the recordings of a folder and their classes, in the order of their names."""
    files = sorted(path for path in folder.glob("*/*") if path.is_file() and not path.name.startswith("."))
    for path in files:
        if path.suffix.lower() == ".aedat4":
            raise DataError(f"recording {path}: .aedat4 is not read here; convert it to .npy with the fields t, x, y and p")
        if path.suffix.lower() not in SUFFIXES:
            raise DataError(f"data {name.place}: {path} is no recording; allowed are .npy and .bin")
    return [(path, path.parent.name) for path in files]


def _sensor(paths: Iterable[Path]) -> tuple[int, int]:
    """Return width and height, as far as any event lies. Raises DataError for events outside of any sensor."""
    sides = [1, 1]
    for path in paths:
        events = read_events(path)
        for axis, place in enumerate("xy"):
            low, high = (float(each) for each in (events[place].min(initial=0), events[place].max(initial=0)))
            if not 0 <= low <= high < SIDE_MOST:
                raise DataError(f"recording {path}: {place} reaches from {low:g} to {high:g}; allowed are 0 to {SIDE_MOST - 1}")
            sides[axis] = max(sides[axis], int(high) + 1)
    return sides[0], sides[1]
