"""The one reading of float32 constants: numbers that were meant whole, dyadic, decimal or fractions are recognized as such.

A float32 keeps 24 bits, so that 0.1 comes back as 0.100000001 and 1 - 1e-4 / 2e-4 as 0.500000013. What is meant is the
simplest number that float32 would store in the same way. The importer and the interpreter that it is compared with read all
their numbers here, so that a sum that was meant to meet a threshold meets it in both.
"""

from fractions import Fraction
from math import gcd, lcm

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnc.toolchain.network import lif

Floats = NDArray[np.float64]

HALF_ULP = 2.0**-25  # of a float32, relative to the power of two above its value
COMPUTED = 2.0**-21  # relative: what a few operations in float32 lose
DECAY = 2.0**-22  # absolute: a share of the membrane below 1 that went through float32
DOUBLE = 2.0**-40  # relative: what many operations in float64 lose
TERMS = 12  # of a continued fraction
DIGITS = 5  # of a decimal that is recognized; float32 holds seven
RARE = 1 / 8  # largest square of a denominator times the distance within which a fraction counts
RARER = 1 / 256  # where the distance is more than that of storing
MOST_DISTINCT = 2**14  # of an array that can have been meant as simple numbers
MOST_PARTS = 10**7


def stored(values: ArrayLike) -> Floats:
    """Return the numbers that were meant by values stored in float32, all of them, or else the values as they are."""
    array = np.asarray(values)
    if array.size > 1 and np.all(array == array.flat[0]):  # as most parameters of neurons are: to sort millions takes seconds
        return np.full(array.shape, stored(array.flat[0]))
    exact = array.astype(np.float64)
    unique, where = np.unique(exact, return_inverse=True)
    if len(unique) > MOST_DISTINCT:
        return exact
    single = unique == unique.astype(np.float32).astype(np.float64)
    exponent = np.frexp(unique)[1]
    reach = np.where(single, np.ldexp(HALF_ULP, exponent), np.abs(unique) * DOUBLE)
    found, known = _simplest(unique, reach)
    return found[where].reshape(exact.shape) if known.all() else exact


def computed(values: ArrayLike) -> Floats:
    """Return, for each value that came out of float32 arithmetic, the simple number that was meant, or the value."""
    exact = np.asarray(values, np.float64)
    found, known = _simplest(exact.ravel(), np.abs(exact.ravel()) * COMPUTED, RARER)
    return np.where(known, found, exact.ravel()).reshape(exact.shape)


def decays(values: ArrayLike) -> Floats:
    """Return the shares of a membrane that were meant: those of the chip, else simple fractions, else as they are."""
    exact = np.asarray(values, np.float64)
    chip = np.rint(exact * lif.DECAY_UNITY) / lif.DECAY_UNITY
    found, known = _simplest(exact.ravel(), np.full(exact.size, DECAY), RARER)
    other = np.where(known, found, exact.ravel()).reshape(exact.shape)
    return np.where(np.abs(exact - chip) <= DECAY, chip, other)


def common_unit(values: Floats, *, loose: bool = False) -> float | None:
    """Return the largest number that all values are whole multiples of, or None if that is no simple number.

    With `loose` the values may be multiples of any number, to within float32.
    """
    distinct = np.unique(np.abs(np.asarray(values, np.float64)))
    distinct = distinct[distinct > 0]
    if not len(distinct):
        return 1.0
    if len(distinct) > MOST_DISTINCT:
        return None
    found, known = _simplest(distinct, distinct * DOUBLE)
    if known.all():
        shares = [Fraction(float(x)).limit_denominator(MOST_PARTS) for x in found / found[-1]]
        whole = gcd(*(share.numerator for share in shares))
        return float(found[-1]) * whole / lcm(*(share.denominator for share in shares))
    return _measured_unit(distinct) if loose else None


def _measured_unit(distinct: Floats) -> float | None:
    for divisor in range(1, 17):
        unit = distinct[0] / divisor
        if is_whole(distinct / unit):
            return float(distinct[-1] / np.rint(distinct[-1] / unit))
    return None


def is_whole(values: ArrayLike, tolerance: float = 1e-6) -> bool:
    """Tell whether all values are whole numbers, but for a relative distance of float32's roundings."""
    array = np.asarray(values, np.float64)
    return bool((np.abs(array - np.rint(array)) <= tolerance * np.maximum(np.abs(array), tolerance)).all())


def settled(value: float) -> float:
    """Return a product of meant numbers without the noise of float64: the whole number that it misses by that, or itself."""
    near = round(value)
    return float(near) if abs(value - near) <= DOUBLE * max(1.0, abs(value)) else value


def _simplest(values: Floats, reach: Floats, rare: float = RARE) -> tuple[Floats, NDArray[np.bool_]]:
    """Return for each value the simplest number within its reach, and where there is one.

    Numbers that the chip's arithmetic holds as they are, multiples of 2**-12, are simple whatever their size. Else the
    convergents of the continued fraction are tried in order, and decimals of few digits.
    """
    found, sizes = values.copy(), np.abs(values)
    known = values * lif.DECAY_UNITY == np.rint(values * lif.DECAY_UNITY)
    numerators, denominators = (np.zeros_like(sizes), np.ones_like(sizes)), (np.ones_like(sizes), np.zeros_like(sizes))
    rest = sizes
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        for _ in range(TERMS):
            whole = np.floor(rest)
            numerators = (numerators[1], whole * numerators[1] + numerators[0])
            denominators = (denominators[1], whole * denominators[1] + denominators[0])
            candidate = numerators[1] / denominators[1]
            near = (np.abs(candidate - sizes) <= reach) & (denominators[1] ** 2 * reach < rare) & ~known
            found[near], known = np.copysign(candidate[near], values[near]), known | near
            rest = 1 / (rest - whole)
    digits = np.where(sizes > 0, DIGITS - 1 - np.floor(np.log10(np.where(sizes > 0, sizes, 1))), 0)
    scale = 10.0 ** np.abs(digits)
    decimal = np.where(digits >= 0, np.rint(sizes * scale) / scale, np.rint(sizes / scale) * scale)
    near = (np.abs(decimal - sizes) <= reach) & ~known
    found[near] = np.copysign(decimal[near], values[near])
    return found, known | near
