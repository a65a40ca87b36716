"""Images through Hugging Face `datasets`: MNIST, Fashion-MNIST, CIFAR, any folder of images, any labeled images of the hub.

Pixels stay bytes; the chip is fed pixel minus zero point, the rounded mean pixel, so that padding looks average.
"""

import logging
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.errors import DataError, install_command, one_line
from snnc.toolchain.network.network import Input

HUB = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
}
TEST_SPLITS = ("test", "validation", "valid")
BATCH = 1000  # images decoded at once
MOST_CLASSES = 1000


def load_images(name: str, folder: Path, image_size: int = 0) -> Dataset:
    """Load images by a row of HUB, a folder, or a name of the hub; `folder`, if it is there, holds the files instead.

    A folder holds the hub's parquet files, or images as train/CLASS/*.png and test/CLASS/*.png. Raises DataError.
    """
    try:
        import datasets
    except ImportError:
        raise DataError(f"dataset {name!r} needs Hugging Face datasets; {install_command('vision')}") from None
    local = next((str(path) for path in (folder, Path(name)) if path.is_dir()), None)
    source = local or HUB.get(name, name)
    try:
        datasets.disable_progress_bars()
        for library in ("datasets", "huggingface_hub"):  # retries are announced line by line
            logging.getLogger(library).setLevel(logging.ERROR)
        parts = datasets.load_dataset(source)
    except Exception as error:  # noqa: BLE001 - whatever the library, the network or the files do wrong
        reason = one_line(error, 200)
        remedy = (
            "check its files"
            if local
            else f"connect to the network, or put its files (parquet, or train/CLASS/*.png) into {folder}"
        )
        raise DataError(f"dataset {name!r} cannot be loaded from {source} ({reason}); {remedy}") from None
    return _dataset(name, parts, image_size)


def _dataset(name: str, parts: Any, image_size: int) -> Dataset:
    test_name = next((split for split in TEST_SPLITS if split in parts), None)
    if "train" not in parts or test_name is None:
        raise DataError(
            f"dataset {name!r} has the splits {', '.join(parts)}; it needs 'train' and one of {', '.join(TEST_SPLITS)}"
        )
    image, label = _columns(name, parts["train"].features)
    names = tuple(map(str, parts["train"].features[label].names))
    train, test = (_split(name, parts[part], image, label, image_size) for part in ("train", test_name))
    if train.samples.shape[1] != test.samples.shape[1]:  # gray images only in one of them
        train, test = (replace(part, samples=_colored(part.samples)) for part in (train, test))
    zero_point = round(float(train.samples.mean(dtype=np.float64)))
    shape = tuple(int(side) for side in train.samples.shape[1:])
    return Dataset(name, train, test, names, Input(shape, -zero_point, 255 - zero_point, zero_point=zero_point))


def _columns(name: str, features: Any) -> tuple[str, str]:
    """Return the columns of images and of labels; of several kinds of labels the one with the most classes."""
    images = [column for column, kind in features.items() if type(kind).__name__ == "Image"]
    labels = [column for column, kind in features.items() if type(kind).__name__ == "ClassLabel"]
    if not images or not labels:
        raise DataError(f"dataset {name!r} has the columns {', '.join(features)}; it needs one of images and one of labels")
    label = max(labels, key=lambda column: int(features[column].num_classes))
    if not 2 <= features[label].num_classes <= MOST_CLASSES:
        raise DataError(f"dataset {name!r} has {features[label].num_classes} classes; allowed are 2 to {MOST_CLASSES}")
    return images[0], label


def _split(name: str, part: Any, image: str, label: str, image_size: int) -> Split:
    from PIL.Image import DecompressionBombError, DecompressionBombWarning

    arrays: list[NDArray[np.uint8]] = []
    faults = (OSError, ValueError, TypeError, SyntaxError, DecompressionBombError, DecompressionBombWarning)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DecompressionBombWarning)  # pictures that unpack to hundreds of megabytes
            for start in range(0, len(part), BATCH):
                arrays += [_pixels(picture, image_size) for picture in part[start : start + BATCH][image]]
        labels = np.array(part[label][:], np.int64)
    except faults as error:  # what Pillow raises for damaged images
        raise DataError(
            f"dataset {name!r}: image {len(arrays)} or a later one is unreadable ({one_line(error)}); check its files"
        ) from None
    if len({len(array) for array in arrays}) > 1:
        arrays = [_colored(array) for array in arrays]
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1:
        found = ", ".join(map(str, sorted(shapes)[:3])) or "none"
        raise DataError(f"dataset {name!r} has images of {len(shapes)} shapes ({found}); set image_size, such as 32")
    if labels.min() < 0:
        raise DataError(f"dataset {name!r} has samples without a label; choose a split whose labels are public")
    return Split(np.stack(arrays), labels)


def _pixels(picture: Any, image_size: int) -> NDArray[np.uint8]:
    """Return `(C, H, W)` bytes, one channel for gray images and three for all others; 16 bits lose the lower eight."""
    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    elif picture.mode == "F":
        raise ValueError("its pixels are real numbers; store bytes")
    else:
        picture = picture.convert("L" if picture.mode in ("L", "LA", "1") else "RGB")
    if image_size:
        picture = picture.resize((image_size, image_size))
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _colored(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return `(..., 3, H, W)` from gray or colored pixels."""
    return pixels.repeat(3, axis=-3) if pixels.shape[-3] == 1 else pixels
