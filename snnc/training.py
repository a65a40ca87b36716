"""Training as a function: a configuration in, a checkpoint out."""

from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from snnc.graph_start import GraphStart, from_nir, is_graph
from snnc.models import built_model
from snnc.models.checkpoint_start import checkpoint_start
from snnc.models.from_torch import TorchStart
from snnc.models.python_file import name_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.distributed import is_worker
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.output_file import check_output
from snnc.toolchain.training import train as training
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.checkpoint import Checkpoint, load_checkpoint
from snnc.toolchain.training.companions import Build
from snnc.toolchain.training.config import TrainConfig
from snnc.training_view import on_screen


def train(
    config: TrainConfig,
    out: str | Path,
    *,
    dataset: Dataset | None = None,
    build: Build | None = None,
    callbacks: Iterable[Callback] = (),
    progress: bool = False,
    resume: Checkpoint | str | Path | None = None,
    start: training.Start | TorchStart | GraphStart | None = None,
    init: str | Path | None = None,
) -> Checkpoint:
    """Train a network and return its last checkpoint. Ctrl-C leaves the last finished epoch.

    Args:
        config: all settings; `snnc.TrainConfig.from_toml` reads them from a file.
        out: the checkpoint to write after every epoch, a .pt file; a file that is there is replaced.
        dataset: what to train on; by default what `config.data` names.
        build: `build(config)` returns an untrained network; by default the model that `config.model` names.
        callbacks: called after every optimizer step and every epoch, in this order.
        progress: print what `snnc train` prints: a bar in terminals and in notebooks (these need ipywidgets), and a line for
            each stage.
        resume: an interrupted training's checkpoint, or its file, to continue to the same bits as if it had not been
            interrupted; pass the configuration of that training, or the checkpoint's own, which needs no graph any more.
        start: `start(network)` gives the untrained base network other weights in place; companions keep their fresh ones. What
            `snnc.from_torch` and `snnc.from_nir` return sets the architecture and beta of the configuration as well.
        init: a checkpoint whose layers the base network starts from, those that have the same name and shape; its settings are
            those of `snnc.load_model(init)[1].config`, or any others. A NIR graph, here or as `config.model`, is what
            `start=snnc.from_nir(graph)` means.

    Raises:
        CannotExport: for a NIR graph with what training does not have.
        ConfigError: for settings that do not fit together, an `init` of which no layer fits, or an `out` that is a checkpoint
            which this training reads.
        DataError: if the data cannot be loaded.
        TrainingError: if training cannot continue; the file keeps the last good epoch.
        FileFormatError: for a checkpoint that cannot be read.
        SnncError: if `out` cannot be written.

    Example:
        >>> import snnc
        >>> config = snnc.TrainConfig(model="mlp", width=0.06, epochs_float=2, epochs_quantized=2, epochs_integer=2)
        >>> checkpoint = snnc.train(config, "model.pt")
        >>> checkpoint.accuracy > 0.5
        True
    """
    data = dataset or load_dataset(config.data, config.timesteps, config.image_size)
    if init is not None and (start is not None or resume is not None):
        raise ConfigError("init says what training starts from; leave out start and resume")
    if init is not None:
        check_output(out, (".pt",), [init])
    config, load = _started(config, data, start, init)
    before = load_checkpoint(resume) if isinstance(resume, str | Path) else resume

    def row_of_models(config: TrainConfig) -> SpikingNetwork:
        return built_model(config, data.input, len(data.labels))

    model = config.model if before or build else name_model(config.model)  # no checkpoint has code run
    config = config.replaced(data=data.name, model=model)  # they state how a file was split, and the digest of code
    with ExitStack() as stack:
        if progress and not is_worker():
            done = len(before.history) if before else 0
            callbacks = [*callbacks, stack.enter_context(on_screen(config, len(data.train), done))]
        return training.train(config, data, build or row_of_models, out, callbacks=callbacks, resume=before, start=load)


def _started(
    config: TrainConfig,
    data: Dataset,
    start: training.Start | TorchStart | GraphStart | None,
    init: str | Path | None,
) -> tuple[TrainConfig, training.Start | None]:
    """Return the configuration with the architecture of what training starts from, and what gives a network its weights."""
    if is_graph(config.model):
        if start is not None or init is not None:
            raise ConfigError(f"{config.model}: training starts from the model's own weights; leave out start and init")
        start = from_nir(config.model)
    elif init is not None and is_graph(init):
        start = from_nir(init)
    elif init is not None:
        start = checkpoint_start(init).load
    if isinstance(start, TorchStart | GraphStart):
        return start.configured(config), partial(start.load, dataset=data)
    return config, start
