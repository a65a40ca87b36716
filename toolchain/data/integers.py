"""How samples become integers: those of a file stay as they are, floats become bytes between two stated ends."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError

LEVELS = 255  # floats become 0..255, as pixels are
RANGE_MOST = 2**16  # values of integers: what a graded spike of 16 bits holds
CHUNK_BYTES = 2**24  # of samples that are looked at together


@dataclass(frozen=True)
class Spread:
    """The least, the largest and the mean value of some samples."""

    low: float
    high: float
    mean: float


@dataclass(frozen=True)
class Quantizer:
    """What makes integers of type `kind` of raw samples: as they are, or floats as bytes between `low` and `high`."""

    kind: np.dtype[Any]
    low: float | None = None
    high: float | None = None

    def __call__(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return integers of the same shape; floats beyond the ends become the ends'."""
        if self.low is None or self.high is None:
            return raw.astype(self.kind, copy=False)
        share = (raw.astype(np.float64) - self.low) / (self.high - self.low)
        return np.rint(np.clip(share, 0, 1) * LEVELS).astype(self.kind)

    def level(self, value: float) -> float:
        """Return what a value of floats becomes before it is rounded; integers are what they are."""
        if self.low is None or self.high is None:
            return value
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0) * LEVELS


def chunks(samples: NDArray[Any]) -> Iterator[slice]:
    """Yield slices of samples `(N, ...)` that take little memory each."""
    rows = max(1, CHUNK_BYTES // max(1, samples[:1].nbytes))
    return (slice(start, start + rows) for start in range(0, len(samples), rows))


def spread(where: str, samples: NDArray[Any]) -> Spread:
    """Measure samples, those on disk part by part. Raises DataError for values that are not finite."""
    lows, highs, total = [], [], 0.0
    for part in chunks(samples):
        values = np.asarray(samples[part])
        lows.append(values.min())
        highs.append(values.max())
        total += float(values.sum(dtype=np.float64))
        if values.dtype.kind == "f" and not np.isfinite([lows[-1], highs[-1], total]).all():
            raise DataError(f"{where}: its samples hold values that are not finite; replace them")
    return Spread(float(min(lows)), float(max(highs)), total / samples.size)


def smallest_kind(where: str, low: int, high: int) -> np.dtype[Any]:
    """Return the smallest type of whole numbers that holds a range. Raises DataError for one beyond 16 bits."""
    if high - low >= RANGE_MOST or max(abs(low), abs(high)) >= RANGE_MOST:
        raise DataError(f"{where}: its samples hold {low}..{high}; allowed are ranges of 16 bits: divide them, or store floats")
    kinds = (np.uint8, np.int16, np.int32)
    return next(np.dtype(kind) for kind in kinds if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
