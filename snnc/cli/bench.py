"""snnc bench: the fast simulator and, with `train`, training side by side with other ways, on this machine."""

import json
import sys
from typing import TYPE_CHECKING, Any

import click

from snnc.cli.bench_profile import profile_all
from snnc.cli.options import Command, FileName, OneLineErrors, console_for, output_options
from snnc.toolchain.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import Console

    from snnc.bench.simulation import SimulationSettings
    from snnc.bench.training import TrainingSettings


@click.group(cls=OneLineErrors, invoke_without_command=True)
@click.option(
    "-m", "--model", type=click.Choice(["cifarnet", "resnet"]), default="cifarnet", show_default=True, help="Network to run."
)
@click.option("--rates", default="0.05,0.1,0.2,0.4", show_default=True, help="Firing rates to calibrate to, with commas.")
@click.option("--width", default=1.0, show_default=True, help="Channels; 1 is those of the paper, and of ResNet-18.")
@click.option("--timesteps", type=click.IntRange(1, 7), default=5, show_default=True, help="Time steps of each image.")
@click.option("-n", "--images", type=click.IntRange(1, 100_000), default=64, show_default=True, help="Images in one round.")
@click.option("--rounds", type=click.IntRange(1, 10_000), default=5, show_default=True, help="Rounds of all ways in turn.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of all ways.  [default: all cores]")
@click.option("--lava/--no-lava", default=True, show_default=True, help="Time Lava's convolutions too.")
@click.option(
    "--growth",
    is_flag=True,
    help="Also measure how time and memory grow with width, steps, images, image side and firing rate.",
)
@click.option("--profile", is_flag=True, help="Instead show where the time goes, layer by layer.")
@click.option("--network", type=FileName(), help="Profile this checkpoint or exported network.")
@output_options
@click.pass_context
def bench(
    context: click.Context,
    /,
    model: str,
    rates: str,
    growth: bool,
    profile: bool,
    network: str | None,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **settings: Any,
) -> None:
    """Measure the fast simulator against torch float32, oneDNN int8 and Lava on this machine; exit 1 if outputs differ.

    `--model resnet` measures a residual network against the same network without its shortcuts instead, `--profile` shows
    where the time of every layer goes, and `snnc bench train` measures training.

    \b
    Example: snnc bench --rates 0.1 --rounds 3
    """
    if context.invoked_subcommand:
        return
    from snnc.bench import simulation as measuring
    from snnc.bench.growth import growth as growing
    from snnc.bench.tables import show_growth, show_rows

    console, chosen = console_for(as_json, quiet), measuring.SimulationSettings(**settings)
    if profile or network:
        with console.status("profiling") as status:
            profiles = profile_all(console, _rates(rates), chosen, network, status.update)
        if as_json:
            click.echo(json.dumps({"profiles": profiles}))
        return
    if model == "resnet":
        sys.exit(_residual(console, _rates(rates), chosen, growth=growth, as_json=as_json))
    with console.status("measuring") as status:
        rows = list(measuring.measure(_rates(rates), chosen, status.update))
        points = list(growing(chosen, status.update)) if growth else []
    show_rows(console, rows, measuring.LAVA_CHANNELS)
    if points:
        show_growth(console, points)
    if as_json:
        click.echo(json.dumps({"rows": [row.as_dict() for row in rows], "growth": [point.as_dict() for point in points]}))
    sys.exit(0 if all(row.equal for row in rows) else 1)


def _residual(console: "Console", rates: list[float], settings: "SimulationSettings", *, growth: bool, as_json: bool) -> int:
    """Measure and show what shortcuts cost; return the exit status."""
    from snnc.bench.residual import measure_shortcuts
    from snnc.bench.tables import show_shortcuts

    if growth:
        raise ConfigError("--growth is measured with CIFARNet; leave it out, or choose --model cifarnet")
    with console.status("measuring") as status:
        rows = list(measure_shortcuts(rates, settings, status.update))
    show_shortcuts(console, rows)
    if as_json:
        click.echo(json.dumps({"rows": [row.as_dict() for row in rows]}))
    return 0 if all(row.equal for row in rows) else 1


@bench.command("train", cls=Command)
@click.option("--width", default=0.25, show_default=True, help="Channels of CIFARNet, 1 is the paper's.")
@click.option("-b", "--batch", type=click.IntRange(min=2), default=32, show_default=True, help="Images of one step.")
@click.option("--timesteps", type=click.IntRange(1, 64), default=5, show_default=True, help="Time steps of each image.")
@click.option("--rounds", type=click.IntRange(1, 10_000), default=7, show_default=True, help="Rounds of all variants in turn.")
@click.option("--threads", type=click.IntRange(1, 256), help="Threads of all variants.  [default: all cores]")
@click.option("--device", default="cpu", show_default=True, help="Device of PyTorch, such as cuda or cuda:1.")
@click.option("--precision", type=click.Choice(["float32", "bf16"]), default="float32", show_default=True, help="Floats.")
@click.option("--growth", is_flag=True, help="Instead measure how a step grows with width, time steps and batch, on the CPU.")
@output_options
def bench_train(growth: bool, as_json: bool, quiet: bool, verbose: bool, **settings: Any) -> None:
    """Measure one training step against the ReLU limit and the frameworks that are installed here.

    \b
    Example: snnc bench train --width 0.125 --rounds 3
    """
    from snnc.bench import training as measuring
    from snnc.bench.tables import show_training

    console, chosen = console_for(as_json, quiet), measuring.TrainingSettings(**settings)
    if growth:
        _training_growth(console, chosen, as_json=as_json)
        return
    with console.status("measuring") as status:
        variants = measuring.measure(chosen, status.update)
    show_training(console, variants, chosen)
    if as_json:
        click.echo(json.dumps(measuring.as_dict(variants, chosen)))


def _training_growth(console: "Console", settings: "TrainingSettings", *, as_json: bool) -> None:
    from snnc.bench.growth import training_growth
    from snnc.bench.tables import show_growth
    from snnc.toolchain.simulate.bitsliced import cores

    with console.status("measuring") as status:
        points = list(training_growth(settings.threads or cores(), settings.rounds, status.update))
    show_growth(console, points, "ms/step")
    if as_json:
        click.echo(json.dumps({"growth": [point.as_dict() for point in points]}))


def _rates(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise ConfigError(f"--rates {text!r} is no list of numbers; write for example 0.05,0.1") from None
