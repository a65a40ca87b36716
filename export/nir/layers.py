"""A NIR graph as layers that training can start from: weights behind pools, shortcuts and LIF neurons, in thresholds.

The ways into each population are those of the importer (paths.py, folding.py); unfolded.py finds in them what training has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import nir
import numpy as np

from snnc.export.nir.constants import Floats
from snnc.export.nir.crops import crops_of
from snnc.export.nir.flat import FlatGraph, flat_graph, kernel, pair
from snnc.export.nir.folding import RealLayer, folded, per_channel_or
from snnc.export.nir.neurons import NEURONS
from snnc.export.nir.paths import WEIGHTS, Chain, Path, chains_to, path_along
from snnc.export.nir.rules import Rules
from snnc.export.nir.terminals import input_of
from snnc.export.nir.unfolded import Weights, unfolded
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network.validation import check_neurons

TRAINED = (nir.LIF, nir.IF)
POOLS = (nir.AvgPool2d, nir.SumPool2d)
ENDS = "the graph needs a layer of spiking neurons and a last layer of weights, which becomes the read-out"
IMPORT = "`snnc import` may take it as it is"
# Thresholds: added to a bias, it decides where a membrane meets its threshold. It is more than float32 rounds, and T TIE, what
# it comes to in T steps, less than whole weights can say, unless a threshold is more than 1 / (T TIE) of their units.
TIE = 2.0**-21


@dataclass(frozen=True)
class GraphLayer:
    """One layer: its weights, biases `(out,)`, the shortcuts by source, all in thresholds, and what its membranes keep.

    A layer without neurons has no `keep`. Biases of the others have TIE more or less than the graph's, as it compares.
    """

    node: str  # of its neurons, or of its weights where none follow
    weights: tuple[Weights, ...]
    bias: Floats
    shortcuts: Mapping[str, float]
    keep: float | None


@dataclass(frozen=True)
class OrPool:
    """Neurons that spike when any neuron of their patch does."""

    node: str
    source: str
    side: int


@dataclass(frozen=True)
class LayerGraph:
    """All layers in order, the last one the read-out; the node and the shape of the input; what must be said."""

    entry: str
    shape: tuple[int, ...]
    layers: tuple[GraphLayer | OrPool, ...]
    notes: tuple[str, ...]


def layers_of(graph: nir.NIRGraph, rules: Rules) -> LayerGraph:
    """Return a graph as layers. Raises CannotExport, naming the node, for what training does not have.

    Resets become resets to zero at once, as the chip's are, and that is said: training adapts the weights to them.
    """
    flat, notes = flat_graph(graph), list[str]()
    if rules.reset != "zero" or rules.reset_delay:
        notes.append("resets of the graph's neurons become resets to zero at once, as the chip's are")
        rules = replace(rules, reset="zero", reset_delay=0)
    entry, shape, one_dimensional = input_of(flat)
    _check_kinds(flat)
    chains = _chains(flat, entry)
    names = {name: name for name in (entry, *chains)}
    shapes, ways = {entry: shape}, dict[str, list[Path]]()
    for node, each in chains.items():
        ways[node] = [path_along(flat, chain, shapes, names, rules, one_dimensional=one_dimensional) for chain in each]
        shapes[node] = ways[node][0].shape if each else (1,)
        check_neurons(shapes.values())
    crops_of(ways)  # refuses what no pool in front of each reader can do
    layers = [_layer(flat, node, ways[node], each, entry, rules) for node, each in chains.items()]
    _check_ends(flat, layers)
    return LayerGraph(entry, shape, tuple(layers), tuple(notes))


def _check_kinds(flat: FlatGraph) -> None:
    if flat.back:
        raise CannotExport(f"node {min(flat.back)[0]!r} is part of a loop, which training does not have; {IMPORT}")
    for name, node in flat.nodes.items():
        if isinstance(node, NEURONS) and not isinstance(node, (*TRAINED, nir.LI, nir.I)):
            raise CannotExport(
                f"node {name!r} is a {type(node).__name__}; training has neurons without currents (LIF, IF); {IMPORT}"
            )
        if isinstance(node, nir.Delay):
            raise CannotExport(f"node {name!r} is a Delay, which training does not have; {IMPORT}")
        if isinstance(node, nir.Conv1d):
            raise CannotExport(f"node {name!r} is a Conv1d; training has convolutions of images (Conv2d); {IMPORT}")
        if isinstance(node, nir.Conv2d):
            _check_convolution(name, node)
        if isinstance(node, POOLS):
            size, stride = pair(node.kernel_size), pair(node.stride)
            if size[0] != size[1] or size != stride or pair(node.padding) != (0, 0):
                raise CannotExport(
                    f"node {name!r}: training has square pools of patches side by side, without padding; {IMPORT}"
                )


def _check_convolution(name: str, node: nir.Conv2d) -> None:
    weight, stride, padding = kernel(name, node)
    if int(np.ravel(node.groups)[0]) != 1 or pair(node.dilation) != (1, 1):
        raise CannotExport(f"node {name!r}: training has kernels without dilation and groups; {IMPORT}")
    for what, (height, width) in {"kernel": weight.shape[2:], "stride": stride, "padding": padding}.items():
        if height != width:
            raise CannotExport(f"node {name!r}: {what} of {height} x {width}; training has the same on all sides; {IMPORT}")


def _chains(flat: FlatGraph, entry: str) -> dict[str, list[Chain]]:
    """Return the chains into each population in order, and into the last weights, if the graph ends with them."""
    populations = [name for name, node in flat.nodes.items() if isinstance(node, NEURONS)]
    known = {entry, *populations}
    chains = {name: chains_to(flat, name, known) for name in populations}
    read = {source for name in flat.nodes for source in flat.sources[name]}
    ends = [name for name, node in flat.nodes.items() if isinstance(node, nir.Output) and name not in read]
    if len(ends) != 1:
        raise CannotExport(f"the graph has {len(ends)} outputs; allowed is one")
    behind = chains_to(flat, ends[0], known)
    weights = [name for chain in behind for name in chain.nodes if isinstance(flat.nodes[name], WEIGHTS)]
    last = weights[-1] if weights else behind[0].source if behind else ""
    if weights:
        chains[last] = behind
    elif last == entry:
        raise CannotExport(ENDS)
    elif len(behind) != 1:
        raise CannotExport(
            f"node {ends[0]!r} gets the spikes of {len(behind)} nodes; end the graph with a Linear behind their sum"
        )
    taken = {chain.source for each in chains.values() for chain in each}
    for name in populations:
        if name not in taken and name != last:
            raise CannotExport(f"node {name!r} leads to no output; remove it")
    return {name: each for name, each in chains.items() if name != last} | {last: chains.get(last, [])}


def _layer(flat: FlatGraph, name: str, ways: list[Path], chains: list[Chain], entry: str, rules: Rules) -> GraphLayer | OrPool:
    has_neurons = isinstance(flat.nodes[name], NEURONS)
    # Weights without neurons are those of neurons that add up what they get.
    real = folded(name, flat.nodes[name] if has_neurons else nir.I(np.array([1 / rules.dt])), ways, rules, 1)
    found = [unfolded(name, path, weight) for path, weight in zip(ways, real.weights, strict=True)]
    if has_neurons and entry not in found[0].sources and (side := _or_side(found, real, rules)):
        return OrPool(name, ways[0].source, side)
    unit = 1.0 if real.threshold is None else real.threshold
    if unit <= 0:
        raise CannotExport(f"node {name!r}: its threshold of {unit:g} is not above 0, where training has it; {IMPORT}")
    found = [replace(each, weight=each.weight / unit) for each in found]
    bias = per_channel_or(name, "bias", np.broadcast_to(real.bias, real.shape)) / unit
    if real.threshold is not None:  # training's neurons spike where they meet the threshold, too
        bias = bias + (TIE if rules.compare == ">=" else -TIE)
    own = [any(isinstance(flat.nodes[node], WEIGHTS) for node in chain.nodes) for chain in chains]
    weights, shortcuts = _with_shortcuts(name, found, own, entry)
    return GraphLayer(name, weights, bias, shortcuts, real.keep if has_neurons else None)


def _or_side(found: list[Weights], real: RealLayer, rules: Rules) -> int:
    """Return the side of the patches of which one spike is enough for a spike, whatever was before; 0 where it is not so."""
    (each, *others), threshold = found, real.threshold
    if others or threshold is None or each.strength is None or each.kernel is None or real.bias.any():
        return 0
    one = each.strength / each.pool**2
    enough = one > threshold >= 0 or (rules.compare == ">=" and one == threshold)
    silent = threshold > 0 or rules.compare == ">"
    return each.pool if enough and silent and each.weight.shape[0] == each.weight.shape[1] else 0


def _with_shortcuts(
    name: str, found: list[Weights], own: list[bool], entry: str
) -> tuple[tuple[Weights, ...], dict[str, float]]:
    """Return the weights, and the shortcuts that have none; `own` tells for which the graph itself has weights."""
    strengths = [None if entry in each.sources else each.strength for each in found]
    if None not in strengths:
        strengths = [None if has else each for each, has in zip(strengths, own, strict=True)]
    if None not in strengths:
        raise CannotExport(f"node {name!r} has no weights in front of it, which training needs; {IMPORT}")
    weights, shortcuts = list[Weights](), dict[str, float]()
    for each, strength in zip(found, strengths, strict=True):
        (source,) = each.sources
        if strength is not None:
            shortcuts[source] = shortcuts.get(source, 0) + strength
            continue
        if any(source in other.sources for other in weights):
            raise CannotExport(f"node {name!r} gets the spikes of {source!r} through two weights; make one kernel of the two")
        same = next(
            (i for i, other in enumerate(weights) if entry not in (source, *other.sources) and other.adds_up_with(each)), None
        )
        if same is None:
            weights.append(each)
        else:
            weights[same] = replace(weights[same], sources=(*weights[same].sources, source))
    return tuple(weights), shortcuts


def _check_ends(flat: FlatGraph, layers: list[GraphLayer | OrPool]) -> None:
    *hidden, last = layers
    if not any(isinstance(layer, GraphLayer) for layer in hidden) or not isinstance(last, GraphLayer):
        raise CannotExport(ENDS)
    for layer in hidden:
        if not isinstance(flat.nodes[layer.node], TRAINED):
            raise CannotExport(f"node {layer.node!r} is an integrator in the middle; training's neurons send spikes; {IMPORT}")
    if last.weights[0].kernel is not None:
        raise CannotExport(f"node {last.node!r}: the last weights are a convolution; end the graph with Flatten and Linear")
    if len(last.weights) > 1 or last.shortcuts:
        raise CannotExport(
            f"node {last.node!r}: several weights lead to the read-out; let one Linear come last, behind neurons"
        )
