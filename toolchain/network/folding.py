"""A pass that folds parallel synapses: what two of them bring from one source, one brings whose weights are their sum.

A shortcut around one convolution so becomes part of its kernel, and a network whose shortcuts are all of that kind a chain of
layers: k is added to the center tap of each channel's own kernel, or to the four central taps behind 2 x 2 sums.
"""

from dataclasses import fields, replace

import numpy as np

from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Conv, Synapse

FREE = ("weight", "padding")  # in which two synapses may differ and still be one


def fold_parallel(network: Network) -> Network:
    """Return the network with as few synapses as sums of weights allow; every membrane and spike is the same.

    Convolutions of one source and stride become one where the kernel of one covers that of the other. Names, neurons and
    the order of sources stay. Weights may grow beyond 8 bits.
    """
    return replace(network, layers=tuple(_folded(layer) for layer in network.layers))


def _folded(layer: Layer) -> Layer:
    kept: list[Synapse] = []
    for synapse in layer.synapses:
        for index, other in enumerate(kept):
            if (one := _sum(other, synapse)) is not None:
                kept[index] = one
                break
        else:
            kept.append(synapse)
    return replace(layer, synapses=tuple(kept))


def _sum(one: Synapse, other: Synapse) -> Synapse | None:
    """Return the synapse that gives what both give together, if there is one of the size of the larger."""
    ways = [each.name for each in fields(one) if each.name not in FREE]
    if type(one) is not type(other) or not all(np.array_equal(getattr(one, way), getattr(other, way)) for way in ways):
        return None
    weight = one.weight.astype(np.int64)
    if not isinstance(one, Conv) or not isinstance(other, Conv):
        return replace(one, weight=weight + other.weight)
    large, small = sorted((one, other), key=lambda each: each.weight.size, reverse=True)
    start = [outer - inner for outer, inner in zip(large.padding, small.padding, strict=True)]
    stop = [first + size for first, size in zip(start, small.weight.shape[2:], strict=True)]
    if min(start) < 0 or any(last > size for last, size in zip(stop, large.weight.shape[2:], strict=True)):
        return None
    weight = large.weight.astype(np.int64)
    weight[:, :, start[0] : stop[0], start[1] : stop[1]] += small.weight
    return replace(large, weight=weight)
