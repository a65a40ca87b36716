"""Opens the files of a network: a checkpoint, exported files, or several of one network; and the data it was trained on."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snnc.adopting import check_stated, open_network, recalled
from snnc.toolchain.data.dataset import Split, check_samples
from snnc.toolchain.data.named import HUB, like, named
from snnc.toolchain.data.samples_file import SUFFIXES, labelled_split
from snnc.toolchain.data.table import EMBEDDED, load_dataset, load_fitting, row_of
from snnc.toolchain.errors import ConfigError, DataError, DifferentNetworks
from snnc.toolchain.network.folding import fold_parallel
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.plain import difference
from snnc.verification.engines import Subject

if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.training.checkpoint import Checkpoint

CHECKPOINT = ".pt"
NOT_NUMBERS = ("name", "labels", "data")  # fields of a network that change nothing it computes


def load_subject(
    *paths: str | Path, stated: Mapping[str, Any] | None = None, **settings: Any
) -> "tuple[Subject, Checkpoint | None]":
    """Open a checkpoint (lowering its model), exported networks, or several files of one network; settings are Subject's.

    `stated` are the arguments of `open_network` for files of lava-dl. Engines do not read those, but what is exported of them.

    Raises FileFormatError, LoweringError, NetworkError, ConfigError for what is stated of files that say it themselves, and
    DifferentNetworks if two files hold different ones.
    """
    check_stated(stated or {}, paths)
    opened = [(str(path), *_load_one(Path(path), stated or {})) for path in paths]
    name, first, _, _ = opened[0]
    for other, network, _, _ in opened[1:]:
        # A format may hold a network with its shortcuts folded in (Target.prepare): equal sums of synapses are one network.
        if found := difference(fold_parallel(first), fold_parallel(network), ignored=NOT_NUMBERS):
            raise DifferentNetworks(f"{name} and {other} hold different networks: {found}")
    model, checkpoint = next(((model, checkpoint) for *_, model, checkpoint in opened if model), (None, None))
    files = tuple(Path(path) for path in paths if Path(path).suffix != CHECKPOINT and recalled(path) is None)
    if len({path.suffix for path in files}) < len(files):
        raise ConfigError("two files of one format were given; name one of each, the engines read it")
    data = next((network.data for _, network, _, _ in opened if network.data), "")
    return Subject(replace(first, data=data), model, files, **settings), checkpoint


def _load_one(path: Path, stated: Mapping[str, Any]) -> "tuple[Network, SpikingNetwork | None, Checkpoint | None]":
    if path.suffix != CHECKPOINT:
        return open_network(path, **stated), None, None
    from snnc.models import load_model
    from snnc.toolchain.lower import lower

    model, checkpoint = load_model(path)
    data = checkpoint.config.data
    network = lower(model, checkpoint.labels, f"{checkpoint.config.model} on {data}")
    return replace(network, data=data), model, checkpoint


def data_of(network: Network) -> str:
    """Return the dataset that a network was trained on, or the embedded one whose input and labels are exactly its own.

    Raises DataError if there is none: nothing is guessed.
    """
    if network.data:
        return network.data
    if name := _embedded_of(network):
        return name
    raise DataError(f"the file does not say what {network.name!r} was trained on; name a dataset with --data")


def knows_data(network: Network) -> bool:
    """Tell whether `data_of` finds a dataset."""
    return bool(network.data or _embedded_of(network))


def _embedded_of(network: Network) -> str:
    for name in sorted(EMBEDDED):
        dataset = load_dataset(name, network.timesteps)
        if (dataset.input, dataset.labels) == (network.input, network.labels):
            return name
    return ""


def split_for(network: Network, data: str | None, samples: int | None) -> Split:
    """Return the first `samples` (None: all) of the test split of a dataset, or of the network's own (data_of).

    `data` may be an .npz file of samples and labels, all of which are test samples (data/samples_file.py).

    Raises DataError if the network does not say which, or if its outputs are not the dataset's classes.
    """
    if data and Path(data).suffix in SUFFIXES and not named(network.data).is_file:
        return labelled_split(data, network).first(samples)
    name = like(data, network.data) if data else data_of(network)
    if not data:
        _check_local(name)
    dataset = load_fitting(name, network.input, network.timesteps)
    outputs = network.classes
    if len(dataset.labels) != outputs:
        raise DataError(
            f"dataset {name!r} has {len(dataset.labels)} classes, the network has {outputs} outputs; "
            "choose the data it was trained on"
        )
    check_samples(dataset.test, network.input)
    return dataset.test.first(samples)


def _check_local(name: str) -> None:
    """Raise DataError for data that a file names and that are not here: it must not send anybody to a hub."""
    place = named(name)
    if row_of(name)[0] or place.is_file or os.path.isdir(place.place):
        return
    trained = f"the network was trained on {name!r}"
    if HUB.fullmatch(name):
        raise DataError(f"{trained}, which is loaded only if you name it: add --data {name}")
    raise DataError(f"{trained}, which is not here; name data with --data: the folder where they are now, or a file .npz")
