"""Says in one line where two networks differ."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from snnc.toolchain.network.network import Layer, Network


def network_difference(first: Network, second: Network) -> str | None:
    """Return the first number or name in which two networks differ, or None; their titles and labels do not count."""
    if len(first.layers) != len(second.layers):
        return f"{len(first.layers)} and {len(second.layers)} layers"
    for what, one, other in _numbers(first, second):
        if not np.array_equal(one, other):
            return f"{what}: {_place(one, other)}"
    return None


def _numbers(first: Network, second: Network) -> Iterator[tuple[str, Any, Any]]:
    yield "time steps", first.timesteps, second.timesteps
    yield "read-out", first.readout, second.readout
    for key in vars(first.input):
        yield f"input {key}", getattr(first.input, key), getattr(second.input, key)
    for one, other in zip(first.layers, second.layers, strict=True):
        yield "layer name", one.name, other.name
        yield from ((f"layer {one.name!r}, {what}", a, b) for what, a, b in _layer_numbers(one, other))


def _layer_numbers(first: Layer, second: Layer) -> Iterator[tuple[str, Any, Any]]:
    for key in ("shape", "vth", "du", "dv", "bias"):
        yield key, getattr(first.neuron, key), getattr(second.neuron, key)
    yield "number of synapses", len(first.synapses), len(second.synapses)
    for one, other in zip(first.synapses, second.synapses, strict=True):
        yield "synapses", (one.text(), str(one.geometry)), (other.text(), str(other.geometry))
        yield "weight", one.weight, other.weight


def _place(one: Any, other: Any) -> str:
    if np.shape(one) != np.shape(other) or np.ndim(one) == 0 or isinstance(one, tuple):
        return f"{one} and {other}"
    where = tuple(int(i) for i in np.argwhere(np.asarray(one) != np.asarray(other))[0])
    return f"at {where} {one[where]} and {other[where]}"
