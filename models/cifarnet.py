"""CIFARNet of Deckers et al. 2024 (arXiv 2409.15849): one line of the notation, its channels scaled by the width."""

from snnc.models.notation import network_of, parse
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

CIFARNET = "128C3-256C3-AP2-512C3-AP2-1024C3-512C3-1024FC-512FC-Out"


def cifarnet(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build CIFARNet for an input `(C, H, W)` of any sides from 4 on; all channels are scaled by `config.width`.

    Rows and columns that a pool would leave out are not computed. The first layer, the spike encoder, and the read-out keep 8
    bits. Raises ConfigError if the input cannot be pooled.
    """
    return network_of(parse(CIFARNET).scaled(config.width), "cifarnet", config, input, classes)
