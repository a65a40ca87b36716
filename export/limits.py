"""Limits that all formats share: numbers outside what one holds, and what a damaged or hostile file may claim."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from snnc.toolchain.errors import FileFormatError, SnncError, one_line
from snnc.toolchain.input_file import check_input
from snnc.toolchain.network.violation import Violation

MOST_BYTES = 2**31  # of a file
DAMAGE: tuple[type[BaseException], ...] = (  # what libraries raise on damaged files
    *(OSError, LookupError, TypeError, ValueError, AttributeError),
    *(RuntimeError, ArithmeticError, MemoryError),
)


def outside(where: str, what: str, values: ArrayLike, allowed: tuple[int, int], remedy: str) -> Iterator[Violation]:
    """Yield one violation, with the value furthest outside, unless all integers lie within `allowed` (least and most)."""
    numbers, (least, most) = np.asarray(values), allowed
    low, high = int(numbers.min()), int(numbers.max())
    if low < least or high > most:
        value = high if high - most >= least - low else low
        yield Violation(where, f"{what} {value} is outside {least}..{most}", remedy, value, f"{least}..{most}")


def file_bytes(path: str | Path) -> bytes:
    """Return the bytes of a file. Raises FileFormatError if there is none, or it is larger than a network can be."""
    try:
        size = check_input(path)
        if size > MOST_BYTES:
            raise FileFormatError(f"{path}: it has {size:,} bytes; allowed are {MOST_BYTES:,}")
        return Path(path).read_bytes()
    except OSError as error:
        raise FileFormatError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextmanager
def reading(path: str | Path, what: str, *others: type[BaseException]) -> Iterator[None]:
    """Raise FileFormatError, beginning with the file, for everything that goes wrong while `what` is read inside.

    `others` are exceptions of the format's library.
    """
    faults: tuple[type[BaseException], ...] = (*DAMAGE, *others, SnncError)
    try:
        yield
    except FileFormatError as error:
        where = str(path)
        raise type(error)(str(error) if str(error).startswith(where) else f"{where}: {error}") from None
    except faults as error:
        raise FileFormatError(f"{path}: not {what} ({one_line(error)}); export it again") from None
