"""Frames of a folder of recordings: made once, kept in a file of a bit for each pixel, and read from there batch by batch.

A file is found by what recordings they are (names, sizes, times of change, and their places on the disk, which a folder that
is moved keeps and a copy does not) and by how they were binned. It has a seal: one that is damaged, or somebody else's, is made
anew.
"""

import json
import logging
import mmap
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.atomic_file import claimed, replacing
from snnc.toolchain.data.event_files import SIDE_MOST, Events, extent, read_recordings
from snnc.toolchain.data.events import binned
from snnc.toolchain.data.streamed import OnDisk
from snnc.toolchain.errors import DataError, SnncError, one_line
from snnc.toolchain.seal import LENGTH, Seal, Sealing, seal_of_file

FORMAT = b"snnc frames 1\n"  # another number once `binned` or this file make other frames of the same recordings
HEAD = 4096  # bytes in front of the frames
SUFFIX = ".frames"
MOST_BYTES = 2**31  # of the bits of all frames, where they are not kept on disk
SECONDS = 10.0  # between two messages of how far the reading is
Shape = tuple[int, int, int, int]
LOG = logging.getLogger(__name__)  # the command line shows it


@dataclass(frozen=True)
class Binning:
    """What decides about frames besides the events; `image_size` 0 gives frames the sides of the sensor."""

    timesteps: int
    image_size: int
    bins: str


@dataclass(frozen=True, eq=False)
class Frames(OnDisk):
    """Frames of 0 and 1, `(T, N, 2, H, W)`: rows of bits, mapped or in memory, that become bytes when they are indexed."""

    dtype: ClassVar[np.dtype[np.uint8]] = np.dtype(np.uint8)
    read_ahead: ClassVar[bool] = False  # nothing to decode: a thread would only wait for the other one

    bits: NDArray[np.uint8]
    sample_shape: Shape
    chosen: NDArray[np.int64]
    timed: bool = True

    def min(self) -> int:
        """Return the least value that a bit can hold."""
        return 0

    def max(self) -> int:
        """Return the largest value that a bit can hold."""
        return 1

    def select(self, which: slice | NDArray[Any]) -> "Frames":
        """Return some of the samples, which stay where they are."""
        return replace(self, chosen=self.chosen[which])

    def read(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read samples by their places in the file."""
        rows = np.asarray(self.bits[places])
        if isinstance(self.bits, np.memmap) and hasattr(mmap, "MADV_DONTNEED"):
            self.bits._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[attr-defined]  # the system may keep it, not this process
        return np.unpackbits(rows, axis=1, count=prod(self.sample_shape)).reshape(len(places), *self.sample_shape)


def load_frames(source: Path, files: list[Path], binning: Binning, folder: Path | None) -> Frames:
    """Return the frames of all `files`, recordings in the folder `source`; they are kept in `folder`, or in memory if None.

    Raises DataError, naming the file, for a recording that cannot be read, and for frames that neither fit the disk nor memory.
    """
    if folder is None:
        return _in_memory(files, binning, "their frames are not kept on disk")
    here = _digest(json.dumps([str(source.resolve()), binning.timesteps, binning.bins]).encode())
    path = folder / f"{here}-{_key(source, files, binning)}-{binning.image_size}{SUFFIX}"
    if found := _found(path, len(files), binning):
        return found
    try:
        with claimed(path, wait=True):  # of several that need the same frames, one makes them
            if found := _found(path, len(files), binning):
                return found
            made = _make(path, files, binning)
    except DataError:
        raise
    except SnncError as error:
        return _in_memory(files, binning, f"their frames cannot be kept: {error}")
    _forget(path)
    return made


def _key(source: Path, files: list[Path], binning: Binning) -> str:
    """Return what recordings and their binning have in common with no others; the size of frames is told by the file."""
    listed: list[Any] = [FORMAT.decode(), binning.timesteps, binning.bins]
    for path in files:
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"recording {path}: cannot be read ({one_line(error)}); name files that are there") from None
        same = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_dev, status.st_ino)
        listed.append([*path.parts[len(source.parts) :], *same])
    return _digest(json.dumps(listed).encode())


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:16]


def _found(path: Path, count: int, binning: Binning) -> Frames | None:
    """Return frames that are kept, for this folder or for where it was before, or for a sensor of just this size."""
    _, key, _ = path.stem.split("-")
    for size in dict.fromkeys((binning.image_size, 0)):
        own = path.with_stem(f"{path.stem.rpartition('-')[0]}-{size}")
        for each in dict.fromkeys((own, *sorted(path.parent.glob(f"*-{key}-{size}{SUFFIX}")))):
            if frames := _opened(each, count, binning):
                if each != own:
                    with suppress(OSError):
                        os.replace(each, own)  # so that they are forgotten when this folder changes
                return frames
    return None


def _opened(path: Path, count: int, binning: Binning) -> Frames | None:
    """Return the frames in a file, or None if it is not there, damaged, or holds others."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as file:
            if seal_of_file(file) is not Seal.FITS:
                return None
            head, size = file.read(HEAD), os.fstat(file.fileno()).st_size
        key, height, width = json.loads(head.removeprefix(FORMAT))
        shape = (binning.timesteps, 2, height, width)
        allowed = {binning.image_size} if binning.image_size else range(1, SIDE_MOST + 1)
        row = -(-prod(shape) // 8)
        fits = head.startswith(FORMAT) and key == path.stem.split("-")[1] and {height, width} <= set(allowed)
        if not fits or size != HEAD + count * row + LENGTH:
            return None
        bits = np.memmap(path, np.uint8, "r", HEAD, (count, row))
    except (OSError, ValueError, TypeError):
        return None
    return Frames(bits, shape, np.arange(count))


def _make(path: Path, files: list[Path], binning: Binning) -> Frames:
    """Write the frames of recordings into a file, one after the other."""
    LOG.info("reading %s recordings into %s, once", f"{len(files):,}", path.parent)
    sensor, shape = _measured(files, binning)
    size = len(files) * -(-prod(shape) // 8)
    if size > (free := shutil.disk_usage(path.parent).free):
        raise SnncError(f"they take {size:,} bytes, of which {path.parent} has {free:,}")
    with replacing(path) as file:
        sealing = Sealing(file)
        sealing.write((FORMAT + json.dumps([path.stem.split("-")[1], *shape[2:]]).encode()).ljust(HEAD - 1) + b"\n")
        for row in _rows(files, binning, sensor, shape):
            sealing.write(row.tobytes())
        sealing.finish()
    if made := _opened(path, len(files), binning):
        return made
    raise SnncError(f"{path} does not hold what was written into it")


def _forget(path: Path) -> None:
    """Remove the frames that recordings of the same folder had before they changed."""
    here, key, _ = path.stem.split("-")
    for other in path.parent.glob(f"{here}-*{SUFFIX}"):
        if other.stem.split("-")[1] != key:
            with suppress(OSError):
                other.unlink()


def _in_memory(files: list[Path], binning: Binning, why: str) -> Frames:
    LOG.info("reading %s recordings, as every start will: %s", f"{len(files):,}", why)
    sensor, shape = _measured(files, binning)
    bits = -(-prod(shape) // 8)
    if len(files) * bits > MOST_BYTES:
        raise DataError(
            f"{len(files)} recordings as frames {shape} take {len(files) * bits:,} bytes, memory has {MOST_BYTES:,}, "
            f"and {why}; set image_size, such as 32, or name a folder with enough space in SNNC_FRAMES"
        )
    kept = np.empty((len(files), bits), np.uint8)
    for number, row in enumerate(_rows(files, binning, sensor, shape)):
        kept[number] = row
    return Frames(kept, shape, np.arange(len(files)))


def _measured(files: list[Path], binning: Binning) -> tuple[tuple[int, int], Shape]:
    """Return width and height of the sensor, as far as any event lies, and the shape of frames."""
    width = height = 1
    for path, events in _read(files, "measured"):
        across, down = extent(path, events)
        width, height = max(width, across), max(height, down)
    side = binning.image_size
    return (width, height), (binning.timesteps, 2, side or height, side or width)


def _rows(files: list[Path], binning: Binning, sensor: tuple[int, int], shape: Shape) -> Iterator[NDArray[np.uint8]]:
    """Yield the frames of each recording as a row of bits."""
    for path, events in _read(files, "binned"):
        across, down = extent(path, events)
        if across > sensor[0] or down > sensor[1]:
            raise DataError(f"recording {path}: it was changed while it was read; start again")
        yield np.packbits(binned(events, sensor, shape, binning.bins))


def _read(files: list[Path], done: str) -> Iterator[tuple[Path, Events]]:
    """Read recordings as `read_recordings` does, and tell now and then how many of them are `done`."""
    told = time.monotonic()
    for number, each in enumerate(read_recordings(files)):
        if (now := time.monotonic()) - told >= SECONDS:
            told = now
            LOG.info("%s of %s recordings %s", f"{number:,}", f"{len(files):,}", done)
        yield each
