"""snnc inspect: what a file holds, what formats and chips cannot hold of it, and a picture of it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from snnc.cli.options import Command, FileName, console_for, model_option, output_options, stated_options
from snnc.toolchain.atomic_file import write_atomically
from snnc.toolchain.errors import ConfigError, UnstatedTimesteps
from snnc.toolchain.output_file import check_output


@click.command(cls=Command)
@click.argument("file", type=FileName())
@click.option("--plot", type=FileName(), help="SVG file to draw the network into.")
@click.option("--save-model", type=FileName(), help="Write the Python file that a .pt keeps of its network, and run nothing.")
@model_option
@stated_options
@output_options
def inspect(
    file: str,
    plot: str | None,
    save_model: str | None,
    stated: dict[str, Any],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Show what a file holds: layers, weights, thresholds, and what each format and each chip cannot hold of it.

    \b
    Example: snnc inspect model.net --plot model.svg
    """
    from snnc.adopting import open_network, recalled
    from snnc.cli.plot import write_plot
    from snnc.cli.summary import show, summary
    from snnc.files import load_subject

    console = console_for(as_json, quiet)
    if save_model:
        _save_model(file, save_model)
        console.print(f"{save_model}: the code of the network of {file}, which was not run")
        return
    if plot:
        check_output(plot, (".svg",), [file])
    known = True
    try:
        network = load_subject(file, stated=stated)[0].network
    except UnstatedTimesteps:  # all else can be shown
        known, network = False, open_network(file, **stated | {"timesteps": 1}, remember=False)
    foreign = not known or recalled(file) is not None
    found = summary(network, Path(file), timesteps_known=known, foreign=foreign)
    show(console, found, network, verbose=verbose)
    if plot:
        write_plot(network, plot)
        console.print(f"plot: {plot}")
    if as_json:
        click.echo(json.dumps(asdict(found)))


def _save_model(file: str, output: str) -> None:
    from snnc.toolchain.training.checkpoint import load_checkpoint

    check_output(output, (".py",), [file], replaces=False)
    source = load_checkpoint(file).source
    if not source:
        raise ConfigError(f"{file}: its network was not built by a Python file; leave out --save-model")
    write_atomically(output, source.encode(errors="surrogatepass"))
