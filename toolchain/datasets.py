"""The datasets, by name, as integers: raw pixels or events, labels, and how the chip's input is made from them."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError
from snnc.toolchain.network import Input
from snnc.toolchain.saccades import saccades


@dataclass(frozen=True, eq=False)
class Split:
    """Samples `(N, C, H, W)` of raw integers, or events `(N, T, C, H, W)`, with labels `(N,)`."""

    samples: NDArray[np.int16]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.labels)

    def first(self, count: int | None) -> "Split":
        """Return the first `count` samples, or all. Raises DataError if there are fewer."""
        if count is not None and not 1 <= count <= len(self):
            raise DataError(f"{count} samples were asked for; allowed are 1 to {len(self)}")
        return Split(self.samples[:count], self.labels[:count])


@dataclass(frozen=True, eq=False)
class Dataset:
    """A training and a test split, the class names, and the chip's input: raw value minus `input.zero_point`."""

    name: str
    train: Split
    test: Split
    labels: tuple[str, ...]
    input: Input


def digits(timesteps: int) -> Dataset:
    """Return scikit-learn's 1,797 handwritten digits of 8 x 8 pixels 0..16, split 70/30, stratified and fixed.

    The zero point is 5, the rounded mean pixel, so that zero padding looks like an average pixel.
    """
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    images, labels = load_digits(return_X_y=True)
    samples = images.reshape(-1, 1, 8, 8).astype(np.int16)
    parts = train_test_split(samples, labels.astype(np.int64), test_size=0.3, random_state=0, stratify=labels)
    train, test = Split(parts[0], parts[2]), Split(parts[1], parts[3])
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", train, test, names, Input((1, 8, 8), minimum=-5, maximum=11, zero_point=5))


def digits_events(timesteps: int) -> Dataset:
    """Return the digits as events of two polarities, 16 x 16 pixels, from saccades over T steps (saccades.py)."""
    still = digits(timesteps)
    train, test = (Split(saccades(split.samples, timesteps), split.labels) for split in (still.train, still.test))
    return Dataset("digits-events", train, test, still.labels, Input((2, 16, 16), minimum=0, maximum=1))


DATASETS: dict[str, Callable[[int], Dataset]] = {"digits": digits, "digits-events": digits_events}


def load_dataset(name: str, timesteps: int = 5) -> Dataset:
    """Load a dataset by its row of DATASETS; events fall into `timesteps` frames. Raises DataError for an unknown name."""
    if name not in DATASETS:
        raise DataError(f"dataset {name!r} is unknown; allowed are {', '.join(DATASETS)}")
    return DATASETS[name](timesteps)


def chip_input(split: Split, input: Input) -> NDArray[np.int64]:
    """Return the samples as the integers the chip is fed, `raw - zero_point`: `(N, ...)`, or `(N, T, ...)` of events.

    Raises DataError if their shape or range is not the one that the network was made for.
    """
    values = split.samples.astype(np.int64) - input.zero_point
    if input.shape not in (values.shape[1:], values.shape[2:]):
        raise DataError(
            f"samples have shape {values.shape[1:]}, the network takes {input.shape}; choose the data it was trained on"
        )
    if values.size and not input.minimum <= values.min() <= values.max() <= input.maximum:
        raise DataError(
            f"samples hold {values.min()}..{values.max()} after the zero point {input.zero_point}, "
            f"the network takes {input.minimum}..{input.maximum}"
        )
    return values
