"""The content of an HDF5 file as groups and arrays, however damaged or hostile the file is.

libhdf5 reads it in a process of its own (walk.py), which is ended when it takes too long or too much: single changed bytes can
make libhdf5 loop for ever or crash.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.hdf5 import walk
from snnc.toolchain.errors import FileFormatError, one_line

OUT_OF_TIME = -getattr(signal, "SIGXCPU", 24)  # what a process without seconds left ends with
PATIENCE = 10  # seconds on the clock for each of a processor: other programs may keep this machine busy
Attribute = int | float | str | bool


@dataclass(frozen=True, eq=False)
class Values:
    """One array; texts of any length are an array of bytes objects."""

    name: str
    array: NDArray[Any]
    attributes: dict[str, Attribute]


@dataclass(frozen=True, eq=False)
class Group:
    """One group: what it holds by name, and its attributes."""

    name: str
    members: "dict[str, Group | Values]"
    attributes: dict[str, Attribute]

    def group(self, path: str) -> "Group":
        """Return a group inside, such as `layer/0`. Raises FileFormatError if it is not there."""
        found: Group = self
        for name in path.split("/"):
            inner = found.members.get(name)
            if not isinstance(inner, Group):
                raise FileFormatError(f"no group {f'{found.name}/{name}'!r}; it is no file of this kind, or damaged")
            found = inner
        return found

    def array(self, name: str) -> NDArray[Any]:
        """Return an array of the group. Raises FileFormatError if it is not there."""
        inner = self.members.get(name)
        if not isinstance(inner, Values):
            raise FileFormatError(f"no array {f'{self.name}/{name}'!r}; it is no file of this kind, or damaged")
        return inner.array


@lru_cache(maxsize=2)
def read_tree(content: bytes) -> Group:
    """Return the content of an HDF5 file.

    Raises FileFormatError if it is damaged, leads out of itself (links to elsewhere, arrays in other files), claims more than
    it holds, or takes more than about 6 seconds of a processor.
    """
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"}
    seconds = walk.seconds_for(len(content))
    command = [sys.executable, "-P", walk.__file__, str(seconds)]
    patience = PATIENCE * seconds + 1
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=patience, env=environment, check=False)
        status = done.returncode
    except subprocess.TimeoutExpired:
        status = OUT_OF_TIME
    if status == OUT_OF_TIME:
        raise FileFormatError(f"libhdf5 came to no end within {seconds + 1:.0f} s; it is damaged") from None
    if status:
        raise FileFormatError(f"libhdf5 failed on it ({_failure(status, done.stderr)}); it is damaged")
    return _parsed(done.stdout)


def own_tree(content: bytes) -> Group:
    """Return the content of an HDF5 file that this very process has made."""
    return _parsed(b"".join(walk.answer(content)))


def _failure(status: int, errors: bytes) -> str:
    if status < 0:
        return f"it was ended by signal {-status}"
    return one_line(ValueError(errors.decode(errors="replace").rstrip().rpartition("\n")[2]))


def _parsed(output: bytes) -> Group:
    length = int.from_bytes(output[:8], "little")
    head = json.loads(output[8 : 8 + length])
    if "group" not in head:
        raise FileFormatError(head.get("refused") or f"not a readable HDF5 file ({one_line(ValueError(head['unreadable']))})")
    start = -(-(8 + length) // walk.ALIGNMENT) * walk.ALIGNMENT
    return _group("", head["group"], memoryview(output)[start:])


def _group(name: str, described: dict[str, Any], data: memoryview) -> Group:
    members: dict[str, Group | Values] = {}
    for inner, each in described["members"].items():
        path = f"{name}/{inner}"
        members[inner] = _group(path, each, data) if "members" in each else Values(path, _array(each, data), each["attributes"])
    return Group(name, members, described["attributes"])


def _array(described: dict[str, Any], data: memoryview) -> NDArray[Any]:
    shape = tuple(described["shape"])
    if "text" in described:
        return np.array([text.encode("latin-1") for text in described["text"]], object).reshape(shape)
    count = prod(shape)
    if not count:
        return np.zeros(shape, described["dtype"])
    return np.frombuffer(data, described["dtype"], count, described["at"]).reshape(shape)
