"""Runs a NIR graph in real numbers (float64), node by node as NIR defines them, under stated rules for what it leaves open."""

from collections.abc import Callable
from typing import Any

import nir
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from snnc.export.nir.constants import Floats, stored
from snnc.export.nir.flat import FlatGraph, flat_graph, kernel, pair
from snnc.export.nir.neurons import NEURONS, Activity, Stepper, real_neurons, run
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import FileFormatError

WHOLE_STEPS = 1e-3  # what a delay may miss a whole number of time steps by


def interpret(graph: nir.NIRGraph, samples: NDArray[np.number[Any]], rules: Rules) -> dict[str, Activity]:
    """Run samples `(T, B, ...)` and return the activity of every node by name; edges into one node are summed.

    What comes around a loop arrives a step later. Raises FileFormatError for loops without neurons and for nodes that are no
    part of spiking networks here.
    """
    flat = flat_graph(graph)
    if flat.back:
        return _step_by_step(flat, np.asarray(samples, np.float64), rules)
    done = dict[str, Activity]()
    for name, node in flat.nodes.items():
        if isinstance(node, nir.Input) and not flat.sources[name]:
            x = np.asarray(samples, np.float64)
        elif flat.sources[name]:
            x = sum((done[source].sent for source in flat.sources[name][1:]), done[flat.sources[name][0]].sent)
        else:
            raise FileFormatError(f"node {name!r} has no source; connect or remove it")
        if isinstance(node, NEURONS):
            done[name] = run(real_neurons(node, rules), x, rules)
        else:
            done[name] = Activity(
                delayed(x, steps_of(name, node, rules)) if isinstance(node, nir.Delay) else _linear(name, node)(x)
            )
    return done


def steps_of(name: str, node: nir.Delay, rules: Rules) -> int:
    """Return the time steps of a Delay. Raises FileFormatError unless they are the same whole number for all."""
    steps = np.unique(np.asarray(node.delay, np.float64) / rules.dt)
    whole = np.rint(steps)
    if len(np.unique(whole)) != 1 or whole[0] < 0 or (np.abs(steps - whole) > WHOLE_STEPS).any():
        raise FileFormatError(
            f"node {name!r}: its delay is {steps[0]:g} to {steps[-1]:g} time steps of {rules.dt:g} s; allowed is a whole one"
        )
    return int(whole[0])


def delayed(x: Floats, steps: int) -> Floats:
    """Return `(T, ...)` some steps later, silent at first."""
    return np.concatenate([np.zeros_like(x[:steps]), x[: max(len(x) - steps, 0)]])


def _step_by_step(flat: FlatGraph, samples: Floats, rules: Rules) -> dict[str, Activity]:
    """Run a graph with loops: all nodes in their order, one step after the other."""
    steppers = {
        name: Stepper(real_neurons(node, rules), rules) for name, node in flat.nodes.items() if isinstance(node, NEURONS)
    }
    linear = {name: _linear(name, node) for name, node in flat.nodes.items() if not isinstance(node, (*NEURONS, nir.Delay))}
    sent: dict[str, list[Floats]] = {name: [] for name in flat.nodes}
    membranes: dict[str, list[Floats]] = {name: [] for name in steppers}
    for t, frame in enumerate(samples):
        for name, node in flat.nodes.items():
            x = _arriving(flat, name, frame, sent, t)
            if name in steppers:
                spikes, after = steppers[name].step(x)
                sent[name].append(np.broadcast_to(spikes, x.shape))
                membranes[name].append(np.broadcast_to(after, x.shape))
            elif isinstance(node, nir.Delay):
                ago = t - steps_of(name, node, rules)
                membranes.setdefault(name, []).append(x)
                sent[name].append(membranes[name][ago] if ago >= 0 else np.zeros_like(x))
            else:
                sent[name].append(linear[name](x[None])[0])
    return {
        name: Activity(np.stack(values), np.stack(membranes[name]) if name in steppers else None)
        for name, values in sent.items()
    }


def _arriving(flat: FlatGraph, name: str, frame: Floats, sent: dict[str, list[Floats]], t: int) -> Floats:
    sources = flat.sources[name]
    if not sources:
        if not isinstance(flat.nodes[name], nir.Input):
            raise FileFormatError(f"node {name!r} has no source; connect or remove it")
        return frame
    now = [sent[source][t] for source in sources if (source, name) not in flat.back]
    before = [sent[source][t - 1] for source in sources if (source, name) in flat.back and t]
    if not now and not before:  # nothing has come around yet
        node = flat.nodes[name]
        shape = node.weight.shape[1:] if isinstance(node, (nir.Linear, nir.Affine)) else _population(flat, sources[0])
        return np.zeros((len(frame), *shape))
    arriving = [*now, *before]
    total: Floats = sum(arriving[1:], arriving[0])
    return total


def _population(flat: FlatGraph, name: str) -> tuple[int, ...]:
    node: Any = flat.nodes[name]
    return np.shape(node.v_threshold if hasattr(node, "v_threshold") else node.r)


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
