"""Headers of `.npy` files, alone or inside an `.npz`: shape, type and size of an array before any memory is taken for it."""

from dataclasses import dataclass
from math import prod
from typing import IO, Any
from zipfile import ZipFile

import numpy as np
import numpy.lib.format

NPY: Any = numpy.lib.format  # has no types


@dataclass(frozen=True)
class Header:
    """Shape and type that the header of an array states, and the bytes that follow it."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    held: int

    @property
    def claimed(self) -> int:
        """The bytes that an array of this shape and type takes."""
        return prod(self.shape) * self.dtype.itemsize

    def check(self, name: str) -> None:
        """Raise ValueError for objects, and for a header that claims more or less than follows it."""
        if self.dtype.hasobject:
            raise ValueError(f"{name} holds objects, which could run code; store numbers")
        if self.claimed != self.held:
            raise ValueError(f"{name} claims {self.claimed:,} bytes, which are not those that it holds ({self.held:,})")


def read_header(stream: IO[bytes], size: int) -> Header:
    """Return the header with which a stream of `size` bytes starts. Raises ValueError if it is damaged or of another format."""
    version = NPY.read_magic(stream)
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"its array has version {version} of the format; write it again with numpy.save")
    read = NPY.read_array_header_1_0 if version == (1, 0) else NPY.read_array_header_2_0
    shape, _, dtype = read(stream)
    return Header(shape, dtype, size - stream.tell())


def header_in(archive: ZipFile, name: str) -> Header:
    """Return the header of the array `name` of an `.npz`. Raises KeyError if it is not there, ValueError as `read_header`."""
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as stream:
        return read_header(stream, member.file_size)
