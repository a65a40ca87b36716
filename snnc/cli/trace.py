"""snnc trace: one neuron over all time steps, in all engines side by side."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.cli.options import Command, FileName, RowOf, console_for, engine_names, model_option, output_options, stated_options
from snnc.cli.simulate_inputs import Inputs, source_options
from snnc.toolchain.errors import EngineError, Inexact, SnncError
from snnc.toolchain.output_file import check_output

if TYPE_CHECKING:
    from snnc.toolchain.network.network import Layer, Network
    from snnc.toolchain.simulate.frames import Frames
    from snnc.verification.engines import Subject
    from snnc.verification.neuron import NeuronTrace


@click.command(cls=Command)
@click.argument("files", type=FileName(), nargs=-1, required=True)
@source_options
@click.option("--sample", type=click.IntRange(0), default=0, show_default=True, help="Index of the sample in it.")
@click.option("-l", "--layer", help="Name of the layer.  [default: the last]")
@click.option("--neuron", default="0", show_default=True, help="Flat index, such as 17, or coordinates, such as 3,0,5.")
@click.option(
    *("-e", "--engine", "engines"),
    type=RowOf("engine", engine_names, EngineError),
    multiple=True,
    metavar="NAME",
    help="Engine to run beside the reference, may be repeated.  [default: all that can run]",
)
@click.option("--plot", type=FileName(), help="SVG file to draw input, u, v and spikes into.")
@click.option("--device", default="cpu", show_default=True, help="Device of the engine tensor: cpu, cuda, cuda:1, mps ...")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of the engine fast.  [default: all cores]")
@model_option
@stated_options
@output_options
def trace(
    files: tuple[str, ...],
    inputs: Inputs,
    sample: int,
    layer: str | None,
    neuron: str,
    engines: tuple[str, ...],
    plot: str | None,
    device: str,
    threads: int | None,
    stated: dict[str, Any],
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Show one neuron over all time steps: its input, u, v, threshold and spikes, in all engines side by side.

    Engines that saw the same are one group of columns. v and spikes are what an engine recorded; the input is summed from the
    spikes that it recorded in the source layers, and u follows from it. Exit 1 if engines differ in this neuron.

    \b
    Example: snnc trace model.pt --sample 3 --layer conv2 --neuron 17
    """
    from snnc.files import load_subject
    from snnc.verification.neuron import alike, layer_named, names_of, parameters_of, place_of

    console = console_for(as_json, quiet)
    if plot:
        check_output(plot, (".svg",), files)
    subject, _ = load_subject(*files, stated=stated, device=device, threads=threads)
    network = subject.network
    if verbose:
        console.print(f"{network}\n")
    chosen = layer_named(network, layer)
    place = place_of(chosen, neuron)
    frames, label = _sample(network, inputs.of(network, files, console), sample)
    traces, left_out = _traces(subject, engines, frames, chosen, place)
    groups = alike(traces)
    _show(console, network, chosen, place, sample, label, groups, left_out)
    if plot:
        from snnc.report.neuron_plot import write_neuron_plot

        write_neuron_plot(groups, chosen, place, plot)
        console.print(f"plot: {plot}")
    if as_json:
        found = {
            "sample": sample,
            "layer": chosen.name,
            "neuron": list(place),
            **parameters_of(chosen, place),
            "equal": len(groups) == 1,
            "engines": {one.engine: one.as_dict() for one in traces},
            "left_out": left_out,
        }
        click.echo(json.dumps(found))
    if quiet and len(groups) > 1:
        click.echo(f"snnc: {len(groups)} groups of engines differ: {'; '.join(map(names_of, groups))}", err=True)
    sys.exit(0 if len(groups) == 1 else 1)


def _sample(network: "Network", found: tuple[Any, Any], index: int) -> "tuple[Frames, str | None]":
    """Return the frames of one of the samples found, and its label. Raises DataError if there is no such sample."""
    from snnc.toolchain.errors import DataError
    from snnc.verification.verify import frames_of

    samples = frames_of(network, *found)
    if index >= samples.count:
        raise DataError(f"sample {index} is not there; the data have 0..{samples.count - 1}")
    part = samples.part(index, index + 1)
    if part.labels is None:
        return part.frames, None
    return part.frames, network.labels[int(part.labels[0])] if network.labels else str(part.labels[0])


def _traces(
    subject: "Subject", engines: tuple[str, ...], frames: "Frames", layer: "Layer", place: tuple[int, ...]
) -> "tuple[list[NeuronTrace], dict[str, str]]":
    """Return what the reference and each engine saw, and why engines were left out, as a verification plans it.

    A network that can overflow is shown as the definition computes it; no other engine need agree about it.
    """
    from snnc.toolchain.network.bounds import overflows, prove
    from snnc.verification.engines import ENGINES
    from snnc.verification.neuron import neuron_trace
    from snnc.verification.planning import REFERENCE, Plan, plan
    from snnc.verification.verify import InMemory, timed

    named = [name for name in engines if name != REFERENCE]
    if named:
        prove(subject.network)
    overflow = next(overflows(subject.network), None)
    if engines and not named:
        planned = Plan({REFERENCE: 1})
    elif overflow:
        planned = Plan({REFERENCE: 1}, {"all other engines": f"the network can overflow: {overflow}"})
    else:
        planned = plan(subject, named, 1, all_samples=True)
    found, left_out = [], dict(planned.left_out)
    for name in [REFERENCE, *(name for name in ENGINES if name in planned.counts and name != REFERENCE)]:
        try:
            seen, _ = timed(name, subject, InMemory(frames))
        except SnncError as error:
            if name == REFERENCE or (planned.named and not isinstance(error, Inexact)):
                raise
            left_out[name] = str(error)
            continue
        found.append(neuron_trace(subject.network, frames, seen, layer, place))
    return found, left_out


def _show(
    console: Console,
    network: "Network",
    layer: "Layer",
    place: tuple[int, ...],
    sample: int,
    label: str | None,
    groups: "list[list[NeuronTrace]]",
    left_out: dict[str, str],
) -> None:
    from snnc.toolchain.network.lif import UNIT_SHIFT
    from snnc.verification.neuron import parameters_of
    from snnc.verification.progress import show_left_out
    from snnc.verification.tables import show_neuron

    show_left_out(console, left_out.items())
    labelled = "" if label is None else f", label {label}"
    console.print(f"sample {sample}{labelled}, layer {layer.name!r}, neuron {place}", style="bold")
    values = parameters_of(layer, place)
    vth = values["threshold"]
    threshold = (
        "a read-out, which never spikes" if network.is_readout(layer) else f"threshold {vth << UNIT_SHIFT} ({vth} weight units)"
    )
    console.print(f"{threshold}, bias {values['bias']}, du {values['du']}, dv {values['dv']}")
    show_neuron(console, groups)
