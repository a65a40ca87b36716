"""The linear nodes between two populations of a NIR graph, folded into one: scales, pools, flattening, and the weights."""

from dataclasses import dataclass
from math import prod

import nir
import numpy as np
from numpy.typing import NDArray

from snnc.export.nir_flat import FlatGraph, Floats, kernel, pair
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.synapse import Conv, Dense, Synapse

WEIGHTS = (nir.Conv1d, nir.Conv2d, nir.Linear, nir.Affine)


@dataclass
class Path:
    """The linear way from one population to the next, in real numbers."""

    source: str
    shape: tuple[int, ...]  # of what has been passed on so far
    weight: Floats | None = None  # (out, in, kh, kw), or (out, in) once flat
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int] = (0, 0)
    bias: Floats | float = 0.0
    pool: int = 1
    gain: Floats | float = 1.0  # in front of the weights
    flattened: tuple[int, ...] | None = None  # the shape before a flatten


def path_to(flat: FlatGraph, name: str, shapes: dict[str, tuple[int, ...]], names: dict[str, str]) -> Path:
    """Return the way to a node from the population behind it."""
    if name in names:
        return Path(names[name], shapes[name])
    before = flat.sources[name]
    if len(before) != 1:
        raise CannotExport(f"node {name!r} has {len(before)} sources; inputs may be summed at neurons only")
    path = path_to(flat, before[0], shapes, names)
    _append(path, name, flat.nodes[name])
    return path


def _append(path: Path, name: str, node: nir.NIRNode) -> None:
    if isinstance(node, (nir.Input, nir.Output)):
        return
    if isinstance(node, nir.Flatten):
        if path.weight is None:
            path.flattened = path.flattened or path.shape
        path.shape = (prod(path.shape),)
    elif isinstance(node, nir.Scale):
        _scale(path, name, np.asarray(node.scale, np.float64))
    elif isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        _pool(path, name, node)
    elif isinstance(node, WEIGHTS) and path.weight is not None:
        raise CannotExport(f"node {name!r} is a second layer of weights without neurons between; multiply the two first")
    elif isinstance(node, (nir.Conv1d, nir.Conv2d)):
        weight, path.stride, path.padding = kernel(name, node)
        path.weight = weight * np.reshape(path.gain, (-1, 1, 1)) if np.ndim(path.gain) else weight * path.gain
        path.bias = np.asarray(node.bias, np.float64)
        path.shape = Conv(path.source, np.ones(weight.shape, np.int8), path.stride, path.padding).output_shape(path.shape)
    elif isinstance(node, (nir.Linear, nir.Affine)):
        path.weight = np.asarray(node.weight, np.float64) * np.ravel(path.gain)
        path.bias = np.asarray(getattr(node, "bias", np.zeros(len(path.weight))), np.float64)
        path.shape = (len(path.weight),)
    else:
        raise CannotExport(f"node {name!r} is a {type(node).__name__}, which has no counterpart on the chip")


def _scale(path: Path, name: str, scale: Floats) -> None:
    per_channel = scale.reshape(-1) if scale.size in (1, path.shape[0]) else None
    if len(path.shape) == 3 and per_channel is None:
        first = scale.reshape(scale.shape[0], -1)
        if (first != first[:, :1]).any():
            raise CannotExport(f"node {name!r} scales neurons of one channel differently; fold it into the weights first")
        per_channel = first[:, 0]
    factors = scale.reshape(-1) if per_channel is None else per_channel
    if path.weight is None:
        path.gain = path.gain * factors
    else:
        path.weight = path.weight * factors.reshape(-1, *[1] * (path.weight.ndim - 1))
        path.bias = path.bias * factors


def _pool(path: Path, name: str, node: nir.NIRNode) -> None:
    (height, width), stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
    even = len(path.shape) == 3 and path.shape[1] % height == path.shape[2] % width == 0
    if path.weight is not None:
        raise CannotExport(f"node {name!r} pools between weights and neurons; pool the spikes after the neurons instead")
    if height != width or stride != (height, width) or any(padding) or not even or path.flattened:
        raise CannotExport(
            f"node {name!r} pools patches that overlap or do not tile the image; use stride = kernel, no padding"
        )
    path.pool *= height
    path.gain = path.gain * (1.0 if isinstance(node, nir.SumPool2d) else 1 / (height * width))
    path.shape = (path.shape[0], path.shape[1] // height, path.shape[2] // width)


def integer_synapse(path: Path, weight: Floats) -> Synapse:
    """Return the integer synapse of a path, its pools folded into the taps."""
    pool = path.pool
    if weight.ndim == 4:
        grown = weight.repeat(pool, 2).repeat(pool, 3)
        stride, padding = (tuple(pool * size for size in sizes) for sizes in (path.stride, path.padding))
        return Conv(path.source, _int8(grown), (stride[0], stride[1]), (padding[0], padding[1]))
    if pool > 1 and path.flattened:
        weight = weight.reshape(len(weight), *path.flattened).repeat(pool, 2).repeat(pool, 3).reshape(len(weight), -1)
    return Dense(path.source, _int8(weight))


def _int8(whole: Floats) -> NDArray[np.int8]:
    return whole.astype(np.int8)
