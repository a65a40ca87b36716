"""snnc train: settings from presets, files and options; the run itself, and what it leaves beside the checkpoint."""

import json
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from snnc.cli.options import console_for, output_options
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig

SHORT = {"data": "-d", "model": "-m", "batch_size": "-b", "seed": "-s"}  # of the settings that have a short option
PRESETS = Path(__file__).parent.parent / "presets"


def training_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command one option for each setting of TrainConfig."""
    for setting in reversed(fields(TrainConfig)):
        names = [f"--{setting.name.replace('_', '-')}", *filter(None, [SHORT.get(setting.name)])]
        text = f"{setting.metadata['help']}  [default: {setting.default}]"
        command = click.option(*names, setting.name, type=type(setting.default), default=None, help=text)(command)
    return command


@click.command()
@click.option("-p", "--preset", help="Settings of the paper for a dataset, such as cifar10-tna; options override them.")
@click.option("-c", "--config", "config_file", type=click.Path(), help="TOML file of settings; options override it.")
@click.option("-o", "--output", type=click.Path(), help="Checkpoint to write.  [default: model.pt, or what is resumed]")
@click.option("--resume", type=click.Path(), help="Checkpoint to go on with, to the same bits as if never stopped.")
@click.option("--log", help="Log to write beside the checkpoint as well: tensorboard.")
@click.option("--dry-run", is_flag=True, help="Show what would be trained, and what it takes; train nothing.")
@training_options
@output_options
def train(
    preset: str | None,
    config_file: str | None,
    output: str | None,
    resume: str | None,
    log: str | None,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **settings: Any,
) -> None:
    """Train a network in three phases: full precision, ternary weights, the chip's integers.

    history.json and training.png beside the checkpoint show how it went.

    \b
    Example: snnc train --data digits --seed 1 --output model.pt
    """
    from snnc.toolchain.distributed import is_worker

    before = _resumed(resume, preset, config_file, settings) if resume is not None else None
    config = before.config if before else configured(preset, config_file, settings)
    console = console_for(as_json, quiet or is_worker())
    if dry_run:
        _show_plan(config, console, as_json=as_json)
        return
    output = output or resume or "model.pt"
    started = time.perf_counter()
    checkpoint = run_training(config, output, console, verbose=verbose, resume=before, log=log)
    if as_json and not is_worker():
        seconds = round(time.perf_counter() - started, 3)
        result = {"checkpoint": output, "accuracy": checkpoint.accuracy, "seconds": seconds, "config": config.as_dict()}
        click.echo(json.dumps(result))


def configured(preset: str | None, file: str | None, settings: dict[str, Any]) -> TrainConfig:
    """Return the settings of a preset or a TOML file, with the options that were given over them. Raises ConfigError."""
    if preset is not None and file is not None:
        raise ConfigError("--preset and --config cannot go together; copy the preset's settings into the file")
    if preset is not None:
        allowed = sorted(path.stem for path in PRESETS.glob("*.toml"))
        if preset not in allowed:
            raise ConfigError(f"preset {preset!r} is unknown; allowed are {', '.join(allowed)}")
        file = str(PRESETS / f"{preset}.toml")
    config = TrainConfig.from_toml(file) if file is not None else TrainConfig()
    return config.replaced(**{name: value for name, value in settings.items() if value is not None})


def _resumed(resume: str, preset: str | None, config_file: str | None, settings: dict[str, Any]) -> Any:
    from snnc.toolchain.training.checkpoint import load_checkpoint

    given = [name for name, value in {"preset": preset, "config": config_file, **settings}.items() if value is not None]
    if given:
        raise ConfigError(f"--resume goes on with the checkpoint's own settings; leave out --{given[0].replace('_', '-')}")
    return load_checkpoint(resume)


def run_training(
    config: TrainConfig, output: str | Path, console: Console, *, verbose: bool, resume: Any = None, log: str | None = None
) -> Any:
    """Train and return the last checkpoint; show progress, write history.json and training.png. Ctrl-C exits with 130."""
    from snnc.cli import training_log
    from snnc.cli.training_view import TrainingView
    from snnc.models import build_model
    from snnc.toolchain.data.table import load_dataset
    from snnc.toolchain.distributed import is_worker
    from snnc.toolchain.training import freed_memory as kept_memory
    from snnc.toolchain.training.batches import steps_per_epoch
    from snnc.toolchain.training.callbacks import Callback, Callbacks
    from snnc.toolchain.training.checkpoint import load_checkpoint
    from snnc.toolchain.training.stages import epochs_of
    from snnc.toolchain.training.train import train as train_networks

    if log not in (None, *training_log.LOGS):
        raise ConfigError(f"log {log!r} is unknown; allowed are {', '.join(training_log.LOGS)}")
    kept_memory.keep_freed_memory()
    epochs, folder = epochs_of(config), Path(output).parent
    dataset = load_dataset(config.data, config.timesteps, config.image_size)
    console.print(
        f"{config.model}, {config.weights} weights, {config.method}, {epochs} epochs, seed {config.seed}\n"
        f"{dataset.name}: {len(dataset.train)} training and {len(dataset.test)} test samples"
    )
    before = resume.history if resume else []
    history: training_log.HistoryFile | None = None
    steps = -(-steps_per_epoch(config, len(dataset.train), config.devices * config.nodes) // config.accumulate)
    try:
        with ExitStack() as stack:
            callbacks: list[Callback] = [Callback()]
            if not is_worker():
                history = training_log.HistoryFile(folder, config, before)
                view = stack.enter_context(TrainingView(console, config, steps, len(before), verbose=verbose))
                callbacks = [history, view]  # in this order: an epoch that is on the screen is in the file
                callbacks += [stack.enter_context(training_log.TensorBoard(folder))] if log else []
            build = lambda c: build_model(c, dataset.input, len(dataset.labels))  # noqa: E731
            checkpoint = train_networks(config, dataset, build, output, Callbacks(*callbacks), resume)
    except KeyboardInterrupt:
        if not is_worker():
            saved = bool(history and history.epochs) and Path(output).is_file()
            resumable = saved and load_checkpoint(output).resume is not None
            advice = f"go on with: snnc train --resume {output}" if resumable else "no epoch had ended, so start again"
            click.echo(f"snnc: stopped; {advice}", err=True)
        sys.exit(130)
    picture = folder / "training.png"
    drawn = not is_worker() and bool(checkpoint.history) and training_log.draw_curves(checkpoint.history, picture)
    console.print(f"{output}: integer network, test accuracy {checkpoint.accuracy:.2%}", style="bold")
    console.print(f"{folder / 'history.json'}" + (f", {picture}: how it went" if drawn else ": how it went"))
    return checkpoint


def _show_plan(config: TrainConfig, console: Console, *, as_json: bool) -> None:
    from snnc.cli.training_view import show_estimate
    from snnc.models import build_model
    from snnc.toolchain.data.table import load_dataset
    from snnc.toolchain.training.estimate import plan

    dataset = load_dataset(config.data, config.timesteps, config.image_size)
    planned = plan(config, dataset, lambda c: build_model(c, dataset.input, len(dataset.labels)))
    show_estimate(console, config, planned)
    if as_json:
        click.echo(json.dumps({**asdict(planned), "config": config.as_dict()}))
