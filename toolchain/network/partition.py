"""How the neurons of a layer are cut into cores, and what their synapses take in memory.

A core holds neurons of one layer, next to each other in C,H,W order. Its synapses are stored either one by one (`dense`: each
neuron has its own, zeros too) or as kernels (`shared`: a convolution's kernel once for each output channel that the core has
neurons of). Dense synapses are the same in both. Addresses, axons and tables of delays are left out: no public number says
what they take.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np

from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.network.validation import Int64s, Shape

Storage = Literal["dense", "shared"]
WEIGHT_BITS = (2, 8)  # that are shown; ternary and binary weights fit 2
NARROW = (-2, 1)  # what 2 bits hold


@dataclass(frozen=True)
class Cores:
    """The cores of a chip: how many, the neurons of each (None: no number is public), and the bytes of its synapse memory.

    `state_bytes` are what a neuron's state takes of the same memory (0: it lies elsewhere).
    """

    count: int
    neurons: int | None
    synapse_bytes: int
    source: str
    state_bytes: int = 0


@dataclass(frozen=True)
class Part:
    """The neurons `first..last` of a layer, in C,H,W order, that one core holds; `bits` of its memory that they take."""

    layer: str
    first: int
    last: int
    bits: int


def fan_in(synapse: Synapse, source: Shape) -> int:
    """Return the largest number of synapses of one neuron, those into the padding left out."""
    inputs = int(synapse.weight.shape[1])
    return inputs if not isinstance(synapse, Conv) else inputs * prod(int(taps.max()) for taps in _taps(synapse, source))


def connections(synapse: Synapse, source: Shape) -> int:
    """Return the number of synapses if each neuron has its own, those into the padding left out."""
    if not isinstance(synapse, Conv):
        return int(synapse.weight.size)
    rows, columns = _taps(synapse, source)
    return prod(synapse.weight.shape[:2]) * int(rows.sum()) * int(columns.sum())


def needed_bits(layer: Layer) -> int:
    """Return the bits, of those that are shown, in which all weights of a layer fit."""
    least = min(int(synapse.weight.min()) for synapse in layer.synapses)
    most = max(int(synapse.weight.max()) for synapse in layer.synapses)
    return WEIGHT_BITS[0] if NARROW[0] <= least and most <= NARROW[1] else WEIGHT_BITS[-1]


def memory(layer: Layer, shapes: Mapping[str, Shape], bits: int, storage: Storage) -> int:
    """Return the bits of a layer's synapses, stored once."""
    count = 0
    for synapse in layer.synapses:
        count += synapse.weight.size if storage == "shared" else connections(synapse, shapes[synapse.source])
    return count * bits


def parts(layer: Layer, shapes: Mapping[str, Shape], bits: int, storage: Storage, cores: Cores) -> list[Part]:
    """Cut a layer into as few parts of neighbors as fit cores.

    A neuron whose own synapses are more than a core's memory has a part for itself.
    """
    each, kernel = _costs(layer, shapes, storage)
    each, kernel, plane = each * bits + 8 * cores.state_bytes, kernel * bits, prod(layer.output_shape[1:])
    found: list[Part] = []
    first = 0
    while first < layer.neurons:
        most = min(cores.neurons or layer.neurons, layer.neurons - first)
        count = _fitting(first, plane, most, each, kernel, 8 * cores.synapse_bytes)
        used = count * each + _channels(first, count, plane) * kernel
        found.append(Part(layer.name, first, first + count - 1, used))
        first += count
    return found


def cores_needed(network: Network, cores: Cores) -> int:
    """Return how many cores a network takes, kernels shared and weights in as few bits as they fit."""
    shapes = network.shapes
    return sum(len(parts(layer, shapes, needed_bits(layer), "shared", cores)) for layer in network.layers)


def neuron_bytes(layer: Layer, shapes: Mapping[str, Shape], cores: Cores) -> int:
    """Return the bytes of the one neuron of a layer that takes most of a core's memory, as `cores_needed` stores it."""
    return -(-sum(_costs(layer, shapes, "shared")) * needed_bits(layer) // 8) + cores.state_bytes


def _fitting(first: int, plane: int, most: int, each: int, kernel: int, core_bits: int) -> int:
    """Return how many neurons from `first` on fit: the largest count by bisection, at least 1."""
    low, high = 1, max(most, 1)
    while low < high:
        middle = (low + high + 1) // 2
        fits = middle * each + _channels(first, middle, plane) * kernel <= core_bits
        low, high = (middle, high) if fits else (low, middle - 1)
    return low


def _channels(first: int, count: int, plane: int) -> int:
    return (first + count - 1) // plane - first // plane + 1


def _costs(layer: Layer, shapes: Mapping[str, Shape], storage: Storage) -> tuple[int, int]:
    """Return the synapses that every neuron stores for itself, and those that each output channel stores once."""
    each = kernel = 0
    for synapse in layer.synapses:
        if storage == "shared" and isinstance(synapse, Conv):
            kernel += prod(synapse.weight.shape[1:])
        else:
            each += fan_in(synapse, shapes[synapse.source])
    return each, kernel


def _taps(synapse: Conv, source: Shape) -> list[Int64s]:
    """Return for each output row, and for each output column, how many taps of the kernel lie within the source."""
    found = []
    for size, kernel, stride, padding in zip(
        source[1:], synapse.weight.shape[2:], synapse.stride, synapse.padding, strict=True
    ):
        first = np.arange((size + 2 * padding - kernel) // stride + 1) * stride - padding
        found.append((np.minimum(first + kernel, size) - np.maximum(first, 0)).clip(0))
    return found
