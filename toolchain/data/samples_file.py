"""A user's own samples in an `.npz` or `.npy` file, judged by its headers before any array of its size is made.

An `.npz` holds `samples`, integers as they were before the zero point was subtracted, `(N, ...)`, or `(N, T, ...)` for inputs
that change from step to step, and may hold `labels` `(N,)`. An `.npy` file holds the samples alone.
"""

from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile
from zlib import error as ZlibError

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.dataset import Split, check_samples
from snnc.toolchain.data.npy_header import Header, header_in, read_header
from snnc.toolchain.errors import DataError, located, one_line
from snnc.toolchain.network.network import Network

SUFFIXES = (".npz", ".npy")
SAMPLES, LABELS = "samples", "labels"
FEWEST_BYTES = 2**31  # that any file may unpack to ...
GROWTH = 256  # ... and how many times its own size
DAMAGE = (OSError, ValueError, EOFError, LookupError, BadZipFile, ZlibError, NotImplementedError, RuntimeError, OverflowError)


def read_samples(
    path: str | Path, network: Network, count: int | None = None
) -> tuple[NDArray[np.int32], NDArray[np.int64] | None]:
    """Read a user's own samples as the integers that a network is fed.

    Args:
        path: an `.npz` with the array `samples`, and `labels` `(N,)` if there are any; or an `.npy` of samples. Samples are
            integers or booleans, `(N, *input.shape)` or `(N, T, *input.shape)`, within the network's input range before its
            zero point is subtracted, as images have it: 0 to 16 for digits.
        network: the integer network that is to take them.
        count: how many of them, the first ones; None for all.

    Returns:
        The samples minus the zero point, `(N, ...)` or, time first, `(T, N, ...)`, as `snnc.simulate` and `snnc.verify` take
        them; and the labels, or None.

    Raises:
        DataError: if the file cannot be read, or does not fit the network.

    Example:
        >>> import numpy as np, snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> np.savez("own.npz", samples=np.array([[1, 1], [1, 0]]))
        >>> samples, labels = snnc.read_samples("own.npz", network)
        >>> snnc.simulate(network, samples).outputs(network).tolist(), labels
        ([[1], [0]], None)
    """
    raw, labels = _read(Path(path), network)
    if count is not None:
        timed = raw.shape[1:] != network.input.shape
        number = raw.shape[1 if timed else 0]
        if not 1 <= count <= number:
            raise DataError(f"{path}: {count} samples were asked for; allowed are 1 to {number}")
        raw, labels = raw[:, :count] if timed else raw[:count], None if labels is None else labels[:count]
    return raw.astype(np.int32) - np.int32(network.input.zero_point), labels


def labelled_split(path: str | Path, network: Network) -> Split:
    """Return the samples and labels of a file as a split. Raises DataError as `read_samples`, and for a file without labels."""
    raw, labels = _read(Path(path), network)
    if labels is None:
        raise DataError(f"{path}: it has no array {LABELS!r}; add one, or run the samples alone with `snnc simulate --input`")
    return Split(raw, labels)


def _read(path: Path, network: Network) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    """Return raw samples, time first where they are timed, and their labels. Raises DataError."""
    try:
        raw, labels = _of_npz(path, network) if path.suffix == ".npz" else (_of_npy(path, network), None)
    except DAMAGE as error:
        if isinstance(error, FileNotFoundError):
            raise DataError(f"{path}: no such file; name an .npz or .npy file of samples") from None
        raise DataError(f"{path}: not a readable file of samples: {one_line(error)}") from None
    count = len(raw)
    raw = raw if raw.shape[1:] == network.input.shape else raw.swapaxes(0, 1)
    with located(str(path)):
        check_samples(Split(raw, np.zeros(count, np.int64)), network.input)
    return raw, labels


def _of_npy(path: Path, network: Network) -> NDArray[Any]:
    if path.suffix not in SUFFIXES:
        raise DataError(f"{path}: a file of samples must end in {' or '.join(SUFFIXES)}; write one with numpy.savez")
    with path.open("rb") as file:
        header = read_header(file, path.stat().st_size)
    _check_samples(path, header, network)
    header.check("its array")
    array: NDArray[Any] = np.load(path, allow_pickle=False)
    return array


def _of_npz(path: Path, network: Network) -> tuple[NDArray[Any], NDArray[np.int64] | None]:
    with ZipFile(path) as archive:
        names = [name.removesuffix(".npy") for name in archive.namelist()]
        if SAMPLES not in names:
            found = ", ".join(names[:5]) or "nothing"
            raise DataError(f"{path}: it has no array {SAMPLES!r}, only {found}; write one with numpy.savez(samples=...)")
        headers = {name: header_in(archive, name) for name in (SAMPLES, LABELS) if name in names}
    _check_samples(path, headers[SAMPLES], network)
    most = max(FEWEST_BYTES, GROWTH * path.stat().st_size)
    if (claimed := sum(each.claimed for each in headers.values())) > most:
        raise ValueError(f"its arrays claim {claimed:,} bytes; allowed are {most:,}")
    if LABELS in headers:
        _check_labels(path, headers[LABELS], headers[SAMPLES].shape[0])
    for name, header in headers.items():
        header.check(name)
    with np.load(path, allow_pickle=False) as file:
        return file[SAMPLES], _labels(path, file[LABELS], network) if LABELS in headers else None


def _check_samples(path: Path, header: Header, network: Network) -> None:
    """Raise DataError for samples of another type or shape."""
    one, steps, shape = network.input.shape, network.timesteps, header.shape
    if header.dtype.kind not in "iub":
        raise DataError(f"{path}: its samples are {header.dtype}; the network takes integers: quantize and round them first")
    sizes = ", ".join(map(str, one))
    if shape[1:] != one and shape[2:] != one:
        raise DataError(f"{path}: samples of shape {shape}; allowed are (N, {sizes}) and (N, {steps}, {sizes})")
    if shape[1:] != one and shape[1] != steps:
        swapped = "; samples come first, then time: swap the first two axes" if shape[0] == steps else ""
        raise DataError(f"{path}: samples of shape {shape} have {shape[1]} time steps, the network has {steps}{swapped}")
    if not shape[0]:
        raise DataError(f"{path}: it holds no samples; give at least one")


def _check_labels(path: Path, header: Header, samples: int) -> None:
    if header.dtype.kind not in "iu" or header.shape != (samples,):
        raise DataError(f"{path}: its labels are {header.dtype} of shape {header.shape}; allowed are integers ({samples},)")


def _labels(path: Path, labels: NDArray[Any], network: Network) -> NDArray[np.int64]:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= network.classes:
        raise DataError(
            f"{path}: its labels are {low}..{high}, the network has {network.classes} outputs; count classes from 0"
        )
    return labels.astype(np.int64)
