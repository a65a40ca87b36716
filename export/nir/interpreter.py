"""Runs a NIR graph in real numbers (float64), node by node as NIR defines them, under stated rules for what it leaves open."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import nir
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from snnc.export.nir.flat import Floats, flat_graph, kernel, pair
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import FileFormatError


@dataclass(frozen=True)
class Activity:
    """What one node sent, `(T, B, ...)`, and the membranes of a neuron after reset."""

    sent: Floats
    membranes: Floats | None = None


NEURONS = (nir.LIF, nir.IF, nir.LI)


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
        done[name] = neurons(node, x, rules) if isinstance(node, NEURONS) else Activity(_linear(name, node)(x))
    return done


def neurons(node: nir.NIRNode, inputs: Floats, rules: Rules) -> Activity:
    """Step one population over inputs `(T, B, ...)`; an LI sends its membrane."""
    kept, gain, drive = rules.kept(node), rules.gain(node), rules.drive(node)
    v = np.zeros(inputs.shape[1:])
    sent, membranes = np.empty(inputs.shape), np.empty(inputs.shape)
    pending = [np.zeros(inputs.shape[1:], bool)] * rules.reset_delay
    for t, now in enumerate(inputs):
        v = kept * v + gain * now + drive
        if isinstance(node, nir.LI):
            sent[t] = membranes[t] = v
            continue
        threshold = np.asarray(node.v_threshold, np.float64)
        fired = v > threshold if rules.compare == ">" else v >= threshold
        pending.append(fired)
        reset = pending.pop(0)
        v = np.where(reset, np.asarray(node.v_reset, np.float64) if rules.reset == "zero" else v - threshold, v)
        sent[t], membranes[t] = fired, v
    return Activity(sent, membranes)


def _linear(name: str, node: nir.NIRNode) -> Callable[[Floats], Floats]:
    """Return what a node without time does to `(T, B, ...)`."""
    if isinstance(node, (nir.Input, nir.Output)):
        return lambda x: x
    if isinstance(node, nir.Flatten):
        return lambda x: x.reshape(*x.shape[:2], -1)
    if isinstance(node, nir.Scale):
        return lambda x: x * np.asarray(node.scale, np.float64)
    if isinstance(node, (nir.Linear, nir.Affine)):
        bias = np.asarray(getattr(node, "bias", 0.0), np.float64)
        return lambda x: x @ np.asarray(node.weight, np.float64).T + bias
    if isinstance(node, (nir.Conv1d, nir.Conv2d)):
        weight, stride, padding = kernel(name, node)
        offset = np.asarray(node.bias, np.float64).reshape(-1, *[1] * (2 if isinstance(node, nir.Conv2d) else 1))
        return lambda x: _convolved(x, weight, stride, padding) + offset
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


def _convolved(x: Floats, weight: Floats, stride: tuple[int, int], padding: tuple[int, int]) -> Floats:
    flat = x.ndim == 4  # (T, B, C, N): a convolution of height 1
    x = x[..., None, :] if flat else x
    windows = _windows(x, (weight.shape[2], weight.shape[3]), stride, padding)
    summed: Floats = np.einsum("tbchwyx,ocyx->tbohw", windows, weight, optimize=True)
    return summed[..., 0, :] if flat else summed
