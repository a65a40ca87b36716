"""What Lava's stock processes can run, bit for bit as the Network says: `violations` lists all that they cannot.

Read off lava-nc 0.10.0's process models for CPUs. Imports no Lava, so that it can be asked where none is installed.
"""

from collections.abc import Iterator

import numpy as np

from snnc.toolchain.network import lif
from snnc.toolchain.network.chips import Chip, Found, Limit, delays, extreme, input_values, of_layers
from snnc.toolchain.network.chips import violations as violations_of
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Int64s, Weights
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


def split_weight(weight: Weights) -> list[Int64s]:
    """Return parts of 8 bits (-128..127), the lowest first, such that the sum of `part[i] << 8 * i` is the weight."""
    rest, half = np.asarray(weight, np.int64), 1 << WEIGHT_BITS - 1
    parts: list[Int64s] = []
    while rest.any() or not parts:
        parts.append((rest + half) % (2 * half) - half)
        rest = (rest - parts[-1]) >> WEIGHT_BITS
    return parts


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
        decay = int(np.min(layer.neuron.du)) + 1
        steps = min(network.timesteps, -(-lif.DECAY_UNITY // decay)) if decay else network.timesteps
        yield f"layer {layer.name!r}", (largest << lif.UNIT_SHIFT) * steps


def _geometry(layer: Layer) -> tuple[int, int]:
    sizes = [
        size
        for synapse in layer.synapses
        if isinstance(synapse, Conv)
        for size in (*synapse.weight.shape[2:], *synapse.stride, *synapse.padding)
    ]
    return 0, max(sizes, default=0)


LIF, CONV = (f"lava-nc 0.10.0, lava/proc/{name}/models.py" for name in ("lif", "conv"))
WEAKER = "train with smaller weights, fewer inputs or a narrower input range"

STOCK = Chip(
    "Lava's stock processes",
    (
        Limit("delay", 0, 0, delays, LIF, "assumed", "use none"),
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
