"""A network of PyTorch, with neurons of snntorch, spikingjelly or norse, as what training here can start from.

The module is one time step: weights, normalization, pools and neurons, in a chain or with spikes that are added. Its
architecture becomes text (notation.py), its weights those of the first epoch; normalization is folded into them.
"""

from dataclasses import dataclass

import numpy as np
from torch import nn

from snnc.models.initial import InitialLayer, load_initial
from snnc.models.notation import network_of, parse
from snnc.models.torch_graph import forward_of
from snnc.models.torch_layers import Layers
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

SAMPLES = 256  # on which the means of layers are measured


@dataclass(frozen=True)
class TorchStart:
    """What training takes from a module: the architecture as text, beta, weights and biases in thresholds, and notes.

    `beta` is what most layers have; the text says that of others.
    """

    model: str
    beta: float
    layers: tuple[InitialLayer, ...]
    input: Input
    notes: tuple[str, ...] = ()

    def configured(self, config: TrainConfig) -> TrainConfig:
        """Return a configuration with this architecture and beta."""
        return config.replaced(model=self.model, beta=self.beta)

    def network(self, config: TrainConfig) -> SpikingNetwork:
        """Return an untrained network that has the function of the module at full precision, to the rounding of floats."""
        classes = len(self.layers[-1].weight)
        network = network_of(
            parse(self.model), self.model, self.configured(config).replaced(weights="float"), self.input, classes
        )
        load_initial(network, self.layers, np.zeros((1, *self.input.shape), np.int64), trains=False)
        return network

    def load(self, network: SpikingNetwork, dataset: Dataset) -> None:
        """Give a fresh network of this configuration the weights, as training can keep them (see load_initial).

        Raises ConfigError if the dataset is not one that the module takes.
        """
        if (dataset.input, len(dataset.labels)) != (self.input, len(self.layers[-1].weight)):
            raise ConfigError(
                f"the module takes {self.input} and has {len(self.layers[-1].weight)} outputs, {dataset.name!r} has "
                f"{dataset.input} and {len(dataset.labels)} classes; choose the data it was made for"
            )
        few = dataset.train.first(min(SAMPLES, len(dataset.train)))
        load_initial(network, self.layers, chip_input(few, dataset.input))


def from_torch(module: nn.Module, input: Input, *, scale: float = 1.0, offset: float = 0.0) -> TorchStart:
    """Take a trained network of PyTorch as the start of a training.

    Args:
        module: one time step: an nn.Sequential, or a module whose forward pass torch.fx can trace, with neurons of snntorch
            (Leaky), spikingjelly (LIFNode, IFNode) or norse (LIFBoxCell), whose spikes may be added. It is not changed.
        input: shape, range and zero point of what the chip is fed, such as `dataset.input`.
        scale: what raw samples were multiplied with for the module, such as 1 / 255; the range of samples plays no part.
        offset: what was added to them then, such as -mean / deviation.

    Raises:
        ConfigError: for what training does not have, with the module inside, or the line of its forward pass.

    Example:
        >>> import snnc
        >>> data = snnc.load_dataset("digits")
        >>> start = snnc.from_torch(module, data.input, scale=1 / 16)  # doctest: +SKIP
        >>> config = snnc.TrainConfig(epochs_float=2, epochs_quantized=4, epochs_integer=2)
        >>> checkpoint = snnc.train(config, "model.pt", dataset=data, start=start)  # doctest: +SKIP
    """
    layers = Layers(input, scale, offset)
    layers.take(forward_of(module))
    architecture, beta = layers.architecture()
    start = TorchStart(str(architecture), beta, tuple(layers.initial), input, tuple(layers.notes))
    start.network(TrainConfig())  # whether the shapes fit together
    return start
