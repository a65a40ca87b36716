"""Proves from the worst case of every sum that currents never wrap, membranes never saturate and read-outs never spike."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network import lif
from snnc.toolchain.network.interval import driven
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Int64s, Shape

Range = tuple[int | Int64s, int | Int64s]  # the least and the most that a source sends: of all its neurons, or of each
READOUT = "read-out membrane"  # what may not reach above its threshold
ROUNDS = 4  # in which layers that feed each other tighten what each of them can send


@dataclass(frozen=True)
class Bounds:
    """The least and the largest values that a population can reach, one for each neuron: input, current, membrane.

    `spikes` are the least and the most that a neuron sends at any step: `(0, 0)` if it never spikes, `(1, 1)` if always.
    `broken` is the first step, counted from 1, at which a neuron can leave a limit (0: never); `settled` tells whether nothing
    new can come after the last step.
    """

    a: tuple[Int64s, Int64s]
    u: tuple[Int64s, Int64s]
    v: tuple[Int64s, Int64s]
    spikes: tuple[Int64s, Int64s]
    broken: Int64s
    settled: bool


@dataclass(frozen=True)
class Overflow:
    """One neuron that can leave the chip's range, and the input that drives it there."""

    layer: str
    neuron: tuple[int, ...]
    what: str
    value: int
    limit: int
    drive: str

    def __str__(self) -> str:
        """Return one line for people."""
        return (
            f"layer {self.layer!r}: {self.what} of neuron {self.neuron} can reach {self.value}, the limit is {self.limit}; "
            f"the bound takes {self.drive} at every step"
        )


def layer_bounds(
    layer: Layer, ranges: Mapping[str, Range], timesteps: int | None, shapes: Mapping[str, Shape], *, readout: bool = False
) -> Bounds:
    """Bound a layer whose sources stay within `ranges`; every input may be at its worst at every step.

    A delayed synapse brings 0 at first. `timesteps` None and `readout` are as for `interval.driven`.
    """
    low, high = _worst_inputs(layer, ranges, shapes)
    found = driven(low, high, layer.neuron, timesteps, readout=readout)
    return Bounds((low, high), found.u, found.v, found.spikes, found.broken, found.settled)


def network_bounds(network: Network, *, any_timesteps: bool = False) -> dict[str, Bounds]:
    """Bound every layer by its name: over the network's time steps, or over any number of them until a limit can be broken.

    What a layer is fed is bounded by what its sources can send: neurons that never spike bring nothing.
    """
    ranges: dict[str, Range] = {**network.ranges}
    found: dict[str, Bounds] = {}
    steps = None if any_timesteps else network.timesteps
    for stage in stages(network.layers):
        for _ in range(ROUNDS if is_recurrent(stage) else 1):
            for layer in stage:
                found[layer.name] = layer_bounds(layer, ranges, steps, network.shapes, readout=network.is_readout(layer))
                ranges[layer.name] = found[layer.name].spikes
    return found


def overflows(network: Network, found: Mapping[str, Bounds] | None = None) -> Iterator[Overflow]:
    """Yield the worst neuron of every limit that can be broken: u beyond 24 bits, v beyond 24 bits, a read-out that spikes.

    `found` are its `network_bounds`, where they are known already.
    """
    found = found or network_bounds(network)
    ranges: dict[str, Range] = {**network.ranges, **{name: bounds.spikes for name, bounds in found.items()}}
    for layer in network.layers:
        bounds = found[layer.name]
        yield from _above(layer, "current u", bounds.u, lif.STATE_LIMIT - 1, ranges)
        yield from _above(layer, "membrane v (before a reset)", bounds.v, lif.MEMBRANE_MAX, ranges)
        if network.is_readout(layer):
            never_below = (np.zeros_like(bounds.v[1]), bounds.v[1])
            yield from _above(layer, READOUT, never_below, layer.neuron.vth << lif.UNIT_SHIFT, ranges)


def prove(network: Network) -> None:
    """Raise NetworkError, naming neuron and input, unless no sum can overflow and no membrane read-out can spike."""
    for overflow in overflows(network):
        raise NetworkError(f"{overflow}; train with smaller weights or biases, fewer inputs or a smaller --beta")


def _worst_inputs(layer: Layer, ranges: Mapping[str, Range], shapes: Mapping[str, Shape]) -> tuple[Int64s, Int64s]:
    low = high = np.zeros(layer.output_shape, np.int64)
    for synapse in layer.synapses:
        shape = shapes[synapse.source]
        excitatory = replace(synapse, weight=np.maximum(synapse.weight, 0))
        inhibitory = replace(synapse, weight=np.minimum(synapse.weight, 0))
        least, most = _brought(synapse, ranges)
        low = low + _driven(excitatory, least, shape) + _driven(inhibitory, most, shape)
        high = high + _driven(excitatory, most, shape) + _driven(inhibitory, least, shape)
    return low, high


def _brought(synapse: Synapse, ranges: Mapping[str, Range]) -> Range:
    """Return the least and the most that a synapse brings: what its source sends, and 0 before its delay has passed."""
    least, most = ranges[synapse.source]
    return (np.minimum(least, 0), np.maximum(most, 0)) if synapse.delay else (least, most)


def _driven(synapse: Synapse, values: int | Int64s, shape: Shape) -> Int64s | int:
    """Return the sums that a source gives which holds these values; nothing to compute for the 0 of a silent one."""
    return synapse.sums(np.broadcast_to(np.asarray(values, np.int64), (1, *shape)))[0] if np.any(values) else 0


def _above(
    layer: Layer, what: str, reached: tuple[Int64s, Int64s], limit: int, ranges: Mapping[str, Range]
) -> Iterator[Overflow]:
    low, high = reached
    worst = np.maximum(-low, high)
    if worst.max() <= limit:
        return
    where = np.unravel_index(int(worst.argmax()), worst.shape)
    upward = high[where] >= -low[where]
    drive = " and ".join(_extremes(synapse.source, *_brought(synapse, ranges), upward=upward) for synapse in layer.synapses)
    value = int(high[where]) if upward else int(low[where])
    yield Overflow(layer.name, tuple(int(i) for i in where), what, value, limit, drive)


def _extremes(source: str, least: int | Int64s, most: int | Int64s, *, upward: bool) -> str:
    strong, weak = (np.max(most), np.min(least)) if upward else (np.min(least), np.max(most))
    return f"{source!r} at {strong} where the weight is positive and at {weak} where it is negative"
