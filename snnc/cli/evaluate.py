"""snnc evaluate: accuracy and calibration of what files predict, with intervals and a reliability diagram."""

import json

import click
from rich.console import Console
from rich.table import Table

from snnc.cli.options import Command, FileName, console_for, model_option, output_options
from snnc.evaluation.evaluate import Evaluation
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.output_file import check_output

PICTURES = (".png", ".svg")
HEADINGS = {"accuracy": "accuracy", "nll": "NLL", "brier": "Brier", "ece": "ECE", "adaptive_ece": "adaptive ECE"}
PERCENT = ("accuracy", "ece", "adaptive_ece")


@click.command(cls=Command)
@click.argument("files", type=FileName(), nargs=-1, required=True)
@click.option("-d", "--data", help="Dataset whose test split is run.  [default: what was trained on]")
@click.option("-n", "--samples", type=int, help="Samples that are run.  [default: all]")
@click.option("--members", type=click.IntRange(1), help="Draw so many members from the posterior of each .pt file.")
@click.option("--draw-seed", type=int, help="Seed of the members.  [default: that of the training]")
@click.option(
    "--calibrate",
    type=click.FloatRange(0, 1),
    default=0.0,
    help="Fit a temperature on this share of the samples, drawn at random; all else is measured on the others.",
)
@click.option("--bootstrap", type=click.IntRange(0, 10**6), default=1000, show_default=True, help="Bootstrap samples.")
@click.option("--bins", type=click.IntRange(1, 1000), default=20, show_default=True, help="Bins of the reliability diagram.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of what --calibrate and --bootstrap draw.")
@click.option("-T", "--timesteps", metavar="A..B", help="Accuracy and spikes at other time steps, such as 1..8 or 2,4,8.")
@click.option("--plot", type=FileName(), help="PNG or SVG file for the reliability diagram, or the curves over --timesteps.")
@model_option
@output_options
def evaluate(
    files: tuple[str, ...],
    data: str | None,
    samples: int | None,
    members: int | None,
    draw_seed: int | None,
    calibrate: float,
    bootstrap: int,
    bins: int,
    seed: int,
    timesteps: str | None,
    plot: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Measure how good and how honest the probabilities of FILES are: checkpoints, exported networks, manifests of committees.

    Accuracy, negative log-likelihood (nats), Brier score (0..2), and expected calibration error over 20 equal bins of the
    confidence, and over 20 bins of as many samples each. Intervals hold 95 % of the bootstrap samples of the test split.
    A committee's probabilities are the mean of its members'.

    \b
    Example: snnc evaluate model.pt model.members.json --plot reliability.png
    """
    from snnc.evaluation.evaluate import evaluation
    from snnc.evaluation.predictions import predicted

    console = console_for(as_json, quiet)
    if plot:
        check_output(plot, PICTURES, files)
    if draw_seed is not None and not members:
        raise ConfigError("--draw-seed is for --members; add --members K, or leave it out")
    if seed < 0:
        raise ConfigError(f"--seed is {seed}; allowed are 0 and more")
    if timesteps is not None:
        if members or calibrate:
            raise ConfigError("--timesteps runs files as they are; leave --members and --calibrate out")
        from snnc.cli.evaluate_timesteps import evaluate_timesteps

        evaluate_timesteps(files, data, samples, timesteps, plot, console, as_json=as_json)
        return
    found = [
        evaluation(
            predicted(file, data, samples, members=members or 0, seed=draw_seed),
            calibrate=calibrate,
            resamples=bootstrap,
            seed=seed,
            bins=bins,
        )
        for file in files
    ]
    show_evaluations(console, found, verbose=verbose)
    if plot:
        from snnc.cli.reliability import draw_reliability

        draw_reliability(found, plot)
        console.print(f"plot: {plot}")
    if as_json:
        click.echo(json.dumps({"files": [each.as_dict() for each in found]}))


def show_evaluations(console: Console, found: list[Evaluation], *, verbose: bool = False) -> None:
    """Print a row for each file; the bins as well if `verbose`."""
    for each in found:
        members = f", {each.members} members" if each.members > 1 else ""
        console.print(f"{each.file}: {each.samples:,} samples{members}", style="bold")
        if each.held_out:
            console.print(f"temperature {each.temperature:.3g}, fitted on {each.held_out:,} further samples")
        console.print(_measures(each), *([_bins(each)] if verbose else []), "", sep="\n")


def _measures(found: Evaluation) -> Table:
    table = Table("measure", box=None, pad_edge=False, header_style="bold")
    for heading in ("value", "95 % of bootstraps"):
        table.add_column(heading, justify="right")
    for name, heading in HEADINGS.items():
        factor, unit, digits = (100, " %", 2) if name in PERCENT else (1, "", 3)
        estimate = found.measures[name]
        value, low, high = (f"{factor * number:.{digits}f}" for number in (estimate.value, estimate.low, estimate.high))
        table.add_row(heading, f"{value}{unit}", f"{low} .. {high}")
    return table


def _bins(found: Evaluation) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("confidence", "samples", "mean confidence", "accuracy"):
        table.add_column(heading, justify="right")
    bins = found.reliability
    for low, high, count, mean, right in zip(
        bins.edges, bins.edges[1:], bins.counts, bins.confidence, bins.accuracy, strict=False
    ):
        if count:
            table.add_row(f"{low:.2f}..{high:.2f}", f"{count:,}", f"{mean:.3f}", f"{right:.3f}")
    return table
