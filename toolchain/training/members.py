"""Networks drawn from a posterior, each with the statistics of its own weights."""

import copy
from collections.abc import Iterator

from torch import Tensor

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.posterior import draw_member, posterior_layers, reestimate
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.batches import DeviceSplit
from snnc.toolchain.training.evaluation import EVALUATION_BATCH
from snnc.toolchain.training.seeds import generator

STATISTICS_SAMPLES = 2**14  # enough for means, few enough for large training splits


def members_of(model: SpikingNetwork, training: DeviceSplit, count: int, seed: int) -> Iterator[SpikingNetwork]:
    """Yield so many networks drawn from the posterior of a trained model; member k depends on the seed and k alone.

    Means, deviations and thresholds are estimated anew on training samples, with each member's own weights. Raises ConfigError
    for a model without a posterior, LoweringError for a member that does not fit the chip.
    """
    if not any(posterior_layers(model)):
        raise ConfigError("the model has no posterior to draw members from; train one with --method bisnn-bayes")
    for number in range(count):
        member = copy.deepcopy(model)
        draw_member(member, generator(seed, number, 2))
        reestimate(member, statistics_batches(training))
        yield member.eval()


def statistics_batches(training: DeviceSplit) -> Iterator[Tensor]:
    """Yield the samples that statistics are estimated on: the training split, or the beginning of a large one."""
    for number, (x, _) in enumerate(training.batches(EVALUATION_BATCH)):
        if number * EVALUATION_BATCH >= STATISTICS_SAMPLES:
            return
        yield x
