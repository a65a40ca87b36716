"""Training that starts from a NIR graph: its architecture as text in the configuration, its weights in the base network."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnc.export import TARGETS
from snnc.export.nir.rules import AUTO
from snnc.export.target import with_extra
from snnc.importing import own_rules, reading_nodes, rules_of
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.errors import ConfigError, located
from snnc.toolchain.network.lif import DECAY_UNITY
from snnc.toolchain.network.network import INPUT, Input
from snnc.toolchain.training.config import TrainConfig, nearest_beta

if TYPE_CHECKING:
    from snnc.export.nir.layers import GraphLayer, LayerGraph
    from snnc.export.nir.rules import Rules
    from snnc.export.nir.unfolded import Weights
    from snnc.models.architecture import Architecture, MaxPart, Part
    from snnc.models.initial import InitialLayer
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

SAMPLES = 256  # on which the means of layers are measured
SUFFIX = ".nir"


@dataclass(frozen=True)
class GraphStart:
    """What training takes from a graph: the architecture as text, the beta of most layers, the weights, and what must be said.

    The graph was trained on raw samples times `input_scale`; networks here take integers, raw samples minus a zero point.
    Weights of the input and their biases are changed so that they give the same (but for padding, which is 0 of either).
    """

    file: Path
    model: str
    beta: float
    graph: "LayerGraph"
    notes: tuple[str, ...] = ()
    input_scale: float = 1.0
    takes_raw: bool = True  # a graph that snnc wrote takes what the chip takes

    @property
    def classes(self) -> int:
        """The number of outputs."""
        return len(self._weighted[-1].bias)

    def configured(self, config: TrainConfig) -> TrainConfig:
        """Return a configuration with this architecture and beta."""
        return config.replaced(model=self.model, beta=self.beta)

    def check(self, input: Input, classes: int, name: str = "the data") -> None:
        """Raise ConfigError if samples or classes, which people know by a name, are not those of the graph."""
        if input.shape != self.graph.shape:
            raise ConfigError(
                f"{self.file}: the graph takes inputs of shape {self.graph.shape}, {name} has {input.shape}; "
                "choose the data it was made for, or scale images with --image-size"
            )
        if classes != self.classes:
            raise ConfigError(
                f"{self.file}: node {self.graph.layers[-1].node!r} has {self.classes} outputs, {name} has "
                f"{classes} classes; choose the data it was made for"
            )

    def network(self, config: TrainConfig, input: Input) -> "SpikingNetwork":
        """Return an untrained network that has the function of the graph at full precision, to the rounding of floats.

        Biases that are 2^-21 thresholds off make membranes that meet their threshold spike, or not, as the graph's do; so do
        those which miss it by less than that in each step since their last spike.

        Raises ConfigError for an input that the graph does not take.
        """
        from snnc.models import build_model
        from snnc.models.initial import load_initial

        self.check(input, self.classes, "the input")
        network = build_model(self.configured(config).replaced(weights="float"), input, self.classes)
        load_initial(network, self._initial(input), np.zeros((1, *input.shape), np.int64), trains=False)
        return network

    def load(self, network: "SpikingNetwork", dataset: Dataset) -> None:
        """Give a fresh network of this configuration the weights, as training can keep them (see load_initial).

        Raises ConfigError if the dataset is not one that the graph takes.
        """
        from snnc.models.initial import load_initial

        self.check(dataset.input, len(dataset.labels), repr(dataset.name))
        few = dataset.train.first(min(SAMPLES, len(dataset.train)))
        load_initial(network, self._initial(dataset.input), chip_input(few, dataset.input))

    def accuracy(self, config: TrainConfig, dataset: Dataset) -> float:
        """Return the accuracy on the test split (0..1) of the graph's weights in a network at full precision, untrained."""
        from snnc.toolchain.training.batches import load_on_device
        from snnc.toolchain.training.evaluation import evaluate

        network = self.network(config, dataset.input)
        return evaluate(network, load_on_device(dataset, network.readout.bias.device).test).accuracy

    @property
    def _weighted(self) -> "list[GraphLayer]":
        """All layers that have weights."""
        from snnc.export.nir.layers import GraphLayer

        return [layer for layer in self.graph.layers if isinstance(layer, GraphLayer)]

    def _initial(self, input: Input) -> "list[InitialLayer]":
        """Return the weights of all layers for the chip's input."""
        from snnc.models.initial import InitialLayer

        zero, layers = input.zero_point if self.takes_raw else 0, list[InitialLayer]()
        for layer in self._weighted:
            bias, weights = layer.bias, [each.weight for each in layer.weights]
            for index, each in enumerate(layer.weights):
                if self.graph.entry in each.sources:
                    weights[index] = each.weight * self.input_scale
                    bias = bias + zero * weights[index].reshape(len(bias), -1).sum(1)
            layers.append(InitialLayer(weights[0], bias, tuple(weights[1:])))
        return layers


def is_graph(name: str | Path | None) -> bool:
    """Tell whether the name of a model, or of what training starts from, means a NIR graph."""
    return name is not None and str(name).endswith(SUFFIX)


def from_nir(
    file: str | Path, *, writer: str = AUTO, input_scale: float = 1.0, beta: float | None = None, **stated: Any
) -> GraphStart:
    """Take a NIR graph as the start of a training.

    Args:
        file: the graph: Conv2d, Linear, Affine, Scale, AvgPool2d, SumPool2d and Flatten, with LIF and IF neurons, whose spikes
            and currents may be added.
        writer: whose conventions the graph follows, as in `snnc import`; `stated` overrides single ones (`dt=1e-3`). A graph
            that snnc wrote says its own, and these do not count.
        input_scale: what raw samples were multiplied with for the graph, such as 1/255 for pixels of 0 to 1.
        beta: what the membranes of all layers keep at each step; by default what the graph says of each.

    Raises:
        CannotExport: for what training does not have, naming the node.
        FileFormatError: for a file that is no graph, or a damaged one.
        ConfigError: for an unknown writer, conventions that do not fit, or an input scale of 0.

    Example:
        >>> import snnc
        >>> start = snnc.from_nir("graph.nir", writer="snntorch", input_scale=1 / 16)  # doctest: +SKIP
        >>> config = snnc.TrainConfig(epochs_float=2, epochs_quantized=4, epochs_integer=2)
        >>> checkpoint = snnc.train(config, "model.pt", start=start)  # doctest: +SKIP
    """
    if not np.isfinite(input_scale) or input_scale == 0:
        raise ConfigError(f"--input-scale {input_scale:g} is not possible; give what raw samples were multiplied with")
    if beta is not None and not 1 / DECAY_UNITY <= beta <= 1:
        raise ConfigError(f"beta is {beta:g}; allowed are 1 / {DECAY_UNITY} to 1, the share of the membrane that a step keeps")
    nir_file = with_extra("snnc.export.nir.file", TARGETS["nir"].extra)
    read = nir_file.read_graph(file)
    ours = nir_file.is_ours(read)
    rules, notes = (own_rules(read), []) if ours else rules_of(file, read, writer, stated)
    if ours and (writer != AUTO or stated):
        notes.append("written by snnc: the graph says its own conventions, and others that are stated do not count")
    graph = _layers(file, read, rules)
    architecture, common, changed = _architecture(graph, beta)
    notes = [*notes, *graph.notes, *changed]
    model = str(architecture)
    with located(str(file)):
        from snnc.models.notation import parse

        parse(model)  # kernels and gains may have more digits than the text takes
    return GraphStart(Path(file), model, common, graph, tuple(notes), input_scale, not ours)


def _layers(file: str | Path, graph: Any, rules: "Rules") -> "LayerGraph":
    from snnc.export.nir.layers import layers_of

    with reading_nodes(file):
        return layers_of(graph, rules)


def _architecture(graph: "LayerGraph", beta: float | None) -> "tuple[Architecture, float, list[str]]":
    """Return the architecture, the beta that most of its layers have, the others saying theirs, and notes about leaks."""
    from snnc.export.nir.layers import GraphLayer
    from snnc.models.architecture import Architecture

    *hidden, last = [layer for layer in graph.layers if isinstance(layer, GraphLayer)]
    keeps = {layer.node: layer.keep for layer in (*hidden, last) if layer.keep is not None}
    betas = {node: nearest_beta(keep if beta is None else beta) for node, keep in keeps.items()}
    common = Counter(betas[layer.node] for layer in hidden).most_common(1)[0][0]
    changes = {(keep, betas[node]): None for node, keep in keeps.items() if abs(betas[node] - keep) > 1e-6}
    notes = [f"neurons that keep {keep + 0.0:g} of their membrane keep {now:g} now (--beta)" for keep, now in changes]
    own = {node: each for node, each in betas.items() if each != common}
    parts: list[Part | MaxPart] = []
    names = {graph.entry: INPUT}
    for layer in graph.layers[:-1]:
        parts.append(_part(layer, names, own.get(layer.node)))
        names[layer.node] = Architecture(tuple(parts)).names[-1]
    (weights,) = last.weights
    return Architecture(tuple(parts), weights.pool, own.get(last.node), _sources(weights.sources, names)), common, notes


def _part(layer: Any, names: dict[str, str], beta: float | None) -> "Part | MaxPart":
    from snnc.export.nir.layers import OrPool
    from snnc.models.architecture import Join, MaxPart, Part, Projection

    if isinstance(layer, OrPool):
        return MaxPart(layer.side, _sources((layer.source,), names))
    first, *further = layer.weights

    def reach(each: "Weights") -> tuple[int | None, int, int, int]:
        return each.kernel, each.padding, each.pool, each.stride

    projections = (Projection(tuple(names[source] for source in each.sources), *reach(each)) for each in further)
    joins = tuple(Join(names[source], gain) for source, gain in layer.shortcuts.items())
    sources = _sources(first.sources, names)
    return Part(len(layer.bias), *reach(first), beta=beta, sources=sources, projections=tuple(projections), joins=joins)


def _sources(nodes: tuple[str, ...], names: dict[str, str]) -> tuple[str, ...]:
    """Return sources as a layer says them: none if it takes the layer in front."""
    sources = tuple(names[node] for node in nodes)
    return () if sources == (list(names.values())[-1],) else sources
