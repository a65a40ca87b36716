"""What a file predicts on a split: the logits of a network, of a checkpoint before its integer phase, or of a committee."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from snnc.files import CHECKPOINT, load_subject, split_for
from snnc.members import SUFFIX, drawn_networks, read_members
from snnc.toolchain.data.dataset import Dataset, Split
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.predictions import logits_of, unscaled
from snnc.toolchain.simulate.frames import Frames
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.verify import frames_of

if TYPE_CHECKING:
    from snnc.toolchain.layers.spiking_network import SpikingNetwork

BATCH = 256


@dataclass(frozen=True, eq=False)
class Predicted:
    """Logits `(members, B, classes)` and labels `(B,)` of one file; `scaled` tells whether the unit of a logit is known."""

    name: str
    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    scaled: bool = True

    def part(self, which: NDArray[Any]) -> "Predicted":
        """Return some of the samples, by their indices."""
        return Predicted(self.name, self.logits[:, which], self.labels[which], self.scaled)


def predicted(
    path: str | Path, data: str | None, samples: int | None, *, members: int = 0, seed: int | None = None
) -> Predicted:
    """Run the test split of a dataset (default: what was trained on) through what a file holds.

    `members` draws a committee of so many from the posterior of a checkpoint; `seed` is that of the draws, by default that of
    the training. Raises SnncError for files that cannot be read, have no posterior, or do not fit the data.
    """
    file = Path(path)
    if members and file.suffix != CHECKPOINT:
        raise ConfigError(f"{path}: members are drawn from a checkpoint, which holds the posterior; leave out --members")
    if file.suffix == SUFFIX:
        networks = read_members(file)[1]
        return of_networks(str(path), networks, split_for(networks[0], data, samples))
    if file.suffix == CHECKPOINT:
        return _of_checkpoint(file, data, samples, members, seed)
    network = load_subject(file)[0].network
    return of_networks(str(path), [network], split_for(network, data, samples))


def _of_checkpoint(file: Path, data: str | None, samples: int | None, members: int, seed: int | None) -> Predicted:
    from snnc.models import load_model
    from snnc.toolchain.layers.phase import Phase
    from snnc.toolchain.lower import lower

    model, checkpoint = load_model(file)
    config = checkpoint.config
    if model.phase is not Phase.INTEGER:
        dataset = load_dataset(data or config.data, config.timesteps, config.image_size)
        return _of_model(str(file), model, dataset, samples)
    if members:
        training = load_dataset(config.data, config.timesteps, config.image_size)
        networks = drawn_networks(model, checkpoint, training, members, config.seed if seed is None else seed)
    else:
        networks = [lower(model, checkpoint.labels)]
    return of_networks(str(file), networks, split_for(networks[0], data or config.data, samples))


def _of_model(name: str, model: "SpikingNetwork", dataset: Dataset, samples: int | None) -> Predicted:
    """Return the logits of a model in floats."""
    from snnc.toolchain.training.batches import on_device
    from snnc.toolchain.training.evaluation import logits_on

    split = dataset.test.first(samples)
    logits = logits_on(model, on_device(split, model.input, model.readout.bias.device))
    return Predicted(name, logits[None], split.labels)


def of_networks(name: str, networks: list[Network], split: Split) -> Predicted:
    """Return the logits of integer networks, which are the members of one committee if they are several."""
    logits = []
    for network in networks:
        outputs = outputs_of(network, split)
        logits.append(logits_of(network, outputs) if network.logit_units else unscaled(network, outputs))
    return Predicted(name, np.concatenate(logits), split.labels, all(network.logit_units for network in networks))


def outputs_of(network: Network, split: Split) -> NDArray[np.int64]:
    """Return the read-outs `(B, outputs)` of a split, by the fast simulator where there is one, else the reference."""
    subject, data = Subject(network), frames_of(network, split)
    starts = range(0, data.count, BATCH)
    parts = [_outputs(subject, data.part(start, min(start + BATCH, data.count)).frames) for start in starts]
    return np.concatenate(parts)


def _outputs(subject: Subject, frames: Frames) -> NDArray[np.int64]:
    fast = ENGINES["fast"]
    if fast.outputs is not None and fast.missing(subject) is None:
        return fast.outputs(subject, frames)
    return ENGINES["reference"].run(subject, frames).outputs(subject.network)
