"""snnc train: settings from presets, files and options; the run itself, and the files beside its checkpoint."""

import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.cli.graph_options import announce, graph_options, reading_of, start_of
from snnc.cli.options import FileName, console_for, output_options
from snnc.cli.sweep import Sweep, run_sweep, sweep_options
from snnc.cli.training_log import events_of, history_of, picture_of
from snnc.cli.training_options import Choice, TrainingCommand
from snnc.cli.training_start import MODEL, announced, checkpoint_of, initial
from snnc.graph_start import is_graph
from snnc.toolchain.atomic_file import claimed
from snnc.toolchain.errors import ConfigError, printable
from snnc.toolchain.interrupts import status_after
from snnc.toolchain.network.lif import DECAY_UNITY
from snnc.toolchain.output_file import beside, check_output
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from snnc.graph_start import GraphStart
    from snnc.toolchain.data.dataset import Dataset
    from snnc.toolchain.training.callbacks import Callback
    from snnc.toolchain.training.checkpoint import Checkpoint
    from snnc.toolchain.training.train import Start

LOGS = ("tensorboard",)
PRESETS = Path(__file__).parent.parent / "presets"


@click.command(cls=TrainingCommand)
@click.option("-p", "--preset", help="Settings of the paper for a dataset, such as cifar10-tna; options override them.")
@click.option("-c", "--config", "config_file", type=FileName(), help="TOML file of settings; options override it.")
@click.option(
    *("-o", "--output"),
    type=FileName(),
    help="Checkpoint to write, or a folder for model.pt and all else.  [default: model.pt, or what is resumed]",
)
@click.option("--init", type=FileName(), help="Checkpoint (or NIR graph) to start from, with its settings or any others.")
@click.option("--resume", type=FileName(), help="Checkpoint of an interrupted training to continue, to the same bits.")
@graph_options
@sweep_options
@click.option("--log", type=Choice(LOGS), help="Log to write beside the checkpoint as well.")
@click.option("--force", is_flag=True, help="Replace the checkpoint and the history of another run.")
@click.option("--dry-run", is_flag=True, help="Show what would be trained, and what it takes; train nothing.")
@output_options
def train(
    preset: str | None,
    config_file: str | None,
    output: str | None,
    init: str | None,
    resume: str | None,
    graph: dict[str, Any],
    sweep: Sweep,
    log: str | None,
    force: bool,
    dry_run: bool,
    as_json: bool,
    quiet: bool,
    verbose: bool,
    **settings: Any,
) -> None:
    """Train a network in three phases: full precision, ternary weights, the chip's integers.

    model.history.json and model.training.png beside the checkpoint model.pt show how it went.

    \b
    Example: snnc train --data digits --seed 1 --output model.pt
    """
    from snnc.toolchain.distributed import is_worker

    sweep.check(resume=resume, log=log, dry_run=dry_run, force=force)
    resume = None if resume is None else str(checkpoint_of(resume))
    before = _resumed(resume, preset, config_file, graph | settings | {"init": init}) if resume is not None else None
    loaded = initial(init, graph, settings["model"], config_file) if init is not None else None
    config = before.config if before else configured(preset, config_file, settings, loaded.config if loaded else None)
    if before is None and init is None and graph["graph"] is None and is_graph(config.model):
        graph = graph | {"graph": config.model}  # of the TOML file
    start = start_of(graph, settings)
    config = start.configured(config) if start else config
    console = console_for(as_json, quiet or is_worker())
    if dry_run:
        _show_plan(config, console, start, as_json=as_json)
        return
    if sweep.asked_for:
        origin = loaded or start
        inputs = [str(name) for name in (config_file, origin and origin.file) if name]
        for note in start.notes if start else ():
            console.print(note)
        found = run_sweep(sweep, config, output, inputs, console, str(origin.file) if origin else "", reading_of(graph))
        if as_json:
            click.echo(json.dumps(found))
        return
    output = str(checkpoint_of(output)) if output else resume or MODEL
    started = time.perf_counter()
    inputs = [name for name in (config_file, resume, init, graph["graph"]) if name]
    with nullcontext() if is_worker() else kept_outputs(output, inputs, replaces=force, resumed=resume, log=log):
        data, accuracy = announce(start, config, console) if start else (None, None)
        load = (lambda network: start.load(network, data)) if start and data else announced(loaded, console)
        checkpoint = run_training(config, output, console, verbose=verbose, resume=before, log=log, start=load, dataset=data)
    if as_json and not is_worker():
        seconds = round(time.perf_counter() - started, 3)
        result = {"checkpoint": output, "accuracy": checkpoint.accuracy, "seconds": seconds, "config": config.as_dict()}
        click.echo(json.dumps(result | ({"accuracy_before": accuracy} if start else {})))


@contextmanager
def kept_outputs(
    output: str | Path, inputs: list[str], *, replaces: bool, resumed: str | None = None, log: str | None = None
) -> Iterator[None]:
    """Keep the files of a training to this run while open. Raises ConfigError or SnncError if it may not write them.

    See check_output and claimed. The files of a training that is resumed in its place are its own.
    """
    if resumed and os.path.realpath(output) == os.path.realpath(resumed):
        inputs, replaces = [name for name in inputs if name != resumed], True
    _check_outputs(output, inputs, replaces, log)
    with claimed(output):
        _check_outputs(output, inputs, replaces, log)  # another run may have ended in between
        yield


def _check_outputs(output: str | Path, inputs: list[str], replaces: bool, log: str | None) -> None:
    remedy = "name another with --output, continue it with --resume, or replace it with --force"
    check_output(output, (".pt",), inputs, replaces=replaces, remedy=remedy)
    for file in (history_of(output), picture_of(output), beside(output, ".best.pt")):
        check_output(file, inputs=inputs, replaces=replaces, remedy=remedy)
    events = events_of(output)
    if log and (events.exists() or events.is_symlink()) and not (replaces and events.is_dir()):
        raise ConfigError(f"folder {str(events)!r} of events exists; {remedy}")


def configured(
    preset: str | None, file: str | None, settings: dict[str, Any], before: TrainConfig | None = None
) -> TrainConfig:
    """Return the settings of a preset, a TOML file, or those `before`, with the options that were given over them.

    Raises ConfigError.
    """
    if preset is not None and file is not None:
        raise ConfigError("--preset and --config cannot go together; copy the preset's settings into the file")
    if preset is not None:
        allowed = sorted(path.stem for path in PRESETS.glob("*.toml"))
        if preset not in allowed:
            raise ConfigError(f"preset {preset!r} is unknown; allowed are {', '.join(allowed)}")
        file = str(PRESETS / f"{preset}.toml")
    config = TrainConfig.from_toml(file) if file is not None else before or TrainConfig()
    return config.replaced(**{name: value for name, value in settings.items() if value is not None})


def _resumed(resume: str, preset: str | None, config_file: str | None, settings: dict[str, Any]) -> "Checkpoint":
    from snnc.models.python_file import name_model
    from snnc.toolchain.data.named import like
    from snnc.toolchain.training.checkpoint import load_checkpoint
    from snnc.toolchain.training.model_file import model_file

    moved, model = settings.pop("data"), settings["model"]
    if model is not None and model_file(model):  # the code of the checkpoint's network, which the user names
        name_model(settings.pop("model"))
    given = [name for name, value in {"preset": preset, "config": config_file, **settings}.items() if value is not None]
    if given:
        raise ConfigError(f"--resume takes the checkpoint's own settings; leave out --{given[0].replace('_', '-')}")
    before = load_checkpoint(resume)
    if moved is None:
        return before
    return replace(before, config=before.config.replaced(data=like(moved, before.config.data)))


def run_training(
    config: TrainConfig,
    output: str | Path,
    console: Console,
    *,
    verbose: bool,
    resume: "Checkpoint | None" = None,
    log: str | None = None,
    start: "Start | None" = None,
    dataset: "Dataset | None" = None,
) -> "Checkpoint":
    """Train and return the last checkpoint; show progress, write the files beside it. Ctrl-C exits with 130."""
    from snnc.models.notation import own_betas
    from snnc.models.python_file import name_model
    from snnc.toolchain.data.table import load_dataset
    from snnc.toolchain.distributed import is_worker
    from snnc.toolchain.training import freed_memory
    from snnc.toolchain.training.callbacks import Callback
    from snnc.toolchain.training.methods import method_named
    from snnc.toolchain.training.stages import epochs_of
    from snnc.training import train as train_networks

    if log not in (None, *LOGS):
        raise ConfigError(f"log {log!r} is unknown; allowed are {', '.join(LOGS)}")
    freed_memory.keep_freed_memory()
    data = dataset or load_dataset(config.data, config.timesteps, config.image_size)
    model = config.model if resume else name_model(config.model)
    config = config.replaced(data=data.name, model=model)
    weights = method_named(config.method).weights(config)
    console.print(
        f"{config.model}, {weights} weights, {config.method}, {epochs_of(config)} epochs, seed {config.seed}\n"
        f"{data.name}: {len(data.train)} training and {len(data.test)} test samples"
    )
    for name, beta in {"beta": config.beta, **own_betas(config.model)}.items():
        if round(beta, 4) != beta:
            console.print(f"{name} is {beta * DECAY_UNITY:.0f}/{DECAY_UNITY} = {beta:.6f}, the nearest that chips keep")
    callbacks: list[Callback] = []
    try:
        with ExitStack() as stack:
            if not is_worker():
                callbacks += _callbacks(stack, config, console, output, len(data.train), resume, verbose, log)
            checkpoint = train_networks(config, output, dataset=data, callbacks=callbacks, resume=resume, start=start)
    except KeyboardInterrupt as error:
        if not is_worker():
            click.echo(f"snnc: stopped; {printable(_advice(output, callbacks))}", err=True)
        sys.exit(status_after(error))
    _show_results(checkpoint, Path(output), console)
    return checkpoint


def _callbacks(
    stack: ExitStack,
    config: TrainConfig,
    console: Console,
    output: str | Path,
    samples: int,
    resume: "Checkpoint | None",
    verbose: bool,
    log: str | None,
) -> "list[Callback]":
    """Return the files and the view of a training; an epoch that is on the screen is already in the history."""
    from snnc.cli.training_log import HistoryFile, TensorBoard
    from snnc.training_view import TrainingView

    before = resume.history if resume else []
    view = stack.enter_context(TrainingView(console, config, samples, len(before), verbose=verbose))
    files: list[Callback] = [HistoryFile(output, config, before)]
    return [*files, view, *([stack.enter_context(TensorBoard(output))] if log else [])]


def _advice(output: str | Path, callbacks: "list[Callback]") -> str:
    """Return what to do after an interruption."""
    from snnc.cli.training_log import HistoryFile
    from snnc.toolchain.training.checkpoint import load_checkpoint

    epochs = any(isinstance(each, HistoryFile) and each.epochs for each in callbacks)
    if epochs and Path(output).is_file() and load_checkpoint(output).resume is not None:
        return f"continue with: snnc train --resume {output}"
    return "no epoch had ended, so start again"


def _show_results(checkpoint: "Checkpoint", output: Path, console: Console) -> None:
    from snnc.cli.training_log import draw_curves
    from snnc.toolchain.distributed import is_worker
    from snnc.toolchain.training.checkpoint import load_checkpoint
    from snnc.toolchain.training.outputs import best_of

    picture = picture_of(output)
    drawn = not is_worker() and bool(checkpoint.history) and draw_curves(checkpoint.history, picture)
    console.print(f"{output}: integer network, test accuracy {checkpoint.accuracy:.2%}", style="bold")
    if checkpoint.config.validation and best_of(output).exists():
        best = load_checkpoint(best_of(output))
        said = f"the best on {checkpoint.config.validation:,} held-out samples, test accuracy {best.accuracy:.2%}"
        console.print(f"{best_of(output)}: epoch {best.history[-1].number}, {said}")
    console.print(f"{history_of(output)}" + (f", {picture}: how it went" if drawn else ": how it went"))


def _show_plan(config: TrainConfig, console: Console, start: "GraphStart | None", *, as_json: bool) -> None:
    from snnc.building import build_model
    from snnc.toolchain.data.table import load_dataset
    from snnc.toolchain.training.estimate import plan
    from snnc.training_view import show_estimate

    dataset = load_dataset(config.data, config.timesteps, config.image_size)
    if start:
        start.check(dataset.input, len(dataset.labels), repr(dataset.name))
    planned = plan(config, dataset, lambda c: build_model(c, dataset.input, len(dataset.labels)))
    show_estimate(console, config, planned)
    if as_json:
        click.echo(json.dumps({**asdict(planned), "config": config.as_dict()}))
