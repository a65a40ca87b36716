"""Images through Hugging Face `datasets`: MNIST, Fashion-MNIST, CIFAR, any folder of images, any labeled images of the hub.

Pixels stay bytes; the chip is fed pixel minus zero point, the rounded mean pixel, so that padding looks average. What would
be large in memory stays on disk, encoded, and is decoded batch by batch (data/streamed.py).
"""

import logging
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.streamed import Streamed
from snnc.toolchain.errors import DataError, install_command, one_line
from snnc.toolchain.network.network import Input

HUB = {
    "mnist": "ylecun/mnist",
    "fashion-mnist": "zalando-datasets/fashion_mnist",
    "cifar10": "uoft-cs/cifar10",
    "cifar100": "uoft-cs/cifar100",
    "imagenet": "ILSVRC/imagenet-1k",
}
TEST_SPLITS = ("test", "validation", "valid")
BATCH = 1000  # images decoded at once
MOST_CLASSES = 1000
MOST_IN_MEMORY = 2**31  # bytes of both splits, decoded; larger ones are streamed
MEASURED = 256  # images of a streamed split, evenly spread, that say what its mean pixel is and whether there are colors


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
    if "train" not in parts or not any(split in parts for split in TEST_SPLITS):
        raise DataError(
            f"dataset {name!r} has the splits {', '.join(parts)}; it needs 'train' and one of {', '.join(TEST_SPLITS)}"
        )
    image, label = _columns(name, parts["train"].features)
    names = tuple(map(str, parts["train"].features[label].names))
    chosen = [parts["train"], parts[_test_split(parts, label)]]
    if image not in chosen[1].column_names:
        raise DataError(
            f"dataset {name!r} has no column {image!r} of images in its test split; give both splits the same columns"
        )
    if _decoded_bytes(name, chosen, image, image_size) > MOST_IN_MEMORY:
        train, test, mean = _streamed(name, chosen, image, label, image_size)
    else:
        train, test = (_split(name, part, image, label, image_size) for part in chosen)
        if train.samples.shape[1] != test.samples.shape[1]:  # gray images only in one of them
            train, test = (replace(part, samples=_colored(part.samples)) for part in (train, test))
        mean = float(train.samples.mean(dtype=np.float64))
    zero_point = round(mean)
    shape = tuple(int(side) for side in train.samples.shape[1:])
    return Dataset(name, train, test, names, Input(shape, -zero_point, 255 - zero_point, zero_point=zero_point))


def _test_split(parts: Any, label: str) -> str:
    """Return the first split to test on whose labels are public, as those of ImageNet's own test split are not."""
    present = [split for split in TEST_SPLITS if split in parts]
    labeled = (split for split in present if label in parts[split].column_names)
    return next(
        (split for split in labeled if None not in (some := parts[split][label][:BATCH]) and min(some) >= 0), present[0]
    )


def _decoded_bytes(name: str, parts: list[Any], image: str, image_size: int) -> int:
    """Return what all images take in memory if they have the shape of the first one."""
    first = next(_some(name, parts[0], image, image_size, 1), np.empty(0))
    return sum(map(len, parts)) * first.size


def _streamed(name: str, parts: list[Any], image: str, label: str, image_size: int) -> tuple[Split, Split, float]:
    """Return both splits, which stay on disk, and the mean pixel of some training images."""
    means = []
    shapes: set[tuple[int, ...]] = set()
    for part in parts:
        found = [(pixels.shape, pixels.mean(dtype=np.float64)) for pixels in _some(name, part, image, image_size, MEASURED)]
        shapes |= {shape for shape, _ in found}
        means.append(float(np.mean([mean for _, mean in found])))
    if len({shape[0] for shape in shapes}) > 1:  # gray ones among colored ones
        shapes = {(3, *shape[1:]) for shape in shapes}
    channels, height, width = _one_shape(name, shapes)
    decode = partial(_decoded, image_size=image_size)
    samples = [
        Streamed(name, _encoded(part, image), decode, _faults(), (channels, height, width), np.arange(len(part)))
        for part in parts
    ]
    train, test = (Split(each, _labels(name, part, label)) for each, part in zip(samples, parts, strict=True))
    return train, test, means[0]


def _some(name: str, part: Any, image: str, image_size: int, count: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the pixels of so many images of a split, evenly spread. Raises DataError for an unreadable one."""
    encoded = _encoded(part, image)
    for place in np.unique(np.linspace(0, len(part) - 1, min(count, len(part)), dtype=np.int64)).tolist():
        try:
            yield _decoded(encoded([place])[0], image_size)
        except _faults() as error:
            raise DataError(
                f"dataset {name!r}: image {place} or a later one is unreadable ({one_line(error)}); check its files"
            ) from None


def _encoded(part: Any, image: str) -> Callable[[list[int]], list[Any]]:
    """Return a function that reads some images, by their indices, as files: `{"bytes": ..., "path": ...}`."""
    import datasets

    files = part.select_columns([image]).cast_column(image, datasets.Image(decode=False))
    return lambda indices: list(files[indices][image])


def _decoded(row: Any, image_size: int) -> NDArray[np.uint8]:
    """Return the pixels of an image as `datasets` opens it; what unpacks to hundreds of megabytes is a ValueError."""
    import datasets
    from PIL import Image

    picture = datasets.Image().decode_example(row)
    most = Image.MAX_IMAGE_PIXELS
    if most and picture.width * picture.height > most:
        raise ValueError(f"Image size ({picture.width * picture.height} pixels) exceeds limit of {most} pixels")
    return _pixels(picture, image_size)


def _faults() -> tuple[type[Exception], ...]:
    """Return what Pillow raises for damaged images."""
    from PIL.Image import DecompressionBombError, DecompressionBombWarning

    return OSError, ValueError, TypeError, SyntaxError, DecompressionBombError, DecompressionBombWarning


def _labels(name: str, part: Any, label: str) -> NDArray[np.int64]:
    known = part[label][:] if label in part.column_names else [None]
    labels = np.array([-1 if each is None else each for each in known], np.int64)
    if labels.min(initial=0) < 0:
        raise DataError(f"dataset {name!r} has samples without a label; choose a split whose labels are public")
    return labels


def _one_shape(name: str, shapes: set[tuple[int, ...]]) -> tuple[int, ...]:
    if len(shapes) != 1:
        found = ", ".join(map(str, sorted(shapes)[:3])) or "none"
        raise DataError(f"dataset {name!r} has images of {len(shapes)} shapes ({found}); set image_size, such as 32")
    return next(iter(shapes))


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
    from PIL.Image import DecompressionBombWarning

    arrays: list[NDArray[np.uint8]] = []
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", DecompressionBombWarning)  # pictures that unpack to hundreds of megabytes
            for start in range(0, len(part), BATCH):
                arrays += [_pixels(picture, image_size) for picture in part[start : start + BATCH][image]]
    except _faults() as error:
        raise DataError(
            f"dataset {name!r}: image {len(arrays)} or a later one is unreadable ({one_line(error)}); check its files"
        ) from None
    if len({len(array) for array in arrays}) > 1:
        arrays = [_colored(array) for array in arrays]
    _one_shape(name, {array.shape for array in arrays})
    return Split(np.stack(arrays), _labels(name, part, label))


def _pixels(picture: Any, image_size: int) -> NDArray[np.uint8]:
    """Return `(C, H, W)` bytes, one channel for gray images and three for all others; 16 bits lose the lower eight.

    The square in the middle of an image is what is scaled to `image_size`.
    """
    from PIL import ImageOps

    if picture.mode.startswith("I"):
        picture = picture.point(lambda value: value / 256).convert("L")
    elif picture.mode == "F":
        raise ValueError("its pixels are real numbers; store bytes")
    else:
        picture = picture.convert("L" if picture.mode in ("L", "LA", "1") else "RGB")
    if image_size:
        picture = ImageOps.fit(picture, (image_size, image_size))
    pixels = np.asarray(picture, np.uint8)
    return pixels[None] if pixels.ndim == 2 else np.moveaxis(pixels, -1, 0)


def _colored(pixels: NDArray[Any]) -> NDArray[Any]:
    """Return `(..., 3, H, W)` from gray or colored pixels."""
    return pixels.repeat(3, axis=-3) if pixels.shape[-3] == 1 else pixels
