"""Passes: networks into networks that compute the same spikes. Each is checked by the constructors before and after.

On a chip every synapse takes one time step, so a layer runs some steps late. A synapse whose source is not late enough must
hold back what it brings: by relays, populations that repeat their source's spikes one hop later, or by a delay of its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import numpy as np

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import Shape


def depths(network: Network) -> dict[str, int]:
    """Return how many steps late each layer must run where every synapse takes one; the input's are 0.

    Layer k of a chip, or of Lava, shows at step `t + depth` what it does at step t here. Without delays that is the length of
    the longest path. A synapse with a delay may come from a layer that is as many steps later, or from the layer itself.
    Raises NetworkError for a cycle of more hops than steps of delay.
    """
    found = _depths(network)
    if late := hurried(network):
        raise NetworkError(f"layer {late[0]!r}: it lies on a cycle of more hops than steps of delay, which no chip can run")
    return found


def hurried(network: Network) -> list[str]:
    """Return a layer of each cycle that has more hops than steps of delay, where each hop takes a step; or some behind it."""
    found = _depths(network)
    return [layer.name for layer in network.layers if _least_depth(layer, found) > found[layer.name]]


def held_back(synapse: Synapse, layer: str, depth: Mapping[str, int]) -> int:
    """Return how many steps a synapse into `layer` must hold back what it brings, beyond the one that every synapse takes."""
    return synapse.delay + depth[layer] - depth[synapse.source] - 1


def insert_relays(network: Network) -> Network:
    """Return the network with relays wherever a path between two layers is shorter than another; spikes are the same.

    A relay (weight 1, threshold 0, no bias) spikes exactly when its source does. Shortcuts from one source share relays.
    Synapses from the input stay: who feeds the network feeds them as many steps later. So do dense synapses with a delay: chips
    and Lava have such.
    """
    depth = depths(network)
    needed: dict[str, int] = {}  # relays behind each layer
    for layer in network.layers:
        for synapse in layer.synapses:
            if _takes_relays(synapse):
                needed[synapse.source] = max(needed.get(synapse.source, 0), held_back(synapse, layer.name, depth))
    names = _relay_names(network, needed)
    layers: list[Layer] = []
    for layer in network.layers:
        synapses = tuple(_relayed(synapse, names, held_back(synapse, layer.name, depth)) for synapse in layer.synapses)
        layers.append(replace(layer, synapses=synapses))
        sources = [layer.name, *names.get(layer.name, [])]
        layers += [_relay(name, source, layer.output_shape) for source, name in pairwise(sources)]
    return replace(network, layers=tuple(layers))


def is_relay(layer: Layer) -> bool:
    """Tell whether a layer only repeats its source: one identity synapse of weight 1, threshold 0, no bias."""
    neuron = layer.neuron
    if len(layer.synapses) != 1 or layer.synapses[0].delay or neuron.vth != 0 or np.any(neuron.bias):
        return False
    weight = layer.synapses[0].weight
    square = weight.reshape(len(weight), -1)
    return square.shape[0] == square.shape[1] and bool((square == np.eye(len(square))).all())


def _relay_names(network: Network, needed: dict[str, int]) -> dict[str, list[str]]:
    taken = {layer.name for layer in network.layers}
    names: dict[str, list[str]] = {}
    for source, count in needed.items():
        for number in range(1, count + 1):
            name = f"{source}-relay{number}"
            while name in taken:
                name += "-"
            taken.add(name)
            names.setdefault(source, []).append(name)
    return names


def _takes_relays(synapse: Synapse) -> bool:
    return synapse.source != INPUT and not (isinstance(synapse, Dense) and synapse.delay)


def _relayed(synapse: Synapse, names: dict[str, list[str]], extra: int) -> Synapse:
    return replace(synapse, source=names[synapse.source][extra - 1]) if extra and _takes_relays(synapse) else synapse


def _depths(network: Network) -> dict[str, int]:
    """Return the depths, or what so many rounds as there are layers give where there are none."""
    found = {INPUT: 0} | dict.fromkeys((layer.name for layer in network.layers), 1)
    for _ in network.layers:
        for layer in network.layers:
            found[layer.name] = _least_depth(layer, found)
    return found


def _least_depth(layer: Layer, found: Mapping[str, int]) -> int:
    return max(1, *(found[synapse.source] + 1 - synapse.delay for synapse in layer.synapses))


def _relay(name: str, source: str, shape: Shape) -> Layer:
    identity = np.eye(shape[0], dtype=np.int8)
    synapse: Synapse = Conv(source, identity[:, :, None, None]) if len(shape) == 3 else Dense(source, identity)
    return Layer(name, (synapse,), Lif(shape, vth=0, dv=lif.DV_MAX))
