"""Numbers of a network outside what a format holds, as violations."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike

from snnc.toolchain.network.violation import Violation

DAMAGE = (  # what libraries raise on damaged files
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
