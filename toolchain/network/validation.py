"""Checks that the parts of a Network share: whole numbers within their range, in frozen arrays."""

from collections.abc import Iterable, Sequence
from math import prod
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from snnc.toolchain.errors import NetworkError

Shape = tuple[int, ...]
Int64s = NDArray[np.int64]
Weights = NDArray[np.signedinteger[Any]]
SIZE_MAX = 2**31 - 1  # of one axis
NEURONS_MAX = 2**24  # of a network; biases, bounds and states of so many take a few GiB
Scalar = TypeVar("Scalar", bound=np.generic)


def frozen_field(target: object, name: str, value: object) -> None:
    """Set a field of a frozen dataclass to its normalized value; only for use in __post_init__."""
    object.__setattr__(target, name, value)


def frozen_array(values: ArrayLike, kind: type[Scalar]) -> NDArray[Scalar]:
    """Return a read-only copy of the values as the given type."""
    array = np.array(values, kind)
    array.setflags(write=False)
    return array


def checked_integers(values: ArrayLike, what: str, low: int, high: int, remedy: str) -> NDArray[Any]:
    """Return the values as an array; raise NetworkError unless all are integers within `low..high`."""
    try:
        array = np.asarray(values)
    except ValueError:
        raise NetworkError(f"{what} has rows of different lengths; give an array") from None
    is_whole = array.dtype.kind == "f" and bool((np.isfinite(array) & (array == np.round(array))).all())
    if array.dtype.kind not in "iu" and not is_whole:
        raise NetworkError(f"{what} of type {array.dtype} holds values that are no integers; {remedy}")
    outside = array[(array < low) | (array > high)]
    if outside.size:
        raise NetworkError(f"{what} {int(outside.flat[0])} is outside {low}..{high}; {remedy}")
    return array


def bounded_integer(value: int, what: str, most: int, least: int = 0) -> int:
    """Return the value as an int; raise NetworkError unless it is an integer within `least..most`."""
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = least - 1
    if number != value or not least <= number <= most:
        raise NetworkError(f"{what} {value} is outside {least}..{most}; give an integer within")
    return number


def shared_or_each(values: ArrayLike, what: str, least: int, most: int, shape: Shape) -> int | NDArray[np.int32]:
    """Return the one number least..most that all neurons share, or one for each; raise NetworkError otherwise."""
    if isinstance(values, int):
        return bounded_integer(values, what, most, least)
    each = broadcast(checked_integers(values, what, least, most, "give integers within"), what, shape)
    return int(each.flat[0]) if (each == each.flat[0]).all() else frozen_array(each, np.int32)


def broadcast(array: NDArray[Any], what: str, shape: Shape) -> NDArray[Any]:
    """Return an array of a population's shape; raise NetworkError if it does not broadcast to that."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise NetworkError(f"{what} of shape {array.shape} does not broadcast to {shape}") from None


def integer_pair(values: Sequence[int], what: str, least: int) -> tuple[int, int]:
    """Return two integers of at least `least`; raise NetworkError otherwise."""
    pair = tuple(values)
    if len(pair) != 2:
        raise NetworkError(f"{what} {pair} is not allowed; give two integers of at least {least}")
    return (bounded_integer(pair[0], what, SIZE_MAX, least), bounded_integer(pair[1], what, SIZE_MAX, least))


def positive_shape(shape: Sequence[int], what: str) -> Shape:
    """Return the shape as a tuple; raise NetworkError if it is empty."""
    if not shape:
        raise NetworkError(f"{what} of shape () is empty; give at least one size")
    return tuple(bounded_integer(size, f"{what} size", SIZE_MAX, least=1) for size in shape)


def check_neurons(shapes: Iterable[Iterable[int]]) -> None:
    """Raise NetworkError if populations have more neurons in all than a network may have, before any array is made."""
    total = sum(prod(int(size) for size in shape) for shape in shapes)
    if total > NEURONS_MAX:
        raise NetworkError(f"{total:,} neurons are too many; allowed are {NEURONS_MAX:,}: scale the input down, or use strides")
