"""Opens files of arrays: .npz, .npy and .h5, which never run code, and whose sizes are judged before they take memory."""

import tempfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.data.npy_header import header_in
from snnc.toolchain.data.reading import read_apart
from snnc.toolchain.errors import DataError, one_line

NAMES = ("samples", "labels", "test_samples", "test_labels", "classes")
MOST_UNPACKED = 2**31  # bytes of a file that is read as a whole; larger samples lie in .npy, which stays on disk
LABELS, CLASSES = ".labels.npy", ".classes.txt"  # beside the .npy of samples
MOST_TEXT = 2**20
DAMAGE = (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, BadZipFile, NotImplementedError, zlib.error)


def open_arrays(path: Path) -> Mapping[str, NDArray[Any]]:
    """Return the arrays of a file, those of NAMES that it has; those of .npy are mapped, not read.

    Raises DataError, naming the file, for one that is not there, is damaged, holds objects, or would take too much memory.
    """
    if not path.is_file():
        what = "it is no regular file" if path.exists() else "there is no such file"
        raise DataError(f"data file {path}: {what}; name the place where it is now (--data)")
    read = {".npz": _npz, ".npy": _npy}.get(path.suffix.lower(), _hdf5)
    try:
        arrays = read(path)
    except DAMAGE as error:
        raise DataError(f"data file {path}: cannot be read ({one_line(error)}); write it again") from None
    missing = [name for name in ("samples", "labels") if name not in arrays]
    if missing:
        raise DataError(f"data file {path}: it has no {' and no '.join(missing)}; store arrays named samples and labels")
    if ("test_samples" in arrays) != ("test_labels" in arrays):
        raise DataError(f"data file {path}: test_samples and test_labels go together; store both, or neither")
    return arrays


def _npy(path: Path) -> dict[str, NDArray[Any]]:
    beside = path.with_suffix(LABELS)
    if not beside.is_file():
        raise DataError(f"data file {path}: its labels are looked for in {beside}, which is not there; store them there")
    arrays = {"samples": _mapped(path), "labels": np.array(_mapped(beside))}
    names = path.with_suffix(CLASSES)
    if names.is_file():
        with names.open(encoding="utf-8") as file:
            arrays["classes"] = np.array(file.read(MOST_TEXT).split("\n")).astype(np.str_)
            arrays["classes"] = arrays["classes"][arrays["classes"] != ""]
    return arrays


def _mapped(path: Path) -> NDArray[Any]:
    """Return an array that stays on disk. Raises ValueError for objects, or a header that claims more than there is."""
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def _npz(path: Path) -> dict[str, NDArray[Any]]:
    with ZipFile(path) as archive:
        kept = [name for name in NAMES if f"{name}.npy" in archive.namelist()]
        headers = {name: header_in(archive, name) for name in kept}
    for name, header in headers.items():
        header.check(name)
    claimed = sum(header.claimed for header in headers.values())
    if claimed > MOST_UNPACKED:
        raise DataError(
            f"data file {path}: its arrays take {claimed:,} bytes, at most {MOST_UNPACKED:,} are read from .npz and .h5; "
            f"store the samples as .npy, which stays on disk, and their labels beside it as NAME{LABELS}"
        )
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in kept}


def _hdf5(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an HDF5 file, which another process reads: libhdf5 may crash or loop on a damaged one."""
    with tempfile.TemporaryDirectory(prefix="snnc-") as folder:
        if reason := read_apart(folder, MOST_UNPACKED, "arrays", [path], NAMES):
            raise DataError(f"data file {path}: {reason}")
        return {name: np.load(file, allow_pickle=False) for name in NAMES if (file := Path(folder, f"{name}.npy")).is_file()}
