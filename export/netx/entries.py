"""Numbers of an entry of a `.net` file, whatever type and shape they were written in."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.export.hdf5.tree import Group
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.chips import DELAY_MAX
from snnc.toolchain.network.validation import SIZE_MAX, Shape, check_neurons

Integers = NDArray[np.int64]
MOST = 2**31  # of any number
MOST_WEIGHTS = 2**28  # of a kernel with its dilation and groups filled in


def kind_of(entry: Group) -> str:
    """Return the type of an entry or of its neurons."""
    kind = entry.array("type").ravel()
    if kind.size != 1 or not isinstance(kind[0], bytes):
        raise FileFormatError("its type is no text; the file is damaged")
    return kind[0].decode("ascii", "replace")


def integers(entry: Group, key: str, *, truncated: bool = False) -> Integers:
    """Return whole numbers that may be written as floats; fractions are `truncated` toward zero, as netx does, or refused."""
    values: NDArray[Any] = entry.array(key)
    if values.dtype.kind not in "iuf" or not values.size:
        raise FileFormatError(f"{key} is of type {values.dtype} and shape {values.shape}; it must hold numbers")
    if not np.isfinite(values).all() or np.abs(values.astype(np.float64)).max() > MOST:
        raise FileFormatError(f"{key} holds numbers that are beyond 32 bits or none at all; the file is damaged")
    whole = values.astype(np.int64)
    if not truncated and (whole != values).any():
        raise FileFormatError(f"{key} holds fractions; it must be whole")
    return whole


def one_integer(entry: Group, key: str) -> int:
    """Return the one number of an array of any shape."""
    values = integers(entry, key, truncated=True)
    if values.size != 1:
        raise FileFormatError(f"{key} of shape {values.shape}; it must be one number")
    return int(values.flat[0])


def shape_of(entry: Group) -> Shape:
    """Return the shape of a population: `(C, H, W)`, or `(N,)`."""
    sizes = integers(entry, "shape").ravel()
    if len(sizes) not in (1, 3) or sizes.min() < 1 or sizes.max() > SIZE_MAX:
        raise FileFormatError(f"shape {tuple(sizes.tolist())}; it must be (C, H, W) or (N,)")
    shape = tuple(int(size) for size in sizes)
    check_neurons([shape])
    return shape


def pair(entry: Group, key: str, least: int, default: int | None = None) -> tuple[int, int]:
    """Return height and width of a stride, padding or dilation; one number stands for both."""
    if default is not None and key not in entry.members:
        return (default, default)
    values = integers(entry, key).ravel()
    if values.size not in (1, 2) or values.min() < least or values.max() > SIZE_MAX:
        raise FileFormatError(f"{key} {values.tolist()}; it must be one or two numbers of at least {least}")
    return (int(values[0]), int(values[-1]))


def kernel(entry: Group, channels: int) -> Integers:
    """Return the kernel `(out, in, height, width)` of a convolution, its dilation and groups filled in with zeros."""
    weight = integers(entry, "weight", truncated=True)
    if weight.ndim == 5 and weight.shape[4] == 1:
        weight = weight[..., 0]
    if weight.ndim != 4:
        raise FileFormatError(f"weight of shape {weight.shape}; it must be (out, in, height, width)")
    groups = one_integer(entry, "groups") if "groups" in entry.members else 1
    out, inner, height, width = weight.shape
    if groups < 1 or out % groups or inner * groups != channels:
        raise FileFormatError(f"weight of shape {weight.shape} in {groups} groups from {channels} channels; they do not fit")
    down, right = pair(entry, "dilation", 1, default=1)
    sizes = (out, channels, (height - 1) * down + 1, (width - 1) * right + 1)
    if float(out) * channels * sizes[2] * sizes[3] > MOST_WEIGHTS:
        raise FileFormatError(f"a kernel of {sizes} with its dilation and groups; allowed are {MOST_WEIGHTS:,} weights")
    filled = np.zeros(sizes, np.int64)
    for group in range(groups):
        outs, ins = (slice(group * size // groups, (group + 1) * size // groups) for size in (out, channels))
        filled[outs, ins, ::down, ::right] = weight[outs]
    return filled


def of_neurons(values: Integers, what: str, shape: Shape) -> Integers:
    """Return one number for each neuron of a population, in our order.

    The file has one for all, one for each channel, or one for each neuron in netx's W,H,C order.
    """
    if values.size == 1:
        return np.broadcast_to(values.ravel(), shape)
    if values.shape == shape[:1]:
        return np.broadcast_to(values.reshape(-1, *[1] * (len(shape) - 1)), shape)
    if values.shape == shape[::-1]:
        return values.transpose()
    raise FileFormatError(f"{what} of shape {values.shape} for neurons of {shape}; it must be one for all, channel or neuron")


def dense_delays(entry: Group, weight: Shape) -> Integers:
    """Return the delay of every weight `(out, in)`: the file has one, one for each output, for each input or each weight."""
    if "delay" not in entry.members:
        return np.zeros(weight, np.int64)
    delay = np.minimum(integers(entry, "delay", truncated=True), DELAY_MAX)  # as netx does
    if delay.min() < 0:
        raise FileFormatError(f"delay {delay.min()} is negative; the file is damaged")
    if delay.size == 1:
        return np.broadcast_to(delay.ravel(), weight)
    if delay.shape == weight[:1]:
        return np.broadcast_to(delay[:, None], weight)
    if delay.shape == weight[1:]:
        return np.broadcast_to(delay[None], weight)
    if delay.shape == weight:
        return delay
    raise FileFormatError(f"delay of shape {delay.shape} for a weight of shape {weight}; they do not fit")
