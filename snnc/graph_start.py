"""Training that starts from a NIR graph: its architecture as text in the configuration, its weights in the base network."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnc.export import TARGETS
from snnc.export.limits import DAMAGE
from snnc.export.nir.rules import AUTO
from snnc.export.target import with_extra
from snnc.importing import damaged, own_rules, rules_of
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig, nearest_beta

if TYPE_CHECKING:
    from snnc.export.nir.chain import Chain
    from snnc.export.nir.rules import Rules
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

SAMPLES = 256  # on which the means of layers are measured


@dataclass(frozen=True)
class GraphStart:
    """What training takes from a graph: the configuration with its architecture, its weights, and what must be said.

    The graph was trained on raw samples times `input_scale`; networks here take integers, raw samples minus a zero point. The
    first layer's weights and biases are changed so that it gets the same (but for padding, which is 0 of either).
    """

    file: Path
    config: TrainConfig
    chain: "Chain"
    notes: list[str]
    input_scale: float = 1.0
    takes_raw: bool = True  # a graph that snnc wrote takes what the chip takes

    def check(self, dataset: Dataset) -> None:
        """Raise ConfigError if a dataset's samples or classes are not those of the graph."""
        if dataset.input.shape != self.chain.shape:
            raise ConfigError(
                f"{self.file}: the graph takes inputs of shape {self.chain.shape}, {dataset.name!r} has {dataset.input.shape}; "
                "choose the data it was made for, or scale images with --image-size"
            )
        last = self.chain.layers[-1]
        if len(last.weight) != len(dataset.labels):
            raise ConfigError(
                f"{self.file}: node {last.node!r} has {len(last.weight)} outputs, {dataset.name!r} has "
                f"{len(dataset.labels)} classes; choose the data it was made for"
            )

    def load(self, network: "SpikingNetwork", dataset: Dataset, *, trains: bool = True) -> None:
        """Give a fresh network of this configuration the graph's weights: see load_initial."""
        from snnc.models.initial import InitialLayer, load_initial

        first, *rest = [InitialLayer(each.weight, each.bias) for each in self.chain.layers]
        weight = first.weight * self.input_scale
        zero = dataset.input.zero_point if self.takes_raw else 0
        raised = zero * weight.reshape(len(weight), -1).sum(1)
        few = dataset.train.first(min(SAMPLES, len(dataset.train)))
        layers = [InitialLayer(weight, first.bias + raised), *rest]
        load_initial(network, layers, chip_input(few, dataset.input), trains=trains)

    def accuracy(self, dataset: Dataset) -> float:
        """Return the accuracy on the test split (0..1) of the graph's weights in a network at full precision, untrained."""
        from snnc.models import build_model
        from snnc.toolchain.training.batches import load_on_device
        from snnc.toolchain.training.evaluation import evaluate

        network = build_model(self.config.replaced(weights="float"), dataset.input, len(dataset.labels))
        self.load(network, dataset, trains=False)
        return evaluate(network, load_on_device(dataset, network.readout.bias.device).test).accuracy


def graph_start(
    file: str | Path,
    config: TrainConfig,
    *,
    writer: str = AUTO,
    input_scale: float = 1.0,
    keep_beta: bool = False,
    **stated: Any,
) -> GraphStart:
    """Read a NIR graph to start training from: `start.config` is `config` with its architecture and the beta of its neurons.

    Args:
        file: the graph: a chain of Conv2d, Linear, Affine, Scale, AvgPool2d, SumPool2d and Flatten, with LIF and IF neurons.
        config: all other settings; the number of time steps is among them, since no graph says it.
        writer: whose conventions the graph follows, as in `snnc import`; `stated` overrides single ones (`dt=1e-3`).
        input_scale: what raw samples were multiplied with for the graph, such as 1/255 for pixels of 0 to 1.
        keep_beta: whether the configuration's beta stays.

    Raises:
        CannotExport: for what training does not have, naming the node.
        FileFormatError: for a file that is no graph, or a damaged one.
        ConfigError: for an unknown writer, conventions that do not fit, or an input scale of 0.

    Example:
        >>> from snnc.graph_start import graph_start  # doctest: +SKIP
        >>> start = graph_start("graph.nir", snnc.TrainConfig())  # doctest: +SKIP
        >>> snnc.train(start.config, "model.pt", start=lambda n: start.load(n, data))  # doctest: +SKIP
    """
    if not np.isfinite(input_scale) or input_scale == 0:
        raise ConfigError(f"--input-scale {input_scale:g} is not possible; give what raw samples were multiplied with")
    nir_file = with_extra("snnc.export.nir.file", TARGETS["nir"].extra)
    graph = nir_file.read_graph(file)
    ours = nir_file.is_ours(graph)
    rules, notes = (own_rules(graph), []) if ours else rules_of(file, graph, writer, stated)
    chain = _chain(file, graph, rules)
    notes = [*notes, *chain.notes]
    if not keep_beta:
        config = config.replaced(beta=nearest_beta(chain.keep))
    if abs(config.beta - chain.keep) > 1e-6:
        notes.append(f"neurons that keep {chain.keep:g} of their membrane keep {config.beta:g} now (--beta)")
    return GraphStart(Path(file), config.replaced(model=_text(chain)), chain, notes, input_scale, not ours)


def _chain(file: str | Path, graph: Any, rules: "Rules") -> "Chain":
    from snnc.export.nir.chain import chain_of

    try:
        return chain_of(graph, rules)
    except DAMAGE as error:
        raise damaged(file, error) from None


def _text(chain: "Chain") -> str:
    from snnc.models.architecture import Architecture, Part

    parts = [Part(len(each.weight), each.kernel, each.padding, each.pool) for each in chain.layers[:-1]]
    return str(Architecture(tuple(parts), chain.layers[-1].pool))
