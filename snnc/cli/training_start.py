"""Where a training begins and ends: the checkpoint that a name means, and what layers start from one."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from snnc.graph_start import is_graph
from snnc.toolchain.errors import ConfigError

if TYPE_CHECKING:
    from snnc.models.checkpoint_start import CheckpointStart
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.training.train import Start

MODEL = "model.pt"


def checkpoint_of(name: str) -> Path:
    """Return the checkpoint that a name means: itself, or `model.pt` in a folder, which is any name without a suffix."""
    path = Path(name)
    folder = name.endswith(("/", os.sep)) or path.is_dir() or not (path.suffix or os.path.lexists(path))
    return path / MODEL if folder else path


def initial(init: str, graph: dict[str, Any], model: str | None, config_file: str | None) -> "CheckpointStart":
    """Return what a checkpoint, or a folder with one, gives to other trainings. Raises ConfigError beside a graph.

    The Python file of the checkpoint's network runs only if the user names it: as `model`, else in the TOML file that is given.
    """
    from snnc.models.checkpoint_start import checkpoint_start
    from snnc.models.python_file import name_model
    from snnc.toolchain.training.config import TrainConfig

    if model is None and config_file is not None:
        model = TrainConfig.from_toml(config_file).model
    if file := graph["graph"] or (model if is_graph(model) else None):
        raise ConfigError(f"--init and the graph {file} each say what training starts from; give one of them")
    if model is not None:
        name_model(model)
    return checkpoint_start(checkpoint_of(init))


def announced(start: "CheckpointStart | None", console: Console) -> "Start | None":
    """Return what gives a network the weights of a checkpoint, and says which of its layers start from it."""
    if start is None:
        return None

    def load(network: "SpikingNetwork") -> None:
        taken = start.taken(network)
        fresh = [layer.name for layer in network.layers if layer.name not in taken]
        console.print(f"from {start.file}: {', '.join(taken)}; fresh: {', '.join(fresh) or 'none'}")
        start.load(network)

    return load
