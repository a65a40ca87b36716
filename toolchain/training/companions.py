"""The companion networks of a run: built from the seed, read from a checkpoint, or as an interrupted run left them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.distributed import all_reduce_sum
from snnc.toolchain.errors import ConfigError, SnncError, one_line
from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.batches import DeviceSplit
from snnc.toolchain.training.checkpoint import Checkpoint, load_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.evaluation import EVALUATION_BATCH, Evaluation, evaluate
from snnc.toolchain.training.methods.method import Companion
from snnc.toolchain.training.shapes import check_shapes

Build = Callable[[TrainConfig], SpikingNetwork]


@dataclass(frozen=True)
class Snapshot:
    """A trained network that can be built again: its configuration, phase, and state."""

    config: TrainConfig
    phase: Phase
    weights: dict[str, Tensor]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values and tensors."""
        return {"config": self.config.as_dict(), "phase": int(self.phase), "weights": self.weights}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Snapshot":
        """Return what `as_dict` took apart. Raises LookupError, TypeError, ValueError or ConfigError for anything else."""
        return cls(TrainConfig.from_dict(values["config"]), Phase(values["phase"]), dict(values["weights"]))


@dataclass(frozen=True)
class BuiltCompanion:
    """A companion of the method's recipe, its network, and the configuration that the network was built from."""

    recipe: Companion
    config: TrainConfig
    network: nn.Module

    def snapshot(self) -> Snapshot:
        """Return the network as it is now."""
        phase = self.network.phase if isinstance(self.network, SpikingNetwork) else Phase.FLOAT
        return Snapshot(self.config, phase, self.network.state_dict())


def build_companion(recipe: Companion, build: Build, dataset: Dataset, resumed: Snapshot | None) -> BuiltCompanion:
    """Build a companion: as an interrupted run left it, else as its checkpoint holds it, else with fresh weights.

    A resumed run does not need the checkpoint any more. Raises ConfigError if weights and configuration do not fit together,
    or the checkpoint is one of other data, FileFormatError if it cannot be read.
    """
    known = resumed or (_read(recipe, dataset) if recipe.checkpoint else None)
    config = known.config if known else recipe.config

    def built() -> nn.Module:
        if recipe.build:
            return recipe.build(config, dataset.input, len(dataset.labels))
        network = build(config)
        own = known is not None and set(known.weights) == set(network.state_dict())
        return network if own or not recipe.convert else recipe.convert(network)

    if not known:
        return BuiltCompanion(recipe, config, built())
    try:
        check_shapes(built, known.weights)
        network = built()
        network.load_state_dict(known.weights)
    except (RuntimeError, ValueError, SnncError) as error:
        reason = one_line(error, 200)
        raise ConfigError(f"{_origin(recipe)} does not fit its own settings ({reason}); train it again") from None
    if isinstance(network, SpikingNetwork):
        network.set_phase(known.phase, freeze=False)
    return BuiltCompanion(recipe, config, network)


@torch.no_grad()
def evaluate_companion(network: nn.Module, samples: DeviceSplit, rank: int = 0, processes: int = 1) -> Evaluation:
    """Return the accuracy of any network, and the firing rates of a spiking one; for `processes`, see `evaluate`."""
    if isinstance(network, SpikingNetwork):
        return evaluate(network, samples, rank, processes)
    right = torch.zeros((), dtype=torch.int64, device=samples.labels.device)
    with evaluating(network):
        for x, labels in samples.batches(EVALUATION_BATCH, rank, processes):
            right += (network(x).decided == labels).sum()
    return Evaluation(int(all_reduce_sum(right) if processes > 1 else right) / len(samples), {})


def _read(recipe: Companion, dataset: Dataset) -> Snapshot:
    checkpoint = load_checkpoint(recipe.checkpoint)
    check_data(checkpoint, dataset, _origin(recipe))
    return Snapshot(checkpoint.config, checkpoint.phase, checkpoint.weights)


def _origin(recipe: Companion) -> str:
    return f"checkpoint {recipe.checkpoint} of the {recipe.role}" if recipe.checkpoint else f"the {recipe.role}"


def check_data(checkpoint: Checkpoint, dataset: Dataset, what: str) -> None:
    """Raise ConfigError if a checkpoint was trained on data of another shape, range, zero point or other classes."""
    if (checkpoint.input, checkpoint.labels) != (dataset.input, dataset.labels):
        raise ConfigError(
            f"{what} was trained on other data than {dataset.name!r} is now (shape, range, zero point or classes differ); "
            "choose the same data, or start a new training"
        )
