"""Event recordings through tonic: CIFAR10-DVS, N-MNIST and DVS-Gesture as T frames of 0 and 1, one channel for each polarity.

A pixel of a frame is 1 if it had any event of that polarity in its share of the recording. Frames are kept in a file:
reading tens of thousands of those takes minutes.
"""

import logging
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.frames_file import frames_file, read_frames
from snnc.toolchain.errors import DataError, SnncError, install_command, one_line
from snnc.toolchain.network.network import Input

SHARES = 2**40  # of the span of a recording whose times are no whole numbers
LOG = logging.getLogger(__name__)  # the command line shows it
TEST_OF_TEN = 10  # every tenth recording of a class is for testing, where a dataset has no split of its own


@dataclass(frozen=True)
class Recordings:
    """A dataset of tonic: its class, the side its frames are scaled to by default, whether it has a test split."""

    tonic_class: str
    side: int
    classes: tuple[str, ...]
    has_split: bool = True


EVENTS = {
    "cifar10-dvs": Recordings(
        "CIFAR10DVS",
        48,
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        has_split=False,
    ),
    "nmnist": Recordings("NMNIST", 32, tuple("0123456789")),
    "dvs-gesture": Recordings(
        "DVSGesture",
        48,
        (
            *("hand clapping", "right hand wave", "left hand wave", "right arm clockwise", "right arm counter clockwise"),
            *("left arm clockwise", "left arm counter clockwise", "arm roll", "air drums", "air guitar", "other"),
        ),
    ),
}


def load_events(name: str, folder: Path, timesteps: int, image_size: int = 0) -> Dataset:
    """Load a row of EVENTS, downloading it into `folder` if it is not there. Raises DataError."""
    rows, side = EVENTS[name], image_size or EVENTS[name].side
    file, shape = folder / f"{name}-frames-T{timesteps}-{side}.npz", (timesteps, 2, side, side)
    train, test = _kept(file, lambda: _read(name, rows, folder, timesteps, side), shape, len(rows.classes))
    return Dataset(name, train, test, rows.classes, Input((2, side, side), minimum=0, maximum=1))


def _read(name: str, rows: Recordings, folder: Path, timesteps: int, side: int) -> tuple[Split, Split]:
    try:
        import tonic
    except ImportError:
        raise DataError(f"dataset {name!r} needs tonic, which is GPL-3.0-only; {install_command('events')}") from None
    kind = getattr(tonic.datasets, rows.tonic_class)
    LOG.info("reading %s through tonic into %s, once", name, folder)

    def transform(events: NDArray[np.void]) -> NDArray[np.uint8]:
        return binned(events, kind.sensor_size, (timesteps, 2, side, side))

    try:
        folder.mkdir(parents=True, exist_ok=True)
        if rows.has_split:
            train, test = (_frames(kind(save_to=str(folder), train=part, transform=transform)) for part in (True, False))
            return train, test
        return _divided(_frames(kind(save_to=str(folder), transform=transform)))
    except Exception as error:  # noqa: BLE001 - whatever the library, the network or the files do wrong
        reason = one_line(error, 200)
        raise DataError(
            f"dataset {name!r} cannot be loaded ({reason}); connect to the network, or put tonic's files into "
            f"{folder / rows.tonic_class}"
        ) from None


def binned(
    events: NDArray[Any], sensor: tuple[int, ...], shape: tuple[int, int, int, int], bins: str = "time"
) -> NDArray[np.uint8]:
    """Return frames of 0 and 1 of the shape `(T, 2, H, W)` from events on a sensor of (width, height, ...) pixels.

    Each frame has an equal share of the time, first and last event included, or, by "count", of the events in their order.
    """
    frames, (timesteps, _, height, width) = np.zeros(shape, np.uint8), shape
    if len(events):
        t = _ticks(events["t"])
        if bins == "count":
            t[np.argsort(t, kind="stable")] = np.arange(len(t))
        step = t * timesteps // (t.max() + 1)
        x = events["x"].astype(np.int64) * width // sensor[0]
        y = events["y"].astype(np.int64) * height // sensor[1]
        frames[step, (events["p"] > 0).astype(np.int64), y, x] = 1
    return frames


def _ticks(times: NDArray[Any]) -> NDArray[np.int64]:
    """Return times as whole numbers from 0 on; floats that are none, such as seconds, become shares of their span."""
    if times.dtype.kind != "f":
        whole: NDArray[np.int64] = times.astype(np.int64)
        whole -= whole.min()
        return whole
    since = times.astype(np.float64) - float(times.min())
    if (since != np.floor(since)).any():
        since *= SHARES / since.max()
    return since.astype(np.int64)


def _frames(recordings: Any) -> Split:
    """Return all recordings as frames, in the order of their files' names, which tonic leaves to the file system."""
    order = sorted(range(len(recordings)), key=lambda index: str(recordings.data[index]))
    frames = [recordings[index][0] for index in order]
    return Split(np.stack(frames, axis=1), np.array([recordings.targets[index] for index in order], np.int64))


def _divided(split: Split) -> tuple[Split, Split]:
    """Divide 9 : 1 within each class, in the order of the files."""
    place = np.zeros(len(split), np.int64)
    for label in np.unique(split.labels):
        own = split.labels == label
        place[own] = np.arange(own.sum())
    test = place % TEST_OF_TEN == TEST_OF_TEN - 1
    return split.subset(~test), split.subset(test)


def _kept(path: Path, read: Callable[[], tuple[Split, Split]], shape: tuple[int, ...], classes: int) -> tuple[Split, Split]:
    """Return the frames kept in a file, or read the recordings and keep them."""
    if path.is_file():
        try:
            return read_frames(path, shape, classes)
        except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, BadZipFile, zlib.error, SnncError) as error:
            raise DataError(f"{path}: frames kept by snnc cannot be read ({one_line(error)}); delete the file") from None
    train, test = read()
    with suppress(SnncError):  # a folder that cannot be written to only costs the time of reading again
        write_atomically(path, frames_file(train, test))
    return train, test
