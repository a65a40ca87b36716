"""What a dataset is: raw pixels or events as integers, labels, and how the chip's input is made from them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.streamed import OnDisk
from snnc.toolchain.errors import DataError, unstorable
from snnc.toolchain.network.network import Input


@dataclass(frozen=True, eq=False)
class Split:
    """Samples of raw integers `(N, ...)`, or of events, time first, `(T, N, ...)`, with labels `(N,)`.

    One sample is `(C, H, W)` or `(features,)`. Samples that do not fit into memory stay on disk (`OnDisk`), and indexing
    reads some of them into an array.
    """

    samples: Any  # NDArray[np.integer], or OnDisk, which is indexed alike
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.labels)

    @property
    def timed(self) -> bool:
        """Whether samples have a frame for each time step."""
        return bool(self.samples.ndim in (3, 5))

    def first(self, count: int | None) -> "Split":
        """Return the first `count` samples, or all. Raises DataError if there are fewer."""
        if count is not None and not 1 <= count <= len(self):
            raise DataError(f"{count} samples were asked for; allowed are 1 to {len(self)}")
        return self.subset(slice(count))

    def subset(self, which: slice | NDArray[Any]) -> "Split":
        """Return the samples that a slice, mask or array of indices chooses; those on disk stay there."""
        if isinstance(self.samples, OnDisk):
            return Split(self.samples.select(which), self.labels[which])
        return Split(self.samples[:, which] if self.timed else self.samples[which], self.labels[which])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split, the class names, and the chip's input: raw value minus `input.zero_point`."""

    name: str
    train: Split
    test: Split
    labels: tuple[str, ...]
    input: Input

    def __post_init__(self) -> None:
        """Raise DataError for the name of a class that no file can hold, before anything is trained."""
        if odd := unstorable(self.labels):
            raise DataError(f"data {self.name}: no file can hold the class name {odd!r}; rename its folder or label")


def check_samples(split: Split, input: Input) -> None:
    """Raise DataError if the shape or the range of samples is not the one that a network takes."""
    shape = split.samples.shape[2 if split.timed else 1 :]
    if shape != input.shape:
        raise DataError(f"samples have shape {shape}, the network takes {input.shape}; choose the data it was trained on")
    if split.samples.size:
        low, high = int(split.samples.min()) - input.zero_point, int(split.samples.max()) - input.zero_point
        if not input.minimum <= low <= high <= input.maximum:
            raise DataError(
                f"samples hold {low}..{high} after the zero point {input.zero_point}, "
                f"the network takes {input.minimum}..{input.maximum}"
            )


def chip_input(split: Split, input: Input) -> NDArray[np.int64]:
    """Return the samples as the integers the chip is fed, `raw - zero_point`: `(N, ...)`, or `(T, N, ...)` of events.

    Samples on disk are read, all of them: take a `subset` before.

    Raises:
        DataError: if their shape or range is not the one that the network was made for.

    Example:
        >>> import snnc
        >>> data = snnc.load_dataset("digits")
        >>> values = snnc.chip_input(data.test, data.input)
        >>> int(values.min()), int(values.max())
        (-5, 11)
    """
    check_samples(split, input)
    values: NDArray[np.int64] = split.samples[:].astype(np.int64) - input.zero_point
    return values
