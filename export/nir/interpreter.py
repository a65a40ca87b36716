"""Runs a NIR graph in real numbers (float64), node by node as NIR defines them, under stated rules for what it leaves open."""

from collections.abc import Callable
from typing import Any

import nir
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from snnc.export.nir.constants import Floats, stored
from snnc.export.nir.flat import flat_graph, kernel, pair
from snnc.export.nir.neurons import NEURONS, Activity, real_neurons, run
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import FileFormatError


def interpret(graph: nir.NIRGraph, samples: NDArray[np.number[Any]], rules: Rules) -> dict[str, Activity]:
    """Run samples `(T, B, ...)` and return the activity of every node by name; edges into one node are summed.

    Raises FileFormatError for loops and for nodes that are no part of feed-forward spiking networks here.
    """
    flat, done = flat_graph(graph), dict[str, Activity]()
    for name, node in flat.nodes.items():
        if isinstance(node, nir.Input) and not flat.sources[name]:
            x = np.asarray(samples, np.float64)
        elif flat.sources[name]:
            x = sum((done[source].sent for source in flat.sources[name][1:]), done[flat.sources[name][0]].sent)
        else:
            raise FileFormatError(f"node {name!r} has no source; connect or remove it")
        done[name] = run(real_neurons(node, rules), x, rules) if isinstance(node, NEURONS) else Activity(_linear(name, node)(x))
    return done


def _linear(name: str, node: nir.NIRNode) -> Callable[[Floats], Floats]:
    """Return what a node without time does to `(T, B, ...)`."""
    if isinstance(node, (nir.Input, nir.Output)):
        return lambda x: x
    if isinstance(node, nir.Flatten):
        return lambda x: x.reshape(*x.shape[:2], -1)
    if isinstance(node, nir.Scale):
        return lambda x: x * stored(node.scale)
    if isinstance(node, (nir.Linear, nir.Affine)):
        bias = stored(getattr(node, "bias", 0.0))
        return lambda x: x @ stored(node.weight).T + bias
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        weight, stride, padding = kernel(name, node)
        offset = stored(node.bias).reshape(-1, *[1] * (2 if isinstance(node, nir.Conv2d) else 1))
        return lambda x: convolved(x, weight, stride, padding) + offset
    if isinstance(node, (nir.SumPool2d, nir.AvgPool2d)):
        size, stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
        share = 1.0 if isinstance(node, nir.SumPool2d) else 1 / (size[0] * size[1])
        return lambda x: _windows(x, size, stride, padding).sum((-2, -1)) * share
    raise FileFormatError(f"node {name!r} is a {type(node).__name__}, which is no part of feed-forward spiking networks here")


def _windows(x: Floats, size: tuple[int, int], stride: tuple[int, int], padding: tuple[int, int]) -> Floats:
    (py, px), (sy, sx) = padding, stride
    padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + [(py, py), (px, px)])
    windows: Floats = sliding_window_view(padded, size, axis=(-2, -1))[..., ::sy, ::sx, :, :]  # type: ignore[call-overload]
    return windows


def convolved(x: Floats, weight: Floats, stride: tuple[int, int], padding: tuple[int, int]) -> Floats:
    """Convolve `(T, B, C, H, W)`, or `(T, B, C, N)` of height 1."""
    flat = x.ndim == 4  # (T, B, C, N): a convolution of height 1
    x = x[..., None, :] if flat else x
    windows = _windows(x, (weight.shape[2], weight.shape[3]), stride, padding)
    summed: Floats = np.einsum("tbchwyx,ocyx->tbohw", windows, weight, optimize=True)
    return summed[..., 0, :] if flat else summed
