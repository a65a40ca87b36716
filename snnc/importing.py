"""Imports one NIR graph: reads it, makes a network, writes that, and measures how well the spikes of the two agree."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnc.export import TARGETS, export, target_of
from snnc.export.limits import DAMAGE
from snnc.export.target import with_extra
from snnc.toolchain.errors import CannotExport, ConfigError, FileFormatError, located, one_line
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import INPUT, Input, Layer, Network
from snnc.toolchain.output_file import check_output
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace

if TYPE_CHECKING:
    from snnc.export.nir.importer import Imported
    from snnc.export.nir.rules import Rules

MOST_BYTES = 2**30  # of what a graph and its network send over all steps and samples
BYTES_PER_STEP = 64  # of a neuron or an input, in both
RANGES = ((0, 1), (0, 15), (0, 255))  # of inputs, until all layers spike, where none is stated
Samples = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Agreement:
    """One layer on random samples: spikes of the real-number graph, and the share of neurons and steps that agree.

    `agreement` is None where neither spikes; of a membrane read-out it is the share of samples of the same class, and
    `membranes` is the largest difference of its membranes as a share of their range. `causes` holds how many spikes of this
    layer differ by each rounding alone, on the graph's own activity.
    """

    layer: str
    spikes: int
    agreement: float | None
    membranes: float | None = None
    causes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportedFile:
    """An imported network, what was recognized and rounded on the way, and how well each layer agrees with the graph."""

    network: Network
    rounded: list[str]
    layers: list[Agreement]
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the object that `snnc import --json` prints."""
        layers = [asdict(layer) for layer in self.layers]
        return {"digest": self.network.digest(), "notes": self.notes, "rounded": self.rounded, "layers": layers}


def import_file(
    file: str | Path,
    output: str | Path,
    *,
    timesteps: int | None = None,
    writer: str = "spec",
    input_range: tuple[int, int] | None = None,
    zero_point: int | None = None,
    bits: int = 8,
    samples: int = 16,
    **stated: Any,
) -> ImportedFile:
    """Import a NIR graph by the conventions of a writer, except where they are stated otherwise, and write the network.

    A file that snnc wrote gives the network that it holds, with what is stated in place of its own. Raises CannotExport, with
    node and reason, for what the chip cannot do or the output format cannot hold, FileFormatError for damaged graphs and an
    unknown suffix, ConfigError for an unknown writer, or a graph of others without a number of time steps.
    """
    target = target_of(output)
    check_output(output, inputs=[file])
    nir_file = with_extra("snnc.export.nir.file", TARGETS["nir"].extra)
    graph = nir_file.read_graph(file)
    if nir_file.is_ours(graph):
        own = _stated(nir_file.read_nir(file), timesteps, input_range, zero_point)  # raises where its numbers are not ours
        rules = own_rules(graph)
        imported, notes = _own(own, rules), ["written by snnc: the network is the one that the file holds"]
    else:
        if timesteps is None:
            raise ConfigError("a graph of others does not say how many time steps a sample has; state --timesteps")
        rules, notes = rules_of(file, graph, writer, stated)
        ranges = [input_range] if input_range else RANGES
        pixels = [(*each, zero_point or 0) for each in ranges]
        exponents = TARGETS[target].bias_exponents
        imported, noted = _first_that_spikes(file, graph, rules, timesteps, pixels, bits, exponents, samples)
        notes += noted
    prove(imported.network)
    layers = _agreement(graph, imported, rules, samples)
    export(imported.network, target, output)
    return ImportedFile(imported.network, imported.rounded, layers, [*notes, *imported.recognized])


def _stated(network: Network, timesteps: int | None, pixels: tuple[int, int] | None, zero_point: int | None) -> Network:
    """Return a network with what the user states in place of its own."""
    low, high = pixels or (network.input.minimum, network.input.maximum)
    zero = network.input.zero_point if zero_point is None else zero_point
    return replace(network.over(timesteps or network.timesteps), input=Input(network.input.shape, low, high, zero))


def _own(network: Network, rules: "Rules") -> "Imported":
    """Return what importing a graph of snnc's own gives: the network, and by how much its membranes exceed the graph's."""
    from snnc.export.nir.graph import node_names
    from snnc.export.nir.importer import Imported

    names = node_names(layer.name for layer in network.layers)
    betas = {layer.name: float(np.max(layer.neuron.beta)) for layer in network.layers}
    factors = {name: 1 / (1 - beta) if rules.gain == "normalized" and beta < 1 else 1.0 for name, beta in betas.items()}
    return Imported(network, {layer: names[layer] for layer in betas}, [], factors=factors)


def own_rules(graph: Any) -> "Rules":
    """Return the rules of the dialect in which snnc wrote a graph."""
    from snnc.export.nir.dialects import DIALECTS
    from snnc.export.nir.rules import Rules

    dialect = DIALECTS[str(graph.metadata["dialect"])]
    return Rules(dt=float(graph.metadata["dt"]), gain="normalized" if dialect.ignores_r else "file")


def rules_of(file: str | Path, graph: Any, writer: str, stated: dict[str, Any]) -> "tuple[Rules, list[str]]":
    """Return the rules by which a graph of others is read, and what must be said. Raises ConfigError or FileFormatError."""
    from snnc.export.nir.writers import rules_for

    with reading_nodes(file):
        return rules_for(graph, writer, stated)


@contextmanager
def reading_nodes(file: str | Path) -> Iterator[None]:
    """Let every SnncError say which file is meant. Raises FileFormatError where nodes of it do not fit together."""
    try:
        with located(str(file)):
            yield
    except DAMAGE as error:
        raise FileFormatError(f"{file}: its nodes do not fit together ({one_line(error)}); mend the file") from None


def _first_that_spikes(
    file: str | Path,
    graph: Any,
    rules: "Rules",
    timesteps: int,
    pixels: list[tuple[int, int, int]],
    bits: int,
    exponents: tuple[int, ...],
    samples: int,
) -> "tuple[Imported, list[str]]":
    """Import for the first range of inputs at which every layer of the graph spikes, else for the first one."""
    from snnc.export.nir.importer import import_nir

    first: Imported | None = None
    for each in pixels:
        try:
            with reading_nodes(file):
                imported = import_nir(graph, timesteps, rules, pixels=each, bits=bits, exponents=exponents)
                if len(pixels) == 1:
                    return imported, []
                spikes = _spikes(graph, imported, rules, _random_samples(imported.network, samples))
        except CannotExport:
            if first is None:
                raise
            break  # what larger inputs give does not fit
        first = imported if first is None else first
        if all(sent.any() for sent in spikes.values()):
            said = f"inputs are taken as {each[0]}..{each[1]}, since layers stay silent at 0..1; state --input-range"
            return imported, [said] if imported is not first else []
    if first is None:
        raise ConfigError("no range of inputs was given; state --input-range")
    return first, []


def _random_samples(network: Network, samples: int) -> Samples:
    pixels = network.input
    shape = (network.timesteps, min(samples, _affordable(network)), *pixels.shape)
    return np.random.default_rng(0).integers(pixels.minimum, pixels.maximum + 1, shape)


def _run(graph: Any, imported: "Imported", rules: "Rules", x: Samples) -> dict[str, Any]:
    from snnc.export.nir.interpreter import interpret

    return interpret(graph, x.reshape(*x.shape[:3], -1) if imported.one_dimensional else x, rules)


def _spikes(graph: Any, imported: "Imported", rules: "Rules", x: Samples) -> dict[str, Any]:
    done = _run(graph, imported, rules, x)
    network = imported.network
    return {each.name: done[imported.nodes[each.name]].sent for each in network.layers if not network.is_readout(each)}


def _agreement(graph: Any, imported: "Imported", rules: "Rules", samples: int) -> list[Agreement]:
    """Compare graph and network on random samples, layer by layer."""
    network, x = imported.network, _random_samples(imported.network, samples)
    done, ours = _run(graph, imported, rules, x), simulate(network, x)
    nodes = {layer.name: done[imported.nodes[layer.name]] for layer in network.layers}
    sent = {
        layer.name: _as_layer(nodes[layer.name].membranes if network.is_readout(layer) else nodes[layer.name].sent, layer)
        for layer in network.layers
    }
    activity = {INPUT: x.astype(np.float64)} | sent
    return [
        _of_readout(layer, sent[layer.name], ours, imported)
        if network.is_readout(layer)
        else _of_layer(layer, activity, ours, imported, rules)
        for layer in network.layers
    ]


def _as_layer(sent: NDArray[Any], layer: Layer) -> NDArray[Any]:
    """Return what a node sends in the shape of its layer, which may lack its last rows and columns."""
    shape = layer.output_shape
    if prod(sent.shape[2:]) == prod(shape):
        return sent.reshape(*sent.shape[:2], *shape)
    return sent[..., : shape[-2], : shape[-1]]


def _of_layer(layer: Layer, activity: dict[str, NDArray[Any]], ours: Trace, imported: "Imported", rules: "Rules") -> Agreement:
    from snnc.export.nir.causes import causes

    real, spikes = activity[layer.name].astype(bool), ours.spikes[layer.name]
    if not real.any() and not spikes.any():
        return Agreement(layer.name, 0, None)
    why, name = {}, layer.name
    if name in imported.real and (real != spikes).any():
        why = causes(imported.real[name], layer, imported.factors[name], activity, rules)
    return Agreement(name, int(real.sum()), float((real == spikes).mean()), causes=why)


def _of_readout(layer: Layer, real: NDArray[Any], ours: Trace, imported: "Imported") -> Agreement:
    unit = 64 * imported.factors.get(layer.name, 1.0)
    membranes = ours.membranes[layer.name] / unit
    same = real.sum(0).reshape(real.shape[1], -1).argmax(1) == membranes.sum(0).reshape(real.shape[1], -1).argmax(1)
    reach = float(np.abs(real).max())
    return Agreement(layer.name, 0, float(same.mean()), float(np.abs(real - membranes).max() / reach) if reach else 0.0)


def _affordable(network: Network) -> int:
    """Return how many samples graph and network can run side by side; the graph keeps all that its nodes send."""
    neurons = sum(layer.neurons for layer in network.layers) + prod(network.input.shape)
    samples = MOST_BYTES // (BYTES_PER_STEP * neurons * network.timesteps)
    if not samples:
        raise CannotExport(
            f"{neurons:,} neurons and inputs over {network.timesteps} steps are too many to compare with the graph; "
            "take fewer time steps"
        )
    return samples
