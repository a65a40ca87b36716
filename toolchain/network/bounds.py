"""Proves from the worst case of every sum that currents never wrap, membranes never saturate and read-outs never spike."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.network.validation import Int64s

Range = tuple[int, int]


@dataclass(frozen=True)
class Bounds:
    """The least and the largest values that a population can reach, one for each neuron: input, current, membrane."""

    a: tuple[Int64s, Int64s]
    u: tuple[Int64s, Int64s]
    v: tuple[Int64s, Int64s]


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


def layer_bounds(layer: Layer, ranges: dict[str, Range], timesteps: int, shapes: dict[str, tuple[int, ...]]) -> Bounds:
    """Bound a layer whose sources stay within `ranges`; every input may be at its worst at every step.

    The input of a recurrent synapse is spikes, so cycles need nothing more. A delayed synapse brings 0 at first.

    Decay and saturation are monotone, so driving the extremes step by step gives the extremes of every step.
    """
    low, high = _worst_inputs(layer, ranges, shapes)
    neuron = layer.neuron
    u_low = u_high = v_low = v_high = np.zeros(neuron.shape, np.int64)
    lowest_u, highest_u, lowest_v, highest_v = u_low, u_high, v_low, v_high
    for _ in range(timesteps):
        u_low = lif.decayed(u_low, neuron.du + 1) + (low << lif.UNIT_SHIFT)
        u_high = lif.decayed(u_high, neuron.du + 1) + (high << lif.UNIT_SHIFT)
        # A membrane above the threshold is reset to 0, so what is carried on lies within 0 and the threshold or below.
        carried = np.minimum(np.maximum(v_high, 0), neuron.vth << lif.UNIT_SHIFT)
        v_low = lif.decayed(np.minimum(v_low, 0), neuron.dv) + u_low + neuron.bias
        v_high = lif.decayed(carried, neuron.dv) + u_high + neuron.bias
        lowest_u, highest_u = np.minimum(lowest_u, u_low), np.maximum(highest_u, u_high)
        lowest_v, highest_v = np.minimum(lowest_v, v_low), np.maximum(highest_v, v_high)
    return Bounds((low, high), (lowest_u, highest_u), (lowest_v, highest_v))


def overflows(network: Network) -> Iterator[Overflow]:
    """Yield the worst neuron of every limit that can be broken: u beyond 24 bits, v beyond 24 bits, a read-out that spikes."""
    ranges, shapes = network.ranges, network.shapes
    for layer in network.layers:
        bounds = layer_bounds(layer, ranges, network.timesteps, shapes)
        yield from _above(layer, "current u", bounds.u, lif.STATE_LIMIT - 1, ranges)
        yield from _above(layer, "membrane v (before a reset)", bounds.v, lif.MEMBRANE_MAX, ranges)
        if network.is_readout(layer):
            never_below = (np.zeros_like(bounds.v[1]), bounds.v[1])
            yield from _above(layer, "read-out membrane", never_below, layer.neuron.vth << lif.UNIT_SHIFT, ranges)


def prove(network: Network) -> None:
    """Raise NetworkError, naming neuron and input, unless no sum can overflow and no membrane read-out can spike."""
    for overflow in overflows(network):
        raise NetworkError(f"{overflow}; train with smaller weights or biases, fewer inputs or a smaller --beta")


def _worst_inputs(layer: Layer, ranges: dict[str, Range], shapes: dict[str, tuple[int, ...]]) -> tuple[Int64s, Int64s]:
    low = high = np.zeros(layer.output_shape, np.int64)
    for synapse in layer.synapses:
        shape = shapes[synapse.source]
        excitatory = replace(synapse, weight=np.maximum(synapse.weight, 0))
        inhibitory = replace(synapse, weight=np.minimum(synapse.weight, 0))
        least, most = _brought(synapse, ranges)
        low = low + _driven(excitatory, least, shape) + _driven(inhibitory, most, shape)
        high = high + _driven(excitatory, most, shape) + _driven(inhibitory, least, shape)
    return low, high


def _brought(synapse: Synapse, ranges: dict[str, Range]) -> Range:
    """Return the least and the most that a synapse brings: what its source sends, and 0 before its delay has passed."""
    least, most = ranges[synapse.source]
    return (min(least, 0), max(most, 0)) if synapse.delay else (least, most)


def _driven(synapse: Synapse, value: int, shape: tuple[int, ...]) -> Int64s | int:
    """Return the sums that a source gives which holds `value` everywhere; nothing to compute for the 0 of a silent one."""
    return synapse.sums(np.full((1, *shape), value, np.int64))[0] if value else 0


def _above(layer: Layer, what: str, reached: tuple[Int64s, Int64s], limit: int, ranges: dict[str, Range]) -> Iterator[Overflow]:
    low, high = reached
    worst = np.maximum(-low, high)
    if worst.max() <= limit:
        return
    where = np.unravel_index(int(worst.argmax()), worst.shape)
    upward = high[where] >= -low[where]
    drive = " and ".join(_extremes(synapse.source, *_brought(synapse, ranges), upward=upward) for synapse in layer.synapses)
    value = int(high[where]) if upward else int(low[where])
    yield Overflow(layer.name, tuple(int(i) for i in where), what, value, limit, drive)


def _extremes(source: str, least: int, most: int, *, upward: bool) -> str:
    strong, weak = (most, least) if upward else (least, most)
    return f"{source!r} at {strong} where the weight is positive and at {weak} where it is negative"
