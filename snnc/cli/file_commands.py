"""snnc import and snnc inspect: graphs of others, and what a file holds."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from snnc.cli.options import console_for, output_options


@click.command("import")
@click.argument("file", type=click.Path())
@click.option("-o", "--output", type=click.Path(), required=True, help="File to write: .net, .nir or .onnx.")
@click.option("-T", "--timesteps", type=click.IntRange(1, 2**15), required=True, help="Time steps of one sample.")
@click.option(
    "--writer", default="spec", show_default=True, help="Whose conventions: spec, norse, snntorch, spikingjelly, sinabs."
)
@click.option("--dt", type=float, help="Seconds of one time step.  [default: the writer's]")
@click.option("--decay", type=click.Choice(["euler", "exponential"]), help="Keep 1 - dt/tau, or exp(-dt/tau).")
@click.option("--compare", type=click.Choice([">", ">="]), help="When a neuron spikes.")
@click.option("--reset", type=click.Choice(["zero", "subtract"]), help="What a spike does to the membrane.")
@click.option("--reset-delay", type=click.IntRange(0, 1), help="Steps from a spike to its reset.")
@click.option("--input-range", type=int, nargs=2, default=(0, 1), show_default=True, help="Least and largest input.")
@click.option("--zero-point", default=0, show_default=True, help="What is subtracted from raw values to make inputs.")
@click.option("--bits", default=8, show_default=True, help="Bits of weights that are no whole numbers.")
@click.option(
    "-n", "--samples", type=click.IntRange(min=1), default=16, show_default=True, help="Random samples to compare on."
)
@output_options
def import_graph(file: str, output: str, as_json: bool, quiet: bool, verbose: bool, **options: Any) -> None:
    """Turn a NIR graph of another framework into a network for the chip, and say how well the two agree.

    \b
    Example: snnc import graph.nir -T 5 --writer spikingjelly -o model.net
    """
    from snnc.cli.importing import import_file, show_agreement

    console = console_for(as_json, quiet)
    imported = import_file(file, output, **options)
    if verbose:
        console.print(f"{imported.network}\n")
    show_agreement(console, imported)
    console.print(f"{output}: written, read back and equal")
    if as_json:
        click.echo(json.dumps(imported.as_dict() | {"file": output}))


@click.command()
@click.argument("file", type=click.Path())
@click.option("--plot", type=click.Path(), help="SVG file to draw the network into.")
@output_options
def inspect(file: str, plot: str | None, as_json: bool, quiet: bool, verbose: bool) -> None:
    """Show what a file holds: layers, weights, thresholds, and what each other format could not say.

    \b
    Example: snnc inspect model.net --plot model.svg
    """
    from snnc.cli.inspecting import show, summary, write_plot
    from snnc.files import load_subject

    console = console_for(as_json, quiet)
    network = load_subject(file)[0].network
    found = summary(network, Path(file))
    show(console, found, network)
    if plot:
        write_plot(network, plot)
        console.print(f"plot: {plot}")
    if as_json:
        click.echo(json.dumps(asdict(found)))
