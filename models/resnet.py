"""A spiking residual network whose shortcuts carry spikes and have no weights, for images and events of any size.

SEI-BWSNN (arXiv 2508.12609) says in its abstract that several shortcuts help networks of binary weights; how many there are,
and what they carry, was not to be found, so this network is ours. Its outline is ResNet's (He et al. 2016, arXiv 1512.03385),
one shortcut for each convolution is Bi-Real Net's count (Liu et al. 2018, arXiv 1808.00278), though theirs carries real values.
"""

from math import gcd

from snnc.models.layer_neurons import neurons_of
from snnc.models.shortcuts import shortcuts_from
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Geometry, Synapses
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig

CHANNELS = 64  # of the first stage at width 1; every further stage has twice as many
LARGE, HUGE = 32, 128  # shorter sides from which there are four stages, not three; and from which the stem pools, as ImageNet's


def resnet(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build a stem, stages of `config.depth` blocks of two 3x3 convolutions, and a read-out behind a global average.

    Four stages from sides of 32 on, so that depth 2 is ResNet-18's outline, else three. A stage starts with 2 x 2 average
    pooling where sides are even and at least 4. `config.shortcuts` puts a shortcut around each convolution ("conv"), around
    each block ("block"), or both, of `config.gain` thresholds. The stem and the read-out keep 8 bits. Raises ConfigError if
    the input is no image.
    """
    if len(input.shape) != 3:
        raise ConfigError(f"model 'resnet' needs images (C, H, W), got an input of shape {input.shape}; try model 'ffn'")
    network = SpikingNetwork("resnet", config.timesteps, input)
    side, width = min(input.shape[1:]), max(1, round(CHANNELS * config.width))
    last = _add(network, config, "stem", INPUT, width, _pool(input.shape) if side >= HUGE else 1)
    for stage in range(4 if side >= LARGE else 3):
        for block in range(config.depth):
            pool = _pool(network.shape(last)) if block == 0 and (stage or side >= HUGE) else 1
            name, start, out = f"stage{stage + 1}-block{block + 1}", last, width * 2**stage
            last = _add(network, config, f"{name}-conv1", start, out, pool)
            last = _add(network, config, f"{name}-conv2", last, out, 1, start)
    average = Geometry(pool=gcd(*network.shape(last)[1:]))
    network.add(ReadOut("readout", {last: Synapses(network.shape(last), classes, average)}, neurons_of(config)))
    return network


def _add(
    network: SpikingNetwork, config: TrainConfig, name: str, source: str, out: int, pool: int, block: str | None = None
) -> str:
    """Add a convolution; `block` is where the block started that ends with it."""
    synapses = Synapses(network.shape(source), out, Geometry(kernel=3, padding=1, pool=pool))
    sources = [source] if config.shortcuts in ("conv", "both") and source != INPUT else []
    if config.shortcuts in ("block", "both") and block is not None:
        sources.append(block)
    layer = SpikingLayer(
        name,
        {source: synapses},
        neurons_of(config),
        weights="float" if source == INPUT else config.weights,
        delta=config.delta,
        shortcuts=shortcuts_from(network, dict.fromkeys(sources, config.gain), synapses.output_shape),
    )
    return network.add(layer)


def _pool(shape: tuple[int, ...]) -> int:
    return 2 if all(side % 2 == 0 and side >= 4 for side in shape[1:]) else 1
