"""CIFARNet of Deckers et al. 2024 (arXiv 2409.15849): 128C3-256C3-AP2-512C3-AP2-1024C3-512C3-1024FC-512FC-Out."""

from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig

# Channels at width 1, and the average pooling in front.
CONVOLUTIONS = [("conv1", 128, 1), ("conv2", 256, 1), ("conv3", 512, 2), ("conv4", 1024, 2), ("conv5", 512, 1)]
DENSE = [("fc1", 1024), ("fc2", 512)]


def cifarnet(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build CIFARNet for an input `(C, H, W)` of any sides from 4 on; all channels are scaled by `config.width`.

    Rows and columns that a pool would leave out are not computed. The first layer, the spike encoder, and the read-out keep 8
    bits. Raises ConfigError if the input cannot be pooled.
    """
    network = SpikingNetwork("cifarnet", config.timesteps, input)
    neurons = Neurons(config.timesteps, config.beta, config.surrogate)

    def add(name: str, source: str, out: int, geometry: Geometry) -> str:
        synapses = Synapses(network.shape(source), max(1, round(out * config.width)), geometry)
        weights = "float" if name == "conv1" else config.weights
        dropout = config.dropout if geometry.kernel is None else 0.0
        return network.add(
            SpikingLayer(name, {source: synapses}, neurons, weights=weights, delta=config.delta, dropout=dropout)
        )

    last = INPUT
    behind = [pool for _, _, pool in CONVOLUTIONS[1:]] + [1]
    for (name, channels, pool), tile in zip(CONVOLUTIONS, behind, strict=True):
        last = add(name, last, channels, Geometry(kernel=3, padding=1, pool=pool, tile=tile))
    for name, features in DENSE:
        last = add(name, last, features, Geometry())
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, Geometry())}, neurons))
    return network
