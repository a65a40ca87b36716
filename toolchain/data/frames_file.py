"""The file in which frames of event recordings are kept: an npz with a seal, judged before anything of its size is made."""

from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np

from snnc.toolchain.data.dataset import Split
from snnc.toolchain.data.npy_header import header_in
from snnc.toolchain.seal import seal_of_file, sealed_zip

FEWEST_BYTES = 2**31  # that any file may unpack to ...
GROWTH = 256  # ... and how many times its own size; frames are mostly 0


def frames_file(train: Split, test: Split) -> bytes:
    """Return the content of the file of two splits of frames."""
    buffer = BytesIO()
    np.savez_compressed(buffer, train=train.samples, train_labels=train.labels, test=test.samples, test_labels=test.labels)
    return sealed_zip(buffer.getvalue())


def read_frames(path: Path, shape: tuple[int, ...], classes: int) -> tuple[Split, Split]:
    """Return the training and the test split of a file; `shape` is `(T, 2, side, side)`.

    Raises FileFormatError for a broken or missing seal, ValueError for arrays of another kind, and whatever zipfile and numpy
    raise for damaged ones.
    """
    with path.open("rb") as file:
        seal_of_file(file).check()
        size = file.seek(0, 2)
        with ZipFile(file) as archive:
            for part in ("train", "test"):
                _check(archive, part, shape, max(FEWEST_BYTES, GROWTH * size))
        file.seek(0)
        with np.load(file, allow_pickle=False) as kept:
            train, test = (Split(kept[part], kept[f"{part}_labels"]) for part in ("train", "test"))
    for split in (train, test):
        if split.samples.max(initial=0) > 1 or split.labels.min(initial=0) < 0 or split.labels.max(initial=0) >= classes:
            raise ValueError(f"its frames are not of 0 and 1, or its labels not of {classes} classes")
    return train, test


def _check(archive: ZipFile, part: str, shape: tuple[int, ...], most: int) -> None:
    """Raise ValueError unless frames and labels have the types, the shapes and together the size that they should have."""
    frames, labels = (header_in(archive, f"{part}{name}") for name in ("", "_labels"))
    count = labels.shape[0] if len(labels.shape) == 1 else 0
    expected = ((shape[0], count, *shape[1:]), np.dtype(np.uint8)), ((count,), np.dtype(np.int64))
    if ((frames.shape, frames.dtype), (labels.shape, labels.dtype)) != expected or not count:
        raise ValueError(f"its {part} split is not made of frames {shape} and as many labels")
    if frames.claimed + labels.claimed > most:
        raise ValueError(f"its {part} split claims {frames.claimed:,} bytes; allowed are {most:,}")
    for header in (frames, labels):
        header.check(f"its {part} split")
