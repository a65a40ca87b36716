"""Training: the networks, stages and history of one run, its checkpoints, and how it goes on after an interruption.

Every epoch draws its random numbers from seeds of its own, so that no random state has to be kept.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from snnc.toolchain.atomic_file import check_writable
from snnc.toolchain.checkpoint import Checkpoint, Epoch, load_checkpoint, save_checkpoint
from snnc.toolchain.config import TrainConfig
from snnc.toolchain.dataset import Dataset
from snnc.toolchain.errors import ConfigError, SnncError, TrainingError
from snnc.toolchain.evaluation import evaluate, sparsity
from snnc.toolchain.launch import launch
from snnc.toolchain.learner import Learner
from snnc.toolchain.methods import METHODS, method_named
from snnc.toolchain.quantize import WEIGHTS
from snnc.toolchain.spiking_network import SpikingNetwork
from snnc.toolchain.stages import epochs_of, stages
from snnc.toolchain.training_data import load_on_device
from snnc.toolchain.watching import Unwatched, Watcher

STATE = {"twins", "optimizer"}  # of an unfinished training, besides the base network

Build = Callable[[TrainConfig], SpikingNetwork]


class Training:
    """One run: networks, data and history; `checkpoint()` is complete at any moment."""

    def __init__(self, config: TrainConfig, dataset: Dataset, build: Build, resume: Checkpoint | None = None):
        """Build base and twins from the seed, or as a checkpoint left them. Raises ConfigError, DataError."""
        self.method = method_named(config.method)
        if config.weights not in WEIGHTS:
            raise ConfigError(f"weights {config.weights!r} is unknown; allowed are {', '.join(WEIGHTS)}")
        self.launched = launch(config)
        torch.manual_seed(config.seed)
        self.config, self.dataset = config, dataset
        self.base = self._placed(build(config))
        self.twins = [self._placed(build(config.but(weights="float"))) for _ in range(self.method.twins)]
        if config.teacher:
            self.twins = [self._placed(_teacher(config, build))]
        self.data = load_on_device(dataset, self.launched.device)
        self.history: list[Epoch] = []
        self.learner: Learner | None = None
        self.state: dict[str, Any] | None = None
        if resume:
            self._restore(resume)

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.resume
        if state is None:
            raise ConfigError("nothing to resume: its training has ended, or was stopped in its first epoch; start a new one")
        try:
            if set(state) != STATE:
                raise ValueError(f"its state holds {', '.join(sorted(state))}")
            self.base.load_state_dict(checkpoint.weights)
            for twin, weights in zip(self.twins, state["twins"], strict=True):
                twin.load_state_dict(weights)
        except (LookupError, TypeError, ValueError, RuntimeError) as error:
            raise _not_resumable(error) from None
        for layer in self.base.populations:
            layer.phase = checkpoint.phase
        self.base.phase, self.history, self.state = checkpoint.phase, list(checkpoint.history), state

    def _placed(self, network: SpikingNetwork) -> SpikingNetwork:
        for weight in network.parameters():
            if weight.dim() == 4:  # channels last all the way: convolutions and normalised_lif then copy nothing
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        return network.to(self.launched.device)

    def checkpoint(self, tested: float | None = None) -> Checkpoint:
        """Return the base network as it is now, its accuracy (`tested`, if that is known), and the history so far."""
        weights = {name: tensor.detach().clone() for name, tensor in self.base.state_dict().items()}
        tested = evaluate(self.base, self.data.test).accuracy if tested is None else tested
        history, phase = list(self.history), self.base.phase
        return Checkpoint(self.config, self.base.input, self.dataset.labels, phase, weights, tested, history, self._resumable())

    def _resumable(self) -> dict[str, Any] | None:
        """Return what is needed to go on exactly after the last finished epoch; None once all are finished."""
        if self.learner is None or len(self.history) in (0, epochs_of(self.config)):
            return None
        return {"twins": [twin.state_dict() for twin in self.twins], "optimizer": self.learner.optimizer.state_dict()}

    def run(self, watcher: Watcher) -> Iterator[Epoch]:
        """Train through all stages, yielding the metrics of each finished epoch. Raises TrainingError."""
        finished = 0  # epochs of the stages before
        for stage in stages(self.config):
            done = min(max(len(self.history) - finished, 0), stage.epochs)
            finished += stage.epochs
            if done == stage.epochs and len(self.history) > finished:
                continue  # a resumed run is beyond this stage
            if self.base.phase is not stage.phase:
                self.base.enter(stage.phase)
            self.learner = Learner(self.config, stage, self.base, self.twins, self.launched)
            if self.state is not None and done:
                self._restore_learner(self.state)
            for epoch in range(done, stage.epochs):
                self.history.append(self._epoch(self.learner, epoch, watcher))
                watcher.epoch(self.history[-1])
                yield self.history[-1]

    def _restore_learner(self, state: dict[str, Any]) -> None:
        assert self.learner is not None
        try:
            self.learner.optimizer.load_state_dict(state["optimizer"])
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise _not_resumable(error) from None

    def _epoch(self, learner: Learner, done: int, watcher: Watcher) -> Epoch:
        number, stage = len(self.history) + 1, learner.stage
        started = time.perf_counter()
        learned = learner.epoch(self.data.train, number, done, watcher)
        speed = learned.samples / (time.perf_counter() - started)
        network = self.twins[0] if stage.trains_twins_alone else self.base
        tested = evaluate(network, self.data.test, self.launched.global_rank, self.launched.world_size)
        return Epoch(
            number,
            stage.name,
            learned.loss,
            learned.matching,
            learned.accuracy,
            tested.accuracy,
            speed,
            tested.firing_rates,
            sparsity(network),
        )


def train(
    config: TrainConfig,
    dataset: Dataset,
    build: Build,
    out: str | Path,
    watcher: Watcher | None = None,
    resume: Checkpoint | None = None,
) -> Checkpoint:
    """Train, write the checkpoint `out` (a .pt file) after every epoch, and return the last one.

    `resume` goes on after the last epoch of a checkpoint whose training was interrupted, to the same bits as if it had not
    been. Ctrl-C leaves the last finished epoch, or writes what there is before the first, and raises KeyboardInterrupt.
    Of several processes the first one writes. Raises ConfigError, DataError, TrainingError (the file keeps the last good
    epoch), or SnncError if the file cannot be written.
    """
    if Path(out).suffix != ".pt":
        raise ConfigError(f"checkpoint {str(out)!r} must end in .pt; all commands know checkpoints by that")
    training = Training(config, dataset, build, resume)
    writes = training.launched.global_rank == 0
    if writes:
        check_writable(out)
    saved = len(training.history)
    try:
        for epoch in training.run(watcher if watcher and writes else Unwatched()):
            if writes:
                save_checkpoint(training.checkpoint(epoch.test_accuracy), out)
            saved = epoch.number
    except KeyboardInterrupt:
        if writes and (not training.history or saved < len(training.history)):  # in the first epoch, or while one was written
            save_checkpoint(training.checkpoint(), out)
        raise
    except torch.OutOfMemoryError:
        raise TrainingError(
            f"device {config.device!r} is out of memory; lower batch_size ({config.batch_size}) or the width, "
            f"and raise accumulate ({config.accumulate}) to take as many samples per step"
        ) from None
    checkpoint = training.checkpoint(training.history[-1].test_accuracy if training.history else None)
    if writes:
        save_checkpoint(checkpoint, out)
    training.launched.barrier()
    return checkpoint


def _teacher(config: TrainConfig, build: Build) -> SpikingNetwork:
    if not method_named(config.method).frozen:
        frozen = ", ".join(name for name, method in METHODS.items() if method.frozen)
        raise ConfigError(f"method {config.method!r} takes no teacher; leave it out, or choose one of {frozen}")
    checkpoint = load_checkpoint(config.teacher)
    teacher = build(checkpoint.config)
    try:
        teacher.load_state_dict(checkpoint.weights)
    except (RuntimeError, SnncError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"teacher {config.teacher}: does not fit this data ({reason}); train one on the same data") from None
    for layer in teacher.populations:
        layer.phase = checkpoint.phase
    teacher.phase = checkpoint.phase
    return teacher


def _not_resumable(error: Exception) -> ConfigError:
    return ConfigError(f"the checkpoint cannot be resumed ({str(error).splitlines()[0]}); start a new training")
