"""A folder of event recordings as frames of 0 and 1: `FOLDER/CLASS/*`, or `FOLDER/train/CLASS/*` and `FOLDER/test/CLASS/*`.

What files are read is a table in event_files.py. How they are binned is stated in the name of the data:
`recordings:bins=count`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnc.toolchain.data.data_file import MOST_CLASSES
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.event_files import READERS
from snnc.toolchain.data.kept_frames import Binning, load_frames
from snnc.toolchain.data.named import BINS, Named
from snnc.toolchain.data.stratified import divided
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input


def is_recordings(folder: Path) -> bool:
    """Tell whether a folder holds event recordings: whether the first file in its subfolders is one."""
    for depth in ("[!.]*", "[!.]*/[!.]*"):
        for place in sorted(folder.glob(depth)):
            if place.is_dir() and (found := min(_files(place), default="")):
                return Path(found).suffix.lower() in READERS
    return False


def load_recordings(name: Named, folder: Path | None, timesteps: int, image_size: int = 0) -> Dataset:
    """Load a folder of recordings as frames `(T, N, 2, H, W)`, which are kept in `folder`, or in memory without one.

    Frames have the sides of the sensor, as far as any event lies, or `image_size`. Where the recordings have no folder `test`,
    a share of each class tests. Raises DataError, naming the file, for one that cannot be read.
    """
    if name.stated.low is not None or name.stated.high is not None:
        raise DataError(f"data {name}: recordings hold events, low= and high= are the ends of floats; leave them out")
    bins = name.stated.bins or BINS[0]
    whole = not (name.path / "train").is_dir()
    parts = [_listed(name, name.path / part) for part in ([""] if whole else ["train", "test"])]
    classes = _classes(name, parts)
    files = [path for part in parts for path in part]
    labels = np.array([classes.index(path.parent.name) for path in files], np.int64)
    name = name.with_stated(bins=bins)
    if whole:
        name, tests = divided(name, labels)
    elif name.stated.test is not None or name.stated.seed is not None:
        raise DataError(f"data {name.place}: it has a folder test; leave test= and seed= out of its name")
    else:
        tests = np.arange(len(files)) >= len(parts[0])
    frames = load_frames(name.path, files, Binning(timesteps, image_size, bins), folder)
    train, test = (Split(frames.select(chosen), labels[chosen]) for chosen in (~tests, tests))
    return Dataset(str(name), train, test, classes, Input(frames.sample_shape[1:], 0, 1))


def _listed(name: Named, folder: Path) -> list[Path]:
    """Return the recordings of a folder, in the order of their names."""
    places = sorted(place for place in folder.glob("[!.]*") if place.is_dir())
    files = [place / name for place in places for name in sorted(_files(place)) if not name.startswith(".")]
    for path in files:
        if path.suffix.lower() not in READERS:
            raise DataError(f"data {name.place}: {path} is no recording; allowed are {', '.join(READERS)}")
    return files


def _files(folder: Path) -> Iterator[str]:
    """Yield the names of files; pathlib takes seconds for tens of thousands."""
    with os.scandir(folder) as entries:
        yield from (entry.name for entry in entries if entry.is_file())


def _classes(name: Named, parts: list[list[Path]]) -> tuple[str, ...]:
    classes = tuple(sorted({path.parent.name for part in parts for path in part}))
    if not 2 <= len(classes) <= MOST_CLASSES or not all(parts):
        raise DataError(
            f"data {name.place}: recordings of {len(classes)} classes; allowed are FOLDER/CLASS/* of 2 to {MOST_CLASSES} "
            "classes, or FOLDER/train/CLASS/* and FOLDER/test/CLASS/*"
        )
    return classes
