"""Surrogate gradients: slopes in place of d spike / d membrane, which is 0 or infinite; add a row to SURROGATES to add one.

The membrane `h` is in units of the threshold.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import pi

from torch import Tensor


def boxcar(h: Tensor) -> Tensor:
    """Return 0.5 where |h - 1| <= 0.5, else 0 (Deckers et al. 2024, arXiv 2409.15849, eq. 4)."""
    return ((h - 1).abs() <= 0.5).to(h) * 0.5


def arctan(h: Tensor) -> Tensor:
    """Return 1 / (1 + (pi (h - 1))^2), the slope of an arc tangent (Fang et al. 2021, arXiv 2007.05785)."""
    return 1 / (1 + (pi * (h - 1)).square())


def fast_sigmoid(h: Tensor) -> Tensor:
    """Return 1 / (1 + 25 |h - 1|)^2 (Zenke & Ganguli 2018, SuperSpike, with the steepness of snntorch)."""
    return 1 / (1 + 25 * (h - 1).abs()).square()


@dataclass(frozen=True)
class Surrogate:
    """A `slope` of the membrane, and the number of the same function in `native/training.h`; None if C has none."""

    slope: Callable[[Tensor], Tensor]
    number: int | None = None


SURROGATES: dict[str, Surrogate] = {
    "boxcar": Surrogate(boxcar, 0),
    "arctan": Surrogate(arctan, 1),
    "fast-sigmoid": Surrogate(fast_sigmoid, 2),
}
