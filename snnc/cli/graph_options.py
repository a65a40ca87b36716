"""Options of `snnc train` to start from a NIR graph, and what is said about it before training."""

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from snnc.cli.options import FileName
from snnc.export.nir.rules import AUTO, WRITERS
from snnc.graph_start import is_graph
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from snnc.graph_start import GraphStart
    from snnc.toolchain.data.dataset import Dataset

OPTIONS = (
    click.option("--graph", type=FileName(), help="NIR graph to take the architecture and the first weights from."),
    click.option("--writer", type=click.Choice([*WRITERS, AUTO]), help=f"Whose conventions the graph has.  [default: {AUTO}]"),
    click.option("--dt", type=float, help="Seconds of one time step of the graph.  [default: the writer's]"),
    click.option("--input-scale", type=float, help="What the graph's inputs were multiplied with, as 0.00392.  [default: 1]"),
)
NAMES = ("graph", "writer", "dt", "input_scale")


def graph_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a graph to a command, which gets them as one dictionary `graph`.

    `--model X.nir` and `--init X.nir` name one, too.
    """

    @wraps(command)
    def call(**arguments: Any) -> None:
        model = arguments.get("model")
        if is_graph(model) and arguments["graph"] is None:
            arguments |= {"graph": model, "model": None}
        if is_graph(init := arguments.get("init")) and arguments["graph"] is None:
            arguments |= {"graph": init, "init": None}
        command(graph={name: arguments.pop(name) for name in NAMES}, **arguments)

    decorated: Callable[..., None] = call
    for option in reversed(OPTIONS):
        decorated = option(decorated)
    return decorated


def reading_of(graph: dict[str, Any]) -> dict[str, Any]:
    """Return the options that say how a graph is read, those that were given. Raises ConfigError for such without a graph."""
    file, *others = NAMES
    stated = {name: graph[name] for name in others if graph[name] is not None}
    if graph[file] is None and stated:
        raise ConfigError(f"--{next(iter(stated)).replace('_', '-')} says how a graph is read; name one with --graph")
    return stated


def start_of(graph: dict[str, Any], given: dict[str, Any]) -> "GraphStart | None":
    """Return what training starts from, None without a graph. Raises ConfigError for options that do not go together."""
    from snnc.graph_start import from_nir

    stated = reading_of(graph)
    if graph["graph"] is None:
        return None
    if given.get("model") is not None:
        raise ConfigError("--graph and --model cannot go together; the graph is the architecture: leave out --model")
    return from_nir(graph["graph"], beta=given.get("beta"), **stated)


def announce(start: "GraphStart", config: TrainConfig, console: Console) -> "tuple[Dataset, float]":
    """Load the dataset, say what was taken from the graph, and return both the data and the graph's accuracy on them."""
    from snnc.toolchain.data.table import load_dataset

    dataset = load_dataset(config.data, config.timesteps, config.image_size)
    start.check(dataset.input, len(dataset.labels), repr(dataset.name))
    for note in start.notes:
        console.print(note)
    before = start.accuracy(config, dataset)
    console.print(f"{start.file}: before training, test accuracy {before:.2%} at full precision", style="bold")
    return dataset, before
