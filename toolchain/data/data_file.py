"""A file of samples and labels as a dataset: `own.npz`, `own.npy` or `own.h5`, split by class where it has no test samples.

The name of the dataset states what was chosen: `own.npz:test=0.2,seed=0,low=0,high=1`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.arrays import open_arrays
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.integers import LEVELS, Quantizer, chunks, smallest_kind, spread
from snnc.toolchain.data.mapped import Mapped
from snnc.toolchain.data.named import Named
from snnc.toolchain.data.stratified import divided
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.network import Input

MOST_CLASSES = 1000
MOST_IN_MEMORY = 2**31  # bytes of all samples as integers; larger ones stay on disk, if they are .npy
Array = NDArray[Any]


@dataclass(frozen=True)
class _Source:
    """An open file: its name, for messages too, and its arrays, samples first `(N, ...)` or `(N, T, ...)`."""

    where: str
    samples: Array
    labels: NDArray[np.int64]
    classes: tuple[str, ...]
    timed: bool


def load_file(name: Named, timesteps: int, image_size: int = 0) -> Dataset:
    """Load a file of samples `(N, features)`, `(N, C, H, W)` or, time second, `(N, T, features)`, `(N, T, C, H, W)`.

    Whole numbers stay as they are; floats from `low` to `high` (by default what training samples hold) become 0..255. Raises
    DataError for a file that cannot be read, or arrays that are no dataset.
    """
    if image_size:
        raise DataError(
            f"data {name}: arrays are not scaled; leave image_size out (it was {image_size}), or scale them in the file"
        )
    arrays = open_arrays(name.path)
    return build_dataset(name, arrays, timesteps)


def build_dataset(name: Named, arrays: Mapping[str, Array], timesteps: int) -> Dataset:
    """Return a dataset of arrays named as in a file (arrays.py), `name` stating its split and quantization.

    Raises DataError for arrays that are no dataset, or a statement that does not fit them.
    """
    where = f"data {name.place}"
    _check_counts(where, arrays)
    labels, tests, classes = _labels(where, arrays)
    source = _Source(where, arrays["samples"], labels, classes, _timed(where, arrays["samples"], timesteps))
    if "test_samples" not in arrays:
        name, test = divided(name, source.labels)
        return _dataset(name, [(source, np.flatnonzero(part)) for part in (~test, test)])
    stated = name.stated
    if stated.test is not None or stated.seed is not None:
        raise DataError(f"{where}: it has test samples of its own; leave test= and seed= out of its name")
    others = _Source(where, arrays["test_samples"], tests, classes, source.timed)
    if others.samples.shape[1:] != source.samples.shape[1:] or others.samples.dtype.kind != source.samples.dtype.kind:
        raise DataError(
            f"{where}: samples are {source.samples.dtype} {source.samples.shape}, test_samples {others.samples.dtype} "
            f"{others.samples.shape}; give both one type, and one shape but for their number"
        )
    return _dataset(name, [(source, np.arange(len(labels))), (others, np.arange(len(tests)))])


def _dataset(name: Named, parts: list[tuple[_Source, Array]]) -> Dataset:
    train = parts[0][0]
    where, stated = train.where, name.stated
    sources = list({id(source.samples): source for source, _ in parts}.values())
    kind = train.samples.dtype.kind
    if kind not in "iufb":
        raise DataError(f"{where}: its samples are of type {train.samples.dtype}; store integers or floats")
    if kind != "f" and (stated.low is not None or stated.high is not None):
        raise DataError(f"{where}: it holds integers, and low= and high= are the ends of floats; leave them out")
    measured = [spread(where, source.samples) for source in sources]
    low, high = min(each.low for each in measured), max(each.high for each in measured)
    if kind == "f":
        low, high = (
            float(f"{found:.6g}") if given is None else given  # short enough to be written
            for given, found in ((stated.low, measured[0].low), (stated.high, measured[0].high))
        )
        name = name.with_stated(low=low, high=high)
        if not low < high:
            raise DataError(f"{where}: floats from {low:g} to {high:g} have no range; state another, as NAME:low=0,high=1")
        quantizer, bounds = Quantizer(np.dtype(np.uint8), low, high), (0, LEVELS)
    else:
        bounds = (0, LEVELS) if train.samples.dtype == np.uint8 and high > 1 else (int(low), int(high))
        quantizer = Quantizer(smallest_kind(where, *bounds))
    zero = _zero_point(quantizer.level(measured[0].mean), bounds, train.timed)
    large = sum(source.samples.size for source in sources) * quantizer.kind.itemsize > MOST_IN_MEMORY
    splits = [_split(source, which, quantizer, bounds, on_disk=large) for source, which in parts]
    shape = train.samples.shape[2 if train.timed else 1 :]
    return Dataset(str(name), splits[0], splits[1], train.classes, Input(shape, bounds[0] - zero, bounds[1] - zero, zero))


def _zero_point(mean: float, bounds: tuple[int, int], timed: bool) -> int:
    """Return what the chip sees as 0: the rounded mean, so that padding looks average; 0 for spikes and their counts."""
    return 0 if bounds == (0, 1) or (timed and bounds[0] == 0 and bounds[1] < LEVELS) else round(mean)


def _split(source: _Source, which: Array, quantizer: Quantizer, bounds: tuple[int, int], *, on_disk: bool) -> Split:
    labels = source.labels[which]
    if on_disk and isinstance(source.samples, np.memmap):
        return Split(Mapped(source.samples, quantizer, *bounds, source.samples.shape[1:], which, source.timed), labels)
    samples = np.empty((len(which), *source.samples.shape[1:]), quantizer.kind)
    for part in chunks(samples):
        samples[part] = quantizer(np.asarray(source.samples[which[part]]))
    return Split(samples.swapaxes(0, 1) if source.timed else samples, labels)


def _timed(where: str, samples: Array, timesteps: int) -> bool:
    if samples.ndim not in (2, 3, 4, 5) or not samples.size:
        raise DataError(
            f"{where}: samples of shape {samples.shape}; allowed are (N, features), (N, C, H, W), (N, T, features) and "
            "(N, T, C, H, W)"
        )
    timed = samples.ndim in (3, 5)
    if timed and samples.shape[1] != timesteps:
        gray = f"; images need an axis of channels, {(len(samples), 1, *samples.shape[1:])}" if samples.ndim == 3 else ""
        raise DataError(
            f"{where}: samples of shape {samples.shape} have {samples.shape[1]} time steps, the network {timesteps}; "
            f"train with timesteps {samples.shape[1]}{gray}"
        )
    return timed


def _check_counts(where: str, arrays: Mapping[str, Array]) -> None:
    """Raise DataError unless there are as many labels as samples, before many labels are looked at."""
    for part in ("", "test_"):
        samples, labels = (np.shape(arrays.get(f"{part}{name}", 0))[:1] for name in ("samples", "labels"))
        if samples and labels and samples != labels:
            raise DataError(f"{where}: {samples[0]} {part}samples have {labels[0]} labels; give each its own")


def _labels(where: str, arrays: Mapping[str, Array]) -> tuple[NDArray[np.int64], NDArray[np.int64], tuple[str, ...]]:
    """Return the labels of samples and of test samples as numbers, and the names of the classes."""
    given = [np.asarray(arrays[name]) for name in ("labels", "test_labels") if name in arrays]
    if any(each.ndim != 1 or each.dtype.kind not in "iuU" for each in given):
        found = ", ".join(f"{each.dtype} {each.shape}" for each in given)
        raise DataError(f"{where}: labels are {found}; allowed are whole numbers or texts, one for each sample, (N,)")
    together = np.concatenate(given)
    if together.dtype.kind == "U":
        names = np.unique(together)
        known = _classes(where, arrays.get("classes", names))
        place = {name: number for number, name in enumerate(known)}
        strange = [str(name) for name in names if str(name) not in place]
        if strange:
            raise DataError(f"{where}: label {strange[0]!r} is none of its classes; add it to them")
        numbers = np.array([place[str(name)] for name in together], np.int64)
    else:
        known = _classes(where, arrays.get("classes"), int(together.max(initial=0)) + 1)
        numbers = together.astype(np.int64)
    if numbers.min(initial=0) < 0 or numbers.max(initial=0) >= len(known):
        raise DataError(f"{where}: labels reach from {numbers.min()} to {numbers.max()}, its classes are 0 to {len(known) - 1}")
    first = len(given[0])
    return numbers[:first], numbers[first:], known


def _classes(where: str, named: Array | None, count: int = 0) -> tuple[str, ...]:
    """Return the names of the classes; None: `count` numbers. Raises DataError for too many, before names are made of them."""
    if named is not None and np.ndim(named) != 1:
        raise DataError(f"{where}: classes are an array of shape {np.shape(named)}; give a name for each, (classes,)")
    count = count if named is None else len(named)
    if not 2 <= count <= MOST_CLASSES:
        raise DataError(f"{where}: {count} classes; allowed are 2 to {MOST_CLASSES}")
    return tuple(map(str, range(count) if named is None else named))
