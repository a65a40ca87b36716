"""One neuron over all time steps as each engine saw it: its input, u, v, and spikes."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import ConfigError, row
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.simulate.frames import Frames, delayed
from snnc.toolchain.simulate.trace import Trace


@dataclass(frozen=True)
class NeuronTrace:
    """One neuron in one engine, a number per time step; `a` is in weight units, `u`, `before` and `v` in 1/64 of one.

    `v` and `spikes` are what the engine recorded. Engines record neither sums nor currents: `a` is the sum of the weights over
    the spikes that this engine recorded in the source layers, `u` follows from it, and `before` is the membrane before a reset,
    from `u` and the engine's own membrane one step earlier. Where `before` and `v` disagree, this very neuron went wrong.
    """

    engine: str
    a: tuple[int, ...]
    u: tuple[int, ...]
    before: tuple[int, ...]
    v: tuple[int, ...]
    spikes: tuple[int, ...]

    @property
    def numbers(self) -> tuple[tuple[int, ...], ...]:
        """All that was seen, without the name of the engine."""
        return self.a, self.u, self.before, self.v, self.spikes

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, lists over the time steps."""
        return {name: list(values) for name, values in vars(self).items() if name != "engine"}


def layer_named(network: Network, name: str | None) -> Layer:
    """Return a layer by its name; None: the last. Raises ConfigError for one that is not there."""
    layers = {layer.name: layer for layer in network.layers}
    return network.layers[-1] if name is None else row(layers, name, "layer")


def place_of(layer: Layer, text: str) -> tuple[int, ...]:
    """Return the coordinates of a neuron that is named by a flat index, `17`, or by coordinates, `3,0,5`.

    Raises ConfigError for what is no neuron of the layer.
    """
    shape = layer.output_shape
    sizes = " and ".join(f"0..{size - 1}" for size in shape)
    allowed = f"allowed are a flat index 0..{prod(shape) - 1}, or coordinates in {sizes}"
    try:
        numbers = tuple(int(part) for part in text.strip("() ").rstrip(",").split(","))
    except ValueError:
        raise ConfigError(f"neuron {text!r} is not a number or numbers with commas; {allowed}") from None
    if len(numbers) == 1 and 0 <= numbers[0] < prod(shape):
        return tuple(int(part) for part in np.unravel_index(numbers[0], shape))
    if len(numbers) != len(shape) or not all(0 <= number < size for number, size in zip(numbers, shape, strict=True)):
        raise ConfigError(f"layer {layer.name!r} has no neuron {text!r}; {allowed}")
    return numbers


def parameters_of(layer: Layer, place: Sequence[int]) -> dict[str, int]:
    """Return the parameters of one neuron: its threshold in weight units, its bias in 1/64 of one, and its decays."""
    where, neuron = int(np.ravel_multi_index(tuple(place), layer.output_shape)), layer.neuron
    each = {"bias": neuron.bias, "du": neuron.du, "dv": neuron.dv}
    return {"threshold": neuron.vth} | {
        name: int(np.broadcast_to(value, neuron.shape).flat[where]) for name, value in each.items()
    }


def neuron_trace(network: Network, frames: Frames, trace: Trace, layer: Layer, place: Sequence[int]) -> NeuronTrace:
    """Return one neuron in an engine's trace of one sample.

    Args:
        network: the network that ran.
        frames: the input `(F, 1, *input.shape)`, F being T or 1.
        trace: what the engine recorded of it.
        layer: a layer of the network.
        place: the neuron's coordinates within the layer.
    """
    timesteps, parameters = network.timesteps, parameters_of(layer, place)
    where = int(np.ravel_multi_index(tuple(place), layer.output_shape))
    a = np.zeros(timesteps, np.int64)
    for synapse in layer.synapses:
        source = frames if synapse.source == INPUT else trace.spikes[synapse.source][:, :1]
        a = a + delayed(np.array([synapse.sums(frame).flat[where] for frame in source]), synapse.delay, timesteps)
    v = trace.membranes[layer.name][:, 0].reshape(timesteps, -1)[:, where].astype(np.int64)
    du, dv, bias = (parameters[name] for name in ("du", "dv", "bias"))
    current, held = 0, 0
    u, before = [], []
    for step in range(timesteps):
        current, membrane = lif.integrate(current, held, int(a[step]), du=du, dv=dv, bias=bias)
        u.append(int(current))
        before.append(int(membrane))
        held = int(v[step])
    spikes = trace.spikes[layer.name][:, 0].reshape(timesteps, -1)[:, where]
    return NeuronTrace(trace.engine, _ints(a), tuple(u), tuple(before), _ints(v), _ints(spikes))


def alike(traces: Sequence[NeuronTrace]) -> list[list[NeuronTrace]]:
    """Return traces in groups of equal numbers, in their order."""
    groups: dict[Any, list[NeuronTrace]] = {}
    for trace in traces:
        groups.setdefault(trace.numbers, []).append(trace)
    return list(groups.values())


def names_of(group: Sequence[NeuronTrace]) -> str:
    """Return the engines of a group as an equation."""
    return " = ".join(one.engine for one in group)


def _ints(values: NDArray[Any]) -> tuple[int, ...]:
    return tuple(int(value) for value in values)
