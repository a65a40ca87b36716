"""A small fully connected network, for small images and for events."""

from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

DENSE = [("fc1", 1024), ("fc2", 512)]  # neurons at width 1


def mlp(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build 1024FC-512FC-Out for any input shape, its layers scaled by `config.width`; the first one keeps 8 bits."""
    shared = Neurons(config.timesteps, config.beta, config.surrogate)
    layers: list[SpikingLayer] = []
    shape = input.shape
    for name, neurons in DENSE:
        layer = SpikingLayer(
            name,
            shape,
            max(1, round(neurons * config.width)),
            Geometry(),
            weights="float" if name == "fc1" else config.weights,
            delta=config.delta,
            neurons=shared,
            dropout=config.dropout,
        )
        layers.append(layer)
        shape = layer.output_shape
    readout = ReadOut("readout", shape, classes, Geometry(), neurons=shared)
    return SpikingNetwork("mlp", config.timesteps, input, layers, readout)
