"""Samples that stay on disk: an array in all but its place, of which only what is asked for is read and decoded."""

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError, one_line

CHUNK = 256  # encoded pictures in memory at once
THREADS = min(16, os.cpu_count() or 1)  # decoding leaves Python's lock, so threads share the work


class OnDisk(ABC):
    """Samples that are read whenever they are indexed, by a slice, a mask or indices, as a NumPy array is.

    `chosen` are the samples' places on the disk. If they are timed, they look like an array with time first, `(T, N, ...)`.
    """

    chosen: NDArray[np.int64]
    sample_shape: tuple[int, ...]  # time included
    timed: bool = False
    read_ahead: ClassVar[bool] = True  # whether another thread reads the next batch: worth it where samples are decoded

    @abstractmethod
    def read(self, places: NDArray[np.int64]) -> NDArray[Any]:
        """Read samples by their places on the disk, `(B, *sample_shape)`."""

    @abstractmethod
    def select(self, which: slice | NDArray[Any]) -> "OnDisk":
        """Return some of the samples, which stay on disk."""

    def __len__(self) -> int:
        """The length of the first axis."""
        return self.shape[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array that indexing with `[:]` would return."""
        count, shape = len(self.chosen), self.sample_shape
        return (shape[0], count, *shape[1:]) if self.timed else (count, *shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of values."""
        return int(np.prod(self.shape))

    def taken(self, which: int | slice | NDArray[Any]) -> NDArray[Any]:
        """Read some samples, sample by sample `(B, *sample_shape)`, or one."""
        places: NDArray[np.int64] = np.asarray(self.chosen[which])
        if places.ndim == 0:
            one: NDArray[Any] = self.read(places[None])[0]
            return one
        return self.read(places)

    def __getitem__(self, which: int | slice | NDArray[Any]) -> NDArray[Any]:
        """Read some samples, time first if they are timed; or one."""
        read = self.taken(which)
        return read.swapaxes(0, 1) if self.timed and read.ndim == len(self.sample_shape) + 1 else read


@dataclass(frozen=True, eq=False)
class Streamed(OnDisk):
    """Bytes `(N, C, H, W)` that are decoded whenever they are indexed, by a slice, a mask or indices, as a NumPy array is.

    `encoded(indices)` reads samples as they lie on the disk, `decode` makes `(C, H, W)` of one and raises one of `faults` for
    a damaged one; `chosen` are the samples' places on the disk. Raises DataError, which names the place, when one is read.
    """

    name: str
    encoded: Callable[[list[int]], list[Any]]
    decode: Callable[[Any], NDArray[np.uint8]]
    faults: tuple[type[Exception], ...]
    sample_shape: tuple[int, ...]
    chosen: NDArray[np.int64]

    dtype: ClassVar[np.dtype[np.uint8]] = np.dtype(np.uint8)

    def min(self) -> int:
        """Return the least value that a byte can hold: what the samples hold would take reading all of them."""
        return 0

    def max(self) -> int:
        """Return the largest value that a byte can hold."""
        return 255

    def select(self, which: slice | NDArray[Any]) -> "Streamed":
        """Return some of the samples, which stay on disk."""
        return replace(self, chosen=self.chosen[which])

    def read(self, places: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Read and decode samples by their places on the disk."""
        samples = np.empty((len(places), *self.sample_shape), np.uint8)
        with ThreadPoolExecutor(THREADS) as pool:
            for start in range(0, len(places), CHUNK):
                part = places[start : start + CHUNK].tolist()
                for number, pixels in enumerate(pool.map(self._one, part, self.encoded(part)), start):
                    samples[number] = pixels
        return samples

    def _one(self, place: int, row: Any) -> NDArray[np.uint8]:
        try:
            pixels = self.decode(row)
        except self.faults as error:
            reason = one_line(error)
            raise DataError(f"dataset {self.name!r}: image {place} is unreadable ({reason}); check its files") from None
        if pixels.shape[0] < self.sample_shape[0]:  # a gray one among colored ones
            pixels = pixels.repeat(self.sample_shape[0], axis=0)
        if pixels.shape != self.sample_shape:
            raise DataError(
                f"dataset {self.name!r}: image {place} has shape {pixels.shape}, others have {self.sample_shape}; "
                "set image_size, such as 32, and store all images in gray or all in colors"
            )
        return pixels
