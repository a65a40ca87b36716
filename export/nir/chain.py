"""A NIR graph as what training can start from: a chain of weights, pools and LIF neurons, in units of the threshold."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import nir
import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.flat import FlatGraph, flat_graph, pair
from snnc.export.nir.folding import folded, per_channel_or
from snnc.export.nir.neurons import NEURONS
from snnc.export.nir.paths import Path, append
from snnc.export.nir.rules import Rules
from snnc.export.nir.terminals import input_of, targets
from snnc.toolchain.errors import CannotExport, FileFormatError, located
from snnc.toolchain.network.validation import check_neurons

TRAINED = (nir.LIF, nir.IF)
POOLS = (nir.AvgPool2d, nir.SumPool2d)
IMPORT = "`snnc import` may take it as it is"


@dataclass(frozen=True)
class ChainLayer:
    """One layer: weights `(out, in, k, k)` or `(out, in)` and biases `(out,)` in thresholds, behind average pools."""

    node: str  # of its neurons, or of its weights where none follow
    weight: Floats
    bias: Floats
    padding: int
    pool: int

    @property
    def kernel(self) -> int | None:
        """The side of its kernel, None for all-to-all."""
        return self.weight.shape[2] if self.weight.ndim == 4 else None


@dataclass(frozen=True)
class Chain:
    """All layers, the last one the read-out; the shape of the input; the share of the membrane kept; what must be said."""

    shape: tuple[int, ...]
    layers: tuple[ChainLayer, ...]
    keep: float
    notes: tuple[str, ...]


def chain_of(graph: nir.NIRGraph, rules: Rules) -> Chain:
    """Return a graph as a chain. Raises CannotExport, naming the node, for what training does not have.

    Resets become resets to zero at once, as the chip's are, and that is said: training adapts the weights to them.
    """
    flat = flat_graph(graph)
    entry, shape, _ = input_of(flat)
    notes = list[str]()
    if rules.reset != "zero" or rules.reset_delay:
        notes.append("resets of the graph's neurons become resets to zero at once, as the chip's are")
        rules = replace(rules, reset="zero", reset_delay=0)
    layers, keeps, waiting, now = list[ChainLayer](), dict[str, float](), list[str](), shape
    for name in _in_line(flat, entry):
        if not isinstance(flat.nodes[name], NEURONS):
            waiting.append(name)
            continue
        layer, keep, now = _population(flat, name, waiting, now, rules)
        layers.append(layer)
        keeps |= {name: keep}
        waiting = []
    weights = [name for name in waiting if isinstance(flat.nodes[name], (nir.Linear, nir.Affine, nir.Conv2d))]
    if weights:
        path, pool = _path(flat, waiting, now, rules)
        layers.append(_layer(weights[-1], path, np.asarray(path.weight), _channels(path, path.bias), pool))
    _check_ends(flat, layers)
    hidden = [layer.node for layer in layers[:-1]]
    keep = _one_keep(keeps, hidden)
    last = layers[-1].node
    if keeps.get(last, keep) != keep:
        notes.append(f"node {last!r} becomes the read-out, which keeps {keep:g} of its membrane as the layers do")
    return Chain(shape, tuple(layers), keep, tuple(notes))


def _in_line(flat: FlatGraph, entry: str) -> list[str]:
    """Return all nodes behind the input, in order. Raises CannotExport unless each leads to exactly one other."""
    if flat.back:
        raise CannotExport(f"node {min(flat.back)[0]!r} is part of a loop, which training does not have; {IMPORT}")
    line = [entry]
    while after := targets(flat, line[-1]):
        if len(after) > 1:
            raise CannotExport(
                f"node {line[-1]!r} sends to {len(after)} nodes; training takes chains without shortcuts; {IMPORT}"
            )
        line.append(after[0])
    aside = [name for name in flat.nodes if name not in line]
    if aside:
        raise CannotExport(f"node {aside[0]!r} is not on the one way from input to output; training takes chains; remove it")
    for name in line:
        _check_kind(name, flat.nodes[name])
    return line[1:]


def _check_kind(name: str, node: Any) -> None:
    if isinstance(node, NEURONS) and not isinstance(node, (*TRAINED, nir.LI, nir.I)):
        raise CannotExport(
            f"node {name!r} is a {type(node).__name__}; training has neurons without currents (LIF, IF); {IMPORT}"
        )
    if isinstance(node, nir.Delay):
        raise CannotExport(f"node {name!r} is a Delay, which training does not have; {IMPORT}")
    if isinstance(node, nir.Conv1d):
        raise CannotExport(f"node {name!r} is a Conv1d; training has convolutions of images (Conv2d); {IMPORT}")
    if isinstance(node, nir.Conv2d):
        plain = int(np.ravel(node.groups)[0]) == 1 and pair(node.dilation) == pair(node.stride) == (1, 1)
        if not plain or node.weight.shape[-1] != node.weight.shape[-2]:
            raise CannotExport(f"node {name!r}: training has square kernels without stride, dilation and groups; {IMPORT}")


def _population(
    flat: FlatGraph, name: str, waiting: list[str], source: tuple[int, ...], rules: Rules
) -> tuple[ChainLayer, float, tuple[int, ...]]:
    """Return the layer of one population, the share of the membrane that it keeps, and its shape."""
    path, pool = _path(flat, waiting, source, rules)
    if path.weight is None:
        raise CannotExport(f"node {name!r} has no weights in front of it, which training needs; {IMPORT}")
    real = folded(name, flat.nodes[name], [path], rules, 1)
    threshold = 1.0 if real.threshold is None else real.threshold
    if threshold <= 0:
        raise CannotExport(f"node {name!r}: its threshold of {threshold:g} is not above 0, where training has it")
    layer = _layer(name, path, real.weights[0] / threshold, _channels(path, real.bias / threshold), pool)
    return layer, real.keep, path.shape


def _path(flat: FlatGraph, waiting: list[str], source: tuple[int, ...], rules: Rules) -> tuple[Path, int]:
    """Return the way of the nodes behind a population, from what its pools give, and the side of their patches."""
    path, pool, sums = Path("source", source, source), 1, 1.0
    for name in waiting:
        node = flat.nodes[name]
        if isinstance(node, POOLS):
            if path.weight is not None or path.flattened or len(path.shape) != 3 or path.gain is not None:
                raise CannotExport(
                    f"node {name!r} does not pool the spikes of neurons, which training's pools do; move it there"
                )
            side = _side(name, node)
            pool, sums = pool * side, sums * (side**2 if isinstance(node, nir.SumPool2d) else 1)
            shape = (path.shape[0], path.shape[1] // side, path.shape[2] // side)
            path = Path("source", shape, shape)
            continue
        if sums != 1 and path.gain is None and path.weight is None:
            path.gain = np.full(path.shape, sums)
        if isinstance(node, (nir.Linear, nir.Affine)) and node.weight.shape[1] != prod(path.shape):
            raise FileFormatError(f"node {name!r} takes {node.weight.shape[1]} inputs and gets {path.shape}; mend the file")
        with located(f"node {name!r}"):
            append(path, name, node, rules)
            check_neurons([path.shape])
        if path.padding[0] != path.padding[1]:
            raise CannotExport(f"node {name!r}: padding of {path.padding}; training has the same on all sides; {IMPORT}")
    return path, pool


def _side(name: str, node: Any) -> int:
    size, stride, padding = pair(node.kernel_size), pair(node.stride), pair(node.padding)
    if size[0] != size[1] or size != stride or padding != (0, 0):
        raise CannotExport(f"node {name!r}: training has square pools of patches side by side, without padding; {IMPORT}")
    return size[0]


def _layer(name: str, path: Path, weight: Floats, bias: Floats, pool: int) -> ChainLayer:
    return ChainLayer(name, weight, bias, path.padding[0], pool)


def _channels(path: Path, bias: Any) -> Floats:
    """Return one bias for each channel or neuron."""
    values = np.asarray(bias, np.float64)
    values = values.reshape(-1, *[1] * (len(path.shape) - 1)) if values.ndim == 1 else values
    return per_channel_or(path.source, "bias", np.broadcast_to(values, path.shape)).copy()


def _check_ends(flat: FlatGraph, layers: list[ChainLayer]) -> None:
    if len(layers) < 2:
        raise CannotExport("the graph needs a layer of spiking neurons and a last layer of weights, which becomes the read-out")
    for layer in layers[:-1]:
        if not isinstance(flat.nodes[layer.node], TRAINED):
            raise CannotExport(f"node {layer.node!r} is an integrator in the middle; training's neurons send spikes; {IMPORT}")
    if layers[-1].kernel is not None:
        raise CannotExport(
            f"node {layers[-1].node!r}: the last weights are a convolution; end the graph with Flatten and Linear"
        )


def _one_keep(keeps: dict[str, float], hidden: list[str]) -> float:
    keep = keeps[hidden[0]]
    other = next((name for name in hidden if keeps[name] != keep), None)
    if other is not None:
        raise CannotExport(
            f"node {other!r} keeps {keeps[other]:g} of its membrane and {hidden[0]!r} keeps {keep:g}; training has one beta"
        )
    return keep
