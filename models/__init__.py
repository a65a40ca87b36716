"""The architectures, by name; add a row to MODELS to add one."""

from collections.abc import Callable
from pathlib import Path
from typing import cast

from snnc.models.cifarnet import cifarnet
from snnc.models.ffn import ffn
from snnc.models.mlp import mlp
from snnc.models.notation import from_notation, is_notation
from snnc.models.python_file import code_of, from_python, name_model
from snnc.models.resnet import resnet
from snnc.toolchain.errors import FileFormatError, SnncError, located, one_line, row
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import Input
from snnc.toolchain.network.readout import READOUTS, ReadOutKind
from snnc.toolchain.training.checkpoint import Checkpoint, load_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.model_file import model_file
from snnc.toolchain.training.shapes import check_shapes

MODELS: dict[str, Callable[[TrainConfig, Input, int], SpikingNetwork]] = {
    "cifarnet": cifarnet,
    "mlp": mlp,
    "resnet": resnet,
    "ffn": ffn,
}


def build_model(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build an untrained network of a row of MODELS, a text, or a Python file; `snnc.build_model` takes NIR graphs as well.

    Raises ConfigError.
    """
    return built_model(config.replaced(model=name_model(config.model)), input, classes)


def built_model(config: TrainConfig, input: Input, classes: int) -> SpikingNetwork:
    """Build an untrained network as `build_model` does, but run no Python file that the user has not named in this process."""
    if model_file(config.model):
        return from_python(config, input, classes)
    if config.model not in MODELS and is_notation(config.model):
        network = from_notation(config, input, classes)
    else:
        network = row(MODELS, config.model, "model")(config, input, classes)
    if READOUTS[config.readout].spiking:
        network.read_spikes(cast(ReadOutKind, config.readout))
    return network


def load_model(path: str | Path, *, model: str | None = None) -> tuple[SpikingNetwork, Checkpoint]:
    """Read a checkpoint and return the trained network, ready to run, with what else the file holds.

    Args:
        path: the checkpoint.
        model: the Python file and function, `my_model.py:build`, that built the network, if one did. Only a file that is named
            is run, and only the one whose digest the checkpoint holds builds its network.

    Raises:
        ConfigError: if the network was built by a Python file that was not named, or has another text now.
        FileFormatError: if the file is no checkpoint, or its weights do not fit its own configuration.

    Example:
        >>> import snnc  # doctest: +SKIP
        >>> model, checkpoint = snnc.load_model("model.pt")  # doctest: +SKIP
        >>> checkpoint.accuracy  # doctest: +SKIP
        0.9888888888888889
    """
    if model is not None:
        name_model(model)
    checkpoint = load_checkpoint(path)
    if model_file(checkpoint.config.model):
        with located(str(path)):
            code_of(checkpoint.config.model)

    def build() -> SpikingNetwork:
        return built_model(checkpoint.config, checkpoint.input, len(checkpoint.labels))

    try:
        check_shapes(build, checkpoint.weights)
        network = build()
        network.load_state_dict(checkpoint.weights)
    except (RuntimeError, ValueError, ArithmeticError, MemoryError, SnncError) as error:
        reason = one_line(error, 200)
        raise FileFormatError(f"{path}: the weights do not fit the model that the file describes: {reason}") from None
    network.set_phase(checkpoint.phase, freeze=False)
    return network.eval(), checkpoint
