"""Passes: networks into networks that compute the same spikes. Each is checked by the constructors before and after.

On a chip every synapse takes one time step, so a layer runs as many steps late as its longest path has hops. Where a shorter
path joins, it must be made as long: by relays, populations that repeat their source's spikes one hop later.
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import Shape


def depths(network: Network) -> dict[str, int]:
    """Return how many hops the longest path to each layer has; the input's is 0.

    Layer k of a chip, or of Lava, shows at step `t + depth` what it does at step t here.
    """
    found = {INPUT: 0}
    for layer in network.layers:
        found[layer.name] = 1 + max(found[synapse.source] for synapse in layer.synapses)
    return found


def insert_relays(network: Network) -> Network:
    """Return the network with relays wherever a path between two layers is shorter than another; spikes are the same.

    A relay (weight 1, threshold 0, no bias) spikes exactly when its source does. Shortcuts from one source share relays.
    Synapses from the input stay: who feeds the network feeds them as many steps later.
    """
    depth = depths(network)
    needed: dict[str, int] = {}  # relays behind each layer
    for layer in network.layers:
        for synapse in layer.synapses:
            if synapse.source != INPUT:
                extra = depth[layer.name] - depth[synapse.source] - 1
                needed[synapse.source] = max(needed.get(synapse.source, 0), extra)
    names = _relay_names(network, needed)
    layers: list[Layer] = []
    for layer in network.layers:
        synapses = tuple(_delayed(synapse, names, depth[layer.name] - depth[synapse.source] - 1) for synapse in layer.synapses)
        layers.append(replace(layer, synapses=synapses))
        sources = [layer.name, *names.get(layer.name, [])]
        layers += [_relay(name, source, layer.output_shape) for source, name in pairwise(sources)]
    return replace(network, layers=tuple(layers))


def is_relay(layer: Layer) -> bool:
    """Tell whether a layer only repeats its source: one identity synapse of weight 1, threshold 0, no bias."""
    neuron = layer.neuron
    if len(layer.synapses) != 1 or neuron.vth != 0 or np.any(neuron.bias):
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


def _delayed(synapse: Synapse, names: dict[str, list[str]], extra: int) -> Synapse:
    return replace(synapse, source=names[synapse.source][extra - 1]) if extra and synapse.source != INPUT else synapse


def _relay(name: str, source: str, shape: Shape) -> Layer:
    identity = np.eye(shape[0], dtype=np.int8)
    synapse: Synapse = Conv(source, identity[:, :, None, None]) if len(shape) == 3 else Dense(source, identity)
    return Layer(name, (synapse,), Lif(shape, vth=0, dv=lif.DV_MAX))
