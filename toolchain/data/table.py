"""The datasets, by name; add a row to DATASETS to add one. Others: image folders, and datasets of the Hugging Face hub.

Files that cannot be downloaded are looked for in `data/NAME`, or `$SNNC_DATA/NAME`.
"""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.digits import digits, digits_events
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
    **{name: partial(of_hub, name) for name in ("mnist", "fashion-mnist", "cifar10", "cifar100", "imagenet")},
    **{name: partial(of_events, name) for name in ("cifar10-dvs", "nmnist", "dvs-gesture")},
}


def load_dataset(name: str, timesteps: int = 5, image_size: int = 0) -> Dataset:
    """Load a dataset by its row of DATASETS, a folder of images, or a name of the hub such as `user/dataset`.

    Args:
        name: a row of DATASETS, a folder, or a name of the hub.
        timesteps: the number of frames that events fall into.
        image_size: pixels a side that frames, and the middle square of images, are scaled to; 0 leaves them as they are.

    Raises:
        DataError: for an unknown name, or data that cannot be read.

    Example:
        >>> import snnc
        >>> snnc.load_dataset("digits").test.samples.shape
        (540, 1, 8, 8)
        >>> snnc.load_dataset("digits-events", timesteps=3).test.samples.shape  # time comes first
        (3, 540, 2, 16, 16)
    """
    if name in DATASETS:
        return DATASETS[name](timesteps, image_size)
    if os.path.isdir(name) or "/" in name:
        return of_hub(name, timesteps, image_size)
    raise DataError(
        f"dataset {name!r} is unknown; allowed are {', '.join(DATASETS)}, an existing folder of images, "
        "and USER/NAME of the Hugging Face hub"
    )


def load_fitting(name: str, input: Input, timesteps: int) -> Dataset:
    """Load a dataset scaled to the size that a network takes; errors as those of load_dataset."""
    scaled = name not in EMBEDDED and len(input.shape) == 3
    return load_dataset(name, timesteps, input.shape[-1] if scaled else 0)


def data_folder() -> Path:
    """Return where files are looked for that are not downloaded: `$SNNC_DATA`, or `data` in the working folder."""
    return Path(os.environ.get("SNNC_DATA") or "data")
