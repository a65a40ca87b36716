"""Surrogate gradients: what stands in for d spike / d membrane, which is 0 or infinite; add a row to SURROGATES to add one.

The membrane `h` is in units of the threshold. `native/training.h` holds the same functions in C, by their row number.
"""

from collections.abc import Callable
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


SURROGATES: dict[str, Callable[[Tensor], Tensor]] = {"boxcar": boxcar, "arctan": arctan, "fast-sigmoid": fast_sigmoid}
