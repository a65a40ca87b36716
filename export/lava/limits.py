"""What Lava's stock processes can run, bit for bit as the Network says: `violations` lists all that they cannot.

Read off lava-nc 0.10.0's process models for CPUs. Imports no Lava, so that it can be asked where none is installed.
"""

from collections.abc import Iterator

import numpy as np

from snnc.export.lava.schedule import Schedule, schedule
from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import layer_bounds
from snnc.toolchain.network.chips import DELAY_MAX, Chip, Found, Limit, extreme, input_values, of_layers
from snnc.toolchain.network.chips import violations as violations_of
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.passes import hurried
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Int64s
from snnc.toolchain.network.violation import Violation

MESSAGE_BITS = 16  # of one graded input
WEIGHT_BITS = 8  # of one Dense process; wider weights are split over several
CONV_SUM = 2 ** (lif.STATE_BITS - 1)  # where its output wraps around
# What is left of 32 bits for a current, beside a membrane and a bias. It holds sums below 2**25, so that those of dense
# synapses, computed at twice the weight and in parts of at most 2.01 times the size, fit 32 bits as well.
CURRENT = 2**31 - 2**25


def violations(network: Network) -> list[Violation]:
    """Return everything in a network that Lava's stock processes cannot run exactly; empty: they can."""
    return violations_of(network, STOCK)


def split_bias(bias: Int64s) -> tuple[Int64s, Int64s]:
    """Return the mantissa, as small as can be, and the exponent (0..7) of each neuron; `mantissa << exponent` is the bias."""
    exponent = np.zeros_like(bias)
    for shift in range(1, lif.BIAS_EXPONENT_MAX + 1):
        exponent += bias % (1 << shift) == 0
    return bias >> exponent, exponent


def _mantissas(layer: Layer) -> tuple[int, int]:
    mantissa, _ = split_bias(layer.neuron.bias)
    return int(mantissa.min()), int(mantissa.max())


def _reach(synapse: Synapse, least: int, most: int) -> tuple[int, int]:
    """Bound the sums of a synapse whose source stays within `least..most`; at a border some taps see 0."""
    weight = np.asarray(synapse.weight, np.int64).reshape(len(synapse.weight), -1)
    low, high = np.minimum(weight * least, weight * most), np.maximum(weight * least, weight * most)
    return int(np.minimum(low, 0).sum(axis=1).min()), int(np.maximum(high, 0).sum(axis=1).max())


def _conv_sums(network: Network, least: int, most: int) -> Iterator[Found]:
    for layer in network.layers:
        for synapse in layer.synapses:
            if isinstance(synapse, Conv):
                yield f"layer {layer.name!r}", extreme(*_reach(synapse, *network.ranges[synapse.source]), least, most)


def _currents(network: Network, least: int, most: int) -> Iterator[Found]:
    """Bound |u| before it wraps: the input of a step times the steps that it stays, for a decay of (du + 1) / 4096."""
    for layer in network.layers:
        reaches = [_reach(synapse, *network.ranges[synapse.source]) for synapse in layer.synapses]
        largest = max(-sum(low for low, _ in reaches), sum(high for _, high in reaches))
        steps = _memory(layer, 2 * network.timesteps + _pause(network))  # from reset to reset
        yield f"layer {layer.name!r}", (largest << lif.UNIT_SHIFT) * steps


def _geometry(layer: Layer) -> tuple[int, int]:
    sizes = [
        size
        for synapse in layer.synapses
        if isinstance(synapse, Conv)
        for size in (*synapse.weight.shape[2:], *synapse.stride, *synapse.padding)
    ]
    return 0, max(sizes, default=0)


def _hurry(network: Network, least: int, most: int) -> Iterator[Found]:
    for name in hurried(network):
        yield f"layer {name!r}", 1


def _holds(network: Network, least: int, most: int) -> Iterator[Found]:
    if hurried(network):
        return
    timed = schedule(network)
    for layer in timed.network.layers:
        for synapse in layer.synapses:
            if synapse.source != INPUT:
                yield f"layer {layer.name!r}", timed.late(synapse, layer.name)


def silence(timed: Schedule, layer: Layer) -> int:
    """Return the input, in weight units, that keeps a layer from spiking at any step between samples if subtracted there."""
    bounds = layer_bounds(layer, timed.network.ranges, 2 * timed.period, timed.network.shapes)
    return max(0, -(-int(bounds.u[1].max() + layer.neuron.bias.max()) >> lif.UNIT_SHIFT))


def _silence(network: Network, least: int, most: int) -> Iterator[Found]:
    """Bound |u| of layers that are kept silent: it must not wrap around to above the threshold."""
    if hurried(network):
        return
    timed = schedule(network)
    for layer in timed.network.layers:
        if timed.silenced(layer):
            bounds = layer_bounds(layer, timed.network.ranges, 2 * timed.period, timed.network.shapes)
            steps = _memory(layer, timed.pause)
            yield f"layer {layer.name!r}", -int(bounds.u[0].min()) + (silence(timed, layer) << lif.UNIT_SHIFT) * steps


def _pause(network: Network) -> int:
    return 0 if hurried(network) else schedule(network).pause


def _memory(layer: Layer, timesteps: int) -> int:
    """Return for how many steps, at most, a unit of input can be in a current in all, if it comes at every step."""
    decay = int(np.min(layer.neuron.du)) + 1
    return min(timesteps, -(-lif.DECAY_UNITY // decay)) if decay else timesteps


LIF, CONV, DENSE = (f"lava-nc 0.10.0, lava/proc/{name}/models.py" for name in ("lif", "conv", "dense"))
WEAKER = "train with smaller weights, fewer inputs or a narrower input range"

STOCK = Chip(
    "Lava's stock processes",
    (
        Limit("hops more than steps of delay:", 0, 0, _hurry, LIF, "derived", "give its recurrent synapses longer delays"),
        Limit("steps that dense synapses hold back:", 0, DELAY_MAX + 1, _holds, DENSE, "published", "use shorter delays"),
        Limit("current while kept silent between samples", 0, 2**23 - 1, _silence, LIF, "derived", WEAKER),
        Limit(
            *("input value", -(2 ** (MESSAGE_BITS - 1)), 2 ** (MESSAGE_BITS - 1) - 1, input_values),
            *(f"graded spikes of {MESSAGE_BITS} bits", "published", "scale the input down"),
        ),
        Limit(
            *("threshold", 0, lif.VTH_MAX, of_layers(lambda layer: (layer.neuron.vth,) * 2), LIF, "published"),
            "rescale the layer; a threshold that is never reached may be 131071",
        ),
        Limit(
            *("bias mantissa", lif.BIAS_MANTISSA_MIN, lif.BIAS_MANTISSA_MAX, of_layers(_mantissas), LIF, "published"),
            "round the bias to 13 bits at an exponent of 0 to 7, or rescale the layer",
        ),
        Limit(
            *("kernel size, stride or padding", 0, 127, of_layers(_geometry), CONV, "published"),
            "pool in several layers, or use dense synapses",
        ),
        Limit("sum of a convolution", -CONV_SUM, CONV_SUM - 1, _conv_sums, CONV, "derived", WEAKER),
        Limit("current, in 1/64 weight units,", -CURRENT, CURRENT, _currents, LIF, "derived", WEAKER),
    ),
)
