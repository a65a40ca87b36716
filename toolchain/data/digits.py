"""Handwritten digits of 8 x 8 pixels that come with the package, as images and as events.

digits.npz holds the test part (1,797 images) of "Optical Recognition of Handwritten Digits", E. Alpaydin and C. Kaynak, UCI
Machine Learning Repository, 1998, https://doi.org/10.24432/C50P49, licensed CC BY 4.0: the copy that scikit-learn ships
(`sklearn.datasets.load_digits`), pixels 0..16, split 70/30 with scikit-learn's
`train_test_split(test_size=0.3, random_state=0, stratify=labels)`.
"""

from pathlib import Path

import numpy as np

from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.saccades import saccades
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input

FILE = Path(__file__).with_name("digits.npz")


def digits(timesteps: int, image_size: int) -> Dataset:
    """Return 1,257 training and 540 test images `(N, 1, 8, 8)` of 0..16.

    The zero point is 5, the rounded mean pixel, so that zero padding looks like an average pixel. Raises DataError for another
    size.
    """
    _only_size(8, image_size, "digits")
    with np.load(FILE, allow_pickle=False) as stored:
        train, test = (Split(stored[part], stored[f"{part}_labels"].astype(np.int64)) for part in ("train", "test"))
    names = tuple(str(digit) for digit in range(10))
    return Dataset("digits", train, test, names, Input((1, 8, 8), minimum=-5, maximum=11, zero_point=5))


def digits_events(timesteps: int, image_size: int) -> Dataset:
    """Return the digits as events `(T, N, 2, 16, 16)` of two polarities from saccades over T steps (saccades.py)."""
    _only_size(16, image_size, "digits-events")
    still = digits(timesteps, 0)
    train, test = (Split(saccades(split.samples, timesteps), split.labels) for split in (still.train, still.test))
    return Dataset("digits-events", train, test, still.labels, Input((2, 16, 16), minimum=0, maximum=1))


def _only_size(size: int, wanted: int, name: str) -> None:
    if wanted not in (0, size):
        raise DataError(f"dataset {name!r} has {size} x {size} pixels; leave image_size out, it was {wanted}")
