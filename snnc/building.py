"""Building a model from any of its sources: a row of MODELS, text, a Python file, or a NIR graph."""

from typing import TYPE_CHECKING

from snnc.graph_start import from_nir, is_graph
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork


def build_model(config: TrainConfig, input: Input, classes: int) -> "SpikingNetwork":
    """Build an untrained network.

    Args:
        config: the settings; `config.model` is a row of MODELS, an architecture as text (models/notation.py), a Python file and
            a function in it, `my_model.py:build`, which is run with these very arguments and returns the network or its
            layers, or a NIR graph, `graph.nir`, whose architecture and beta are taken, but not its weights.
        input: shape and range of what the chip is fed.
        classes: the number of outputs.

    Raises:
        ConfigError: for an unknown model, one that does not fit the input, or a Python file whose code fails.
        CannotExport: for a graph with what training does not have.
        FileFormatError: for a file that is no graph.

    Example:
        >>> import snnc
        >>> model = snnc.build_model(snnc.TrainConfig(model="mlp", width=0.01), snnc.Input((1, 8, 8), 0, 1), 10)
        >>> [layer.name for layer in model.layers]
        ['fc1', 'fc2', 'readout']
        >>> model = snnc.build_model(snnc.TrainConfig(model="16C3-AP2-64FC"), snnc.Input((1, 8, 8), 0, 1), 10)
        >>> [layer.output_shape for layer in model.layers]
        [(16, 8, 8), (64,), (10,)]
    """
    from snnc import models

    if is_graph(config.model):
        start = from_nir(config.model)
        start.check(input, classes)
        config = start.configured(config)
    return models.build_model(config, input, classes)
