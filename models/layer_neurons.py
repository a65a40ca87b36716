"""The neurons of a layer as a configuration has them, or as the layer has them itself."""

from snnc.toolchain.layers.lif_autograd import Neurons
from snnc.toolchain.training.config import TrainConfig


def neurons_of(config: TrainConfig, beta: float | None = None, threshold: float | None = None) -> Neurons:
    """Return the neurons of a layer; beta and threshold are those of the configuration where they are None."""
    return Neurons(
        config.timesteps,
        config.beta if beta is None else beta,
        config.surrogate,
        threshold=config.threshold if threshold is None else threshold,
    )
