"""Imports one NIR graph: reads it, makes a network, writes that, and measures how well the spikes of the two agree."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from snnc.export import TARGETS
from snnc.files import export_file
from snnc.toolchain.errors import ConfigError, FileFormatError
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.reference import simulate


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

    Raises CannotExport, with node and reason, for what the chip cannot do or the output format cannot say, FileFormatError
    for damaged graphs, ConfigError for an unknown writer or suffix.
    """
    try:
        from snnc.export.nir.file import FAULTS, is_ours, read_graph
        from snnc.export.nir.importer import import_nir, writer_rules
    except ModuleNotFoundError as error:
        raise ConfigError(f"{error.name} is not installed; get it with: pip install 'snnc[nir]'") from None
    from snnc.export.nir.interpreter import interpret

    target = next((name for name, row in TARGETS.items() if row.suffix == Path(output).suffix), None)
    if target is None:
        raise ConfigError(
            f"output {str(output)!r} has an unknown suffix; allowed are {', '.join(t.suffix for t in TARGETS.values())}"
        )
    if Path(output).resolve() == Path(file).resolve():
        raise ConfigError(f"output {str(output)!r} is the graph itself; name another file")
    graph = read_graph(file)
    if is_ours(graph) and stated.get("dt") is None:  # the one thing that our own graphs do say
        stated = stated | {"dt": float(graph.metadata["dt"])}
    rules = writer_rules(writer, stated)
    try:
        imported = import_nir(graph, timesteps, rules, pixels=(*input_range, zero_point), bits=bits)
    except FAULTS as error:
        reason = " ".join(str(error).split())[:160]
        raise FileFormatError(f"{file}: its nodes do not fit together ({reason}); mend the file") from None
    network = imported.network
    prove(network)
    low, high = input_range
    x = np.random.default_rng(0).integers(low, high + 1, (timesteps, samples, *network.input.shape))
    flat = x.reshape(*x.shape[:3], -1) if imported.one_dimensional else x
    theirs, ours = interpret(graph, flat, rules), simulate(network, x)
    layers = []
    for layer in network.layers:
        if layer is network.layers[-1] and network.readout == "membrane":
            continue
        real = theirs[imported.nodes[layer.name]].sent.astype(bool).reshape(ours.spikes[layer.name].shape)
        agreement = float((real == ours.spikes[layer.name]).mean())
        layers.append(Agreement(layer.name, int(real.sum()), agreement))
    export_file(network, target, output)
    return ImportedFile(network, imported.rounded, layers)


def show_agreement(console: Console, imported: ImportedFile) -> None:
    """Print what was rounded and the agreement of every layer."""
    for line in imported.rounded:
        console.print(line, style="yellow")
    if not imported.rounded and all(layer.agreement == 1 for layer in imported.layers):
        console.print("every weight, bias, decay and threshold is exact")
    table = Table("layer", box=None, pad_edge=False, header_style="bold")
    for heading in ("spikes of the graph", "agreement"):
        table.add_column(heading, justify="right")
    for layer in imported.layers:
        share = "all equal" if layer.agreement == 1 and layer.spikes else f"{layer.agreement:.4%}"
        table.add_row(layer.layer, f"{layer.spikes:,}", share)
    console.print(table, "", sep="\n")
