"""Imports one NIR graph: reads it, makes a network, writes that, and measures how well the spikes of the two agree."""

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from snnc.export import TARGETS, export, target_of
from snnc.export.target import with_extra
from snnc.toolchain.errors import CannotExport, FileFormatError, one_line
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.output_file import check_output
from snnc.toolchain.simulate.reference import simulate

if TYPE_CHECKING:
    from snnc.export.nir.importer import Imported
    from snnc.export.nir.rules import Rules

MOST_BYTES = 2**30  # of what a graph and its network send over all steps and samples
BYTES_PER_STEP = 32  # of a neuron or an input, in both


@dataclass(frozen=True)
class Agreement:
    """One layer on random samples: spikes of the real-number graph, and the share of neurons and steps that agree."""

    layer: str
    spikes: int
    agreement: float


@dataclass(frozen=True)
class ImportedFile:
    """A network that was imported, what was rounded on the way, and how well each layer agrees with the graph."""

    network: Network
    rounded: list[str]
    layers: list[Agreement]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the object that `snnc import --json` prints."""
        layers = [vars(layer) for layer in self.layers]
        return {"digest": self.network.digest(), "rounded": self.rounded, "layers": layers}


def import_file(
    file: str | Path,
    output: str | Path,
    *,
    timesteps: int,
    writer: str = "spec",
    input_range: tuple[int, int] = (0, 1),
    zero_point: int = 0,
    bits: int = 8,
    samples: int = 16,
    **stated: Any,
) -> ImportedFile:
    """Import a NIR graph by the conventions of a writer, except where they are stated otherwise, and write the network.

    Raises CannotExport, with node and reason, for what the chip cannot do or the output format cannot hold, FileFormatError
    for damaged graphs and an unknown suffix, ConfigError for an unknown writer.
    """
    target = target_of(output)
    check_output(output, inputs=[file])
    graph, rules = _read(file, writer, stated)
    imported = _imported(file, graph, rules, timesteps, (*input_range, zero_point), bits)
    prove(imported.network)
    layers = _agreement(graph, imported, rules, samples)
    export(imported.network, target, output)
    return ImportedFile(imported.network, imported.rounded, layers)


def _read(file: str | Path, writer: str, stated: dict[str, Any]) -> tuple[Any, "Rules"]:
    """Return a graph, and the rules by which it is understood."""
    from snnc.export.nir.rules import writer_rules

    nir_file = with_extra("snnc.export.nir.file", TARGETS["nir"].extra)
    graph = nir_file.read_graph(file)
    if nir_file.is_ours(graph):
        nir_file.read_nir(file)  # raises where its numbers are not those that snnc wrote
        if stated.get("dt") is None:  # the one thing that our own graphs do say
            stated = stated | {"dt": float(graph.metadata["dt"])}
    return graph, writer_rules(writer, stated)


def _imported(file: str | Path, graph: Any, rules: "Rules", timesteps: int, pixels: tuple[int, ...], bits: int) -> "Imported":
    from snnc.export.limits import DAMAGE
    from snnc.export.nir.importer import import_nir

    try:
        return import_nir(graph, timesteps, rules, pixels=pixels, bits=bits)
    except DAMAGE as error:
        raise FileFormatError(f"{file}: its nodes do not fit together ({one_line(error)}); mend the file") from None


def _agreement(graph: Any, imported: "Imported", rules: "Rules", samples: int) -> list[Agreement]:
    """Compare graph and network on random samples, layer by layer; a membrane read-out sends no spikes."""
    from snnc.export.nir.interpreter import interpret

    network, pixels = imported.network, imported.network.input
    samples = min(samples, _affordable(network))
    shape = (network.timesteps, samples, *pixels.shape)
    x = np.random.default_rng(0).integers(pixels.minimum, pixels.maximum + 1, shape)
    flat = x.reshape(*x.shape[:3], -1) if imported.one_dimensional else x
    theirs, ours = interpret(graph, flat, rules), simulate(network, x)
    layers = []
    for layer in network.layers:
        if not network.is_readout(layer):
            real = theirs[imported.nodes[layer.name]].sent.astype(bool).reshape(ours.spikes[layer.name].shape)
            layers.append(Agreement(layer.name, int(real.sum()), float((real == ours.spikes[layer.name]).mean())))
    return layers


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
