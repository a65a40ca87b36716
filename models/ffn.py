"""The feed-forward blocks of a Transformer alone: what SEI-BWSNN (arXiv 2508.12609) makes binary in its ImageNet network.

Attention multiplies two matrices of spikes, which no synapse with fixed weights does, so it does not deploy and is left out.
The block's shape, d -> 4d -> d with a shortcut around both, is the usual one; whether theirs is the same was not to be found.
"""

from snnc.models.layer_neurons import neurons_of
from snnc.models.shortcuts import shortcuts_from
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig

FEATURES = 256  # d at width 1
EXPANSION = 4


def ffn(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build an encoder of d neurons for any input, `config.depth` blocks d -> 4d -> d, and a read-out.

    Every block has one shortcut around both of its layers, of `config.gain` thresholds, or none if `config.shortcuts` is
    "none": d neurons cannot take the spikes of 4d without weights, so all other choices mean the same here. The encoder and
    the read-out keep 8 bits.
    """
    network = SpikingNetwork("ffn", config.timesteps, input)
    neurons = neurons_of(config)
    features = max(1, round(FEATURES * config.width))

    def add(name: str, source: str, out: int, around: list[str]) -> str:
        synapses = Synapses(network.shape(source), out, Geometry())
        layer = SpikingLayer(
            name,
            {source: synapses},
            neurons,
            weights="float" if source == INPUT else config.weights,
            delta=config.delta,
            dropout=config.dropout,
            shortcuts=shortcuts_from(network, dict.fromkeys(around, config.gain), synapses.output_shape),
        )
        return network.add(layer)

    last = add("encoder", INPUT, features, [])
    for block in range(1, config.depth + 1):
        wide = add(f"block{block}-up", last, EXPANSION * features, [])
        last = add(f"block{block}-down", wide, features, [] if config.shortcuts == "none" else [last])
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, Geometry())}, neurons))
    return network
