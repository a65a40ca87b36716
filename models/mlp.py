"""A small fully connected network, for small images and for events."""

from snnc.models.layer_neurons import neurons_of
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig

DENSE = [("fc1", 1024), ("fc2", 512)]  # neurons at width 1


def mlp(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build 1024FC-512FC-Out for any input shape, its layers scaled by `config.width`; the first one keeps 8 bits."""
    network = SpikingNetwork("mlp", config.timesteps, input)
    neurons = neurons_of(config)
    last = INPUT
    for name, out in DENSE:
        synapses = Synapses(network.shape(last), max(1, round(out * config.width)), Geometry())
        weights = "float" if name == "fc1" else config.weights
        last = network.add(
            SpikingLayer(name, {last: synapses}, neurons, weights=weights, delta=config.delta, dropout=config.dropout)
        )
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, Geometry())}, neurons))
    return network
