"""A small fully connected network, for small images and for events."""

from snnc.toolchain.config import TrainConfig
from snnc.toolchain.layers import ReadOut, SpikingLayer
from snnc.toolchain.lif_training import Neurons
from snnc.toolchain.network import Input
from snnc.toolchain.pooled_synapses import Geometry
from snnc.toolchain.spiking_network import SpikingNetwork

DENSE = [("fc1", 1024), ("fc2", 512)]  # neurons at width 1


def dense(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build 1024FC-512FC-Out for any input shape, its layers scaled by `config.width`; the first one keeps 8 bits."""
    shared = Neurons(config.timesteps, config.leak, config.surrogate)
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
    return SpikingNetwork("dense", config.timesteps, input, layers, readout)
