"""snnc import: a graph of another framework becomes a network for the chip, and is compared with it."""

import json
from typing import Any

import click
from click.core import ParameterSource
from rich.console import Console
from rich.table import Table

from snnc.adopting import adopt_file, is_adopted
from snnc.cli.options import Command, FileName, console_for, output_options
from snnc.export import TARGETS
from snnc.export.nir.rules import AUTO, WRITERS
from snnc.importing import Agreement, ImportedFile, import_file

SUFFIXES = ", ".join(target.suffix for target in TARGETS.values())


@click.command("import", cls=Command)
@click.argument("file", type=FileName())
@click.option("-o", "--output", type=FileName(), required=True, help=f"File to write: {SUFFIXES}.")
@click.option(
    "-T", "--timesteps", type=click.IntRange(1, 2**15), help="Time steps of one sample.  [a graph of others needs it]"
)
@click.option("--writer", type=click.Choice([*WRITERS, AUTO]), default="spec", show_default=True, help="Whose conventions.")
@click.option("--dt", type=float, help="Seconds of one time step.  [default: the writer's]")
@click.option("--decay", type=click.Choice(["euler", "exponential"]), help="Keep 1 - dt/tau, or exp(-dt/tau).")
@click.option("--compare", type=click.Choice([">", ">="]), help="When a neuron spikes.")
@click.option("--reset", type=click.Choice(["zero", "subtract"]), help="What a spike does to the membrane.")
@click.option("--reset-delay", type=click.IntRange(0, 1), help="Steps from a spike to its reset.")
@click.option("--gain", type=click.Choice(["file", "unit", "normalized"]), help="An input adds what r says, 1, or 1 - decay.")
@click.option("--start", type=click.Choice(["zero", "leak", "reset"]), help="Where membranes begin.")
@click.option("--input-range", type=int, nargs=2, help="Least and largest input.  [default: 0 1, or more if all is silent]")
@click.option("--zero-point", type=int, help="What is subtracted from raw values to make inputs.  [default: 0]")
@click.option("--bits", default=8, show_default=True, help="Most bits that a weight may have.")
@click.option(
    "-n", "--samples", type=click.IntRange(1, 10_000), default=16, show_default=True, help="Random samples to compare on."
)
@output_options
def import_graph(file: str, output: str, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Turn a NIR graph of another framework into a network for the chip, and say how well the two agree.

    A .net file of lava-dl needs only the time steps and, if the file's suggestion does not do, the input range.

    \b
    Example: snnc import graph.nir -T 5 --writer spikingjelly -o model.net
    """
    console = console_for(as_json, quiet)
    if is_adopted(file):  # a file of lava-dl holds integers, so there is no graph to compare with
        _adopt(console, file, output, options["timesteps"], as_json=as_json, verbose=verbose)
        return
    imported = import_file(file, output, **options)
    if verbose:
        console.print(f"{imported.network}\n")
    show_agreement(console, imported)
    console.print(f"{output}: written, read back and equal")
    if as_json:
        click.echo(json.dumps(imported.as_dict() | {"file": output}))


def _adopt(console: Console, file: str, output: str, timesteps: int | None, *, as_json: bool, verbose: bool) -> None:
    context = click.get_current_context()
    is_given = context.get_parameter_source("input_range") is ParameterSource.COMMANDLINE
    network = adopt_file(file, output, timesteps, context.params["input_range"] if is_given else None)
    if verbose:
        console.print(f"{network}\n")
    console.print(f"every number is an integer of {file}, so nothing was rounded\n{output}: written, read back and equal")
    if as_json:
        click.echo(json.dumps({"digest": network.digest(), "rounded": [], "layers": [], "file": output}))


def show_agreement(console: Console, imported: ImportedFile) -> None:
    """Print what was recognized and rounded, and the agreement of every layer."""
    for line in imported.notes:
        console.print(line)
    for line in imported.rounded:
        console.print(line, style="yellow")
    if not imported.rounded and all(layer.agreement in (1, None) for layer in imported.layers):
        console.print("every weight, bias, decay and threshold is exact")
    table = Table("layer", box=None, pad_edge=False, header_style="bold")
    for heading in ("spikes of the graph", "agreement"):
        table.add_column(heading, justify="right")
    table.add_column("changed by each rounding alone")
    for layer in imported.layers:
        table.add_row(layer.layer, _spikes(layer), _share(layer), _causes(layer))
    console.print(table, "", sep="\n")


def _spikes(layer: Agreement) -> str:
    return f"{layer.spikes:,}" if layer.membranes is None else "read-out"


def _share(layer: Agreement) -> str:
    if layer.agreement is None:
        return "no spikes seen"
    share = "all equal" if layer.agreement == 1 else f"{layer.agreement:.4%}"
    return share if layer.membranes is None else f"classes {share}"


def _causes(layer: Agreement) -> str:
    if layer.membranes is not None:
        return f"membranes by {layer.membranes:.2%} at most"
    return ", ".join(f"{what} {count:,}" for what, count in layer.causes.items())
