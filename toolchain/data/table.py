"""The datasets, by name; add a row to DATASETS to add one. Others: files of arrays, image folders, datasets of the hub.

Files that cannot be downloaded are looked for in `data/NAME`, or `$SNNC_DATA/NAME`.
"""

import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from snnc.toolchain.data.data_file import load_file
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.digits import digits, digits_events
from snnc.toolchain.data.mnist_5k import mnist_5k, mnist_5k_events
from snnc.toolchain.data.named import HUB, Named, Stated, check_there, named
from snnc.toolchain.data.recordings import is_recordings, load_recordings
from snnc.toolchain.data.stratified import stratified
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input


def of_hub(name: str, timesteps: int, image_size: int) -> Dataset:
    """Return images of the hub, or of a folder (data/images.py)."""
    from snnc.toolchain.data.images import load_images

    return load_images(name, data_folder() / name, image_size)


def of_events(name: str, timesteps: int, image_size: int) -> Dataset:
    """Return event recordings as T frames of 0 and 1 (data/events.py)."""
    from snnc.toolchain.data.events import load_events

    return load_events(name, data_folder(), timesteps, image_size)


EMBEDDED = {"digits", "digits-events"}  # these have one size

DATASETS: dict[str, Callable[[int, int], Dataset]] = {
    "digits": digits,
    "digits-events": digits_events,
    "mnist-5k": mnist_5k,
    "mnist-5k-events": mnist_5k_events,
    **{name: partial(of_hub, name) for name in ("mnist", "fashion-mnist", "cifar10", "cifar100", "imagenet")},
    **{name: partial(of_events, name) for name in ("cifar10-dvs", "nmnist", "dvs-gesture")},
}


ORDER = 5  # of the random order that decides which samples `NAME:COUNT` trains on: one for all


def load_dataset(name: str, timesteps: int = 5, image_size: int = 0) -> Dataset:
    """Load a dataset by its row of DATASETS, a file of arrays, a folder of images or recordings, or a name of the hub.

    Args:
        name: a row of DATASETS, a file (.npz, .npy, .h5), a folder, or a name of the hub. `ROW:COUNT` trains on so many samples
            of a row, always the same ones, each class with its share of them; the test split stays whole.
            `own.npz:test=0.3,seed=1,low=0,high=1` states the split of a file, and what of its floats become 0 and 255.
        timesteps: the number of frames that events fall into.
        image_size: pixels a side that frames, and the middle square of images, are scaled to; 0 leaves them as they are.

    Raises:
        DataError: for an unknown name, a count that there is not, or data that cannot be read.

    Example:
        >>> import snnc
        >>> snnc.load_dataset("digits").test.samples.shape
        (540, 1, 8, 8)
        >>> snnc.load_dataset("digits-events", timesteps=3).test.samples.shape  # time comes first
        (3, 540, 2, 16, 16)
        >>> len(snnc.load_dataset("digits:100").train)
        100
    """
    row, count = row_of(name)
    if row:
        dataset = DATASETS[row](timesteps, image_size)
        return _reduced(dataset, name, count) if count else dataset
    place = named(name)
    if place.is_file and not os.path.isdir(place.place):
        return load_file(place, timesteps, image_size)
    if os.path.isdir(place.place):
        return _of_folder(place, timesteps, image_size)
    check_there(name)
    if HUB.fullmatch(name):
        return of_hub(name, timesteps, image_size)
    raise DataError(
        f"dataset {name!r} is unknown; allowed are {', '.join(DATASETS)}, each also as NAME:COUNT, a file of arrays "
        "(.npz, .npy, .h5), an existing folder of images or recordings, and USER/NAME of the Hugging Face hub"
    )


def _of_folder(place: Named, timesteps: int, image_size: int) -> Dataset:
    if is_recordings(place.path):
        return load_recordings(place, frames_folder(), timesteps, image_size)
    if place.stated != Stated():
        raise DataError(f"data {place}: a folder of images has its splits in train/ and test/; leave {place.stated} out")
    return of_hub(place.place, timesteps, image_size)


def row_of(name: str) -> tuple[str, str]:
    """Return the row of DATASETS that a name means, and what follows its colon; empty if it means none."""
    if name in DATASETS:
        return name, ""
    row, colon, count = name.rpartition(":")
    return (row, count) if colon and count and row in DATASETS else ("", "")


def _reduced(dataset: Dataset, name: str, count: str) -> Dataset:
    most, least = len(dataset.train), len(dataset.labels)
    if not (count.isascii() and count.isdecimal() and len(count) < 10 and least <= int(count) <= most):
        raise DataError(f"dataset {name!r} cannot train on {count!r} samples; allowed are {least} to {most}")
    chosen = stratified(dataset.train.labels, int(count), ORDER)
    return replace(dataset, name=name, train=dataset.train.subset(chosen))


def load_fitting(name: str, input: Input, timesteps: int) -> Dataset:
    """Load a dataset scaled to the size that a network takes, if that is square; errors as those of load_dataset."""
    scaled = row_of(name)[0] not in EMBEDDED and not named(name).is_file and len(input.shape) == 3
    square = scaled and input.shape[-2] == input.shape[-1]
    return load_dataset(name, timesteps, input.shape[-1] if square else 0)


def data_folder() -> Path:
    """Return where files are looked for that are not downloaded: `$SNNC_DATA`, or `data` in the working folder."""
    return Path(os.environ.get("SNNC_DATA") or "data")


def frames_folder() -> Path | None:
    """Return where frames of recordings are kept: `$SNNC_FRAMES`, or `.frames` in the data folder; None if that is `off`."""
    if (stated := os.environ.get("SNNC_FRAMES")) == "off":
        return None
    return Path(stated) if stated else data_folder() / ".frames"  # hidden: a data folder may itself be one of recordings
