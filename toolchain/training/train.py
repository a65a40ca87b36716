"""Training: the networks, stages and history of one run, its checkpoints, and how it goes on after an interruption.

Every epoch draws its random numbers from seeds of its own, so that no random state has to be kept.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from snnc.toolchain.atomic_file import check_writable
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.device import out_of_memory
from snnc.toolchain.distributed import generator
from snnc.toolchain.errors import ConfigError, SnncError, TrainingError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.quantize import quantizer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.batches import batches_of_epoch, load_on_device, steps_per_epoch
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.checkpoint import Checkpoint, Epoch, load_checkpoint, save_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.evaluation import evaluate, sparsity
from snnc.toolchain.training.launch import launch
from snnc.toolchain.training.methods import METHODS, method_named
from snnc.toolchain.training.stages import epochs_of, stages
from snnc.toolchain.training.trainer import Trainer

SETTLING_STEPS = 50  # with a momentum of 0.1, what is left of earlier statistics is below 1 %
STATE = {"twins", "optimizer", "teacher"}  # of an unfinished training, besides the base network

Build = Callable[[TrainConfig], SpikingNetwork]


class Training:
    """One run: networks, data and history; `checkpoint()` is complete at any moment."""

    def __init__(self, config: TrainConfig, dataset: Dataset, build: Build, resume: Checkpoint | None = None):
        """Build base and twins from the seed, or as a checkpoint left them. Raises ConfigError, DataError."""
        self.method = method_named(config.method)
        quantizer(config.weights)
        self.launched = launch(config)
        torch.manual_seed(config.seed)
        self.config, self.dataset = config, dataset
        self.base = self._placed(build(config))
        self.teacher = _teacher(config, dataset, resume) if config.teacher else None
        self.twins = [self._placed(twin) for twin in self._build_twins(build)]
        self.data = load_on_device(dataset, self.launched.device)
        if not steps_per_epoch(config, len(dataset.train), self.launched.world_size):
            raise ConfigError(
                f"{len(dataset.train)} training samples are too few for {self.launched.world_size} process(es); "
                "each needs at least 2"
            )
        self.history: list[Epoch] = []
        self.trainer: Trainer | None = None
        self.state: dict[str, Any] | None = None
        if resume:
            self._restore(resume)

    def _build_twins(self, build: Build) -> list[SpikingNetwork]:
        if self.teacher is None:
            return [build(self.config.replaced(weights="float")) for _ in range(self.method.twins)]
        twin = build(self.teacher.config)
        try:
            twin.load_state_dict(self.teacher.weights)
        except (RuntimeError, SnncError) as error:
            reason = " ".join(str(error).split())[:200]
            raise ConfigError(
                f"teacher {self.config.teacher}: does not fit its own settings ({reason}); train it again"
            ) from None
        twin.set_phase(self.teacher.phase, freeze=False)
        return [twin]

    def _restore(self, checkpoint: Checkpoint) -> None:
        state = checkpoint.resume
        _check_data(checkpoint, self.dataset, "the checkpoint")
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
        self.base.set_phase(checkpoint.phase, freeze=False)
        self.history, self.state = list(checkpoint.history), state

    def _placed(self, network: SpikingNetwork) -> SpikingNetwork:
        network.lay_out()
        return network.to(self.launched.device)

    def checkpoint(self) -> Checkpoint:
        """Return the base network as it is now, its accuracy, and the history so far."""
        weights = {name: tensor.detach().clone() for name, tensor in self.base.state_dict().items()}
        # The last epoch's accuracy is another one's while a twin is trained, or if a phase without epochs came since.
        known = self.history and self.history[-1].phase == self.base.phase.name.lower()
        tested = self.history[-1].test_accuracy if known else evaluate(self.base, self.data.test).accuracy
        history, phase = list(self.history), self.base.phase
        return Checkpoint(self.config, self.base.input, self.dataset.labels, phase, weights, tested, history, self._resumable())

    def _resumable(self) -> dict[str, Any] | None:
        """Return what is needed to go on exactly after the last finished epoch; None once all are finished."""
        if self.trainer is None or len(self.history) in (0, epochs_of(self.config)):
            return None
        teacher = self.teacher and {"config": self.teacher.config.as_dict(), "phase": int(self.teacher.phase)}
        twins = [twin.state_dict() for twin in self.twins]
        return {"twins": twins, "teacher": teacher, "optimizer": self.trainer.optimizer.state_dict()}

    def run(self, callback: Callback) -> Iterator[Epoch]:
        """Train through all stages, yielding the metrics of each finished epoch. Raises TrainingError."""
        finished = 0  # epochs of the stages before
        for stage in stages(self.config):
            done = min(max(len(self.history) - finished, 0), stage.epochs)
            finished += stage.epochs
            if done == stage.epochs and len(self.history) > finished:
                continue  # a resumed run is beyond this stage
            self._enter(stage.phase)
            self.trainer = Trainer(self.config, stage, self.base, self.twins, self.launched)
            if self.state is not None and done:
                self._restore_trainer(self.state)
            for epoch in range(done, stage.epochs):
                self.history.append(self._epoch(self.trainer, epoch, callback))
                callback.epoch(self.history[-1])
                yield self.history[-1]

    def _enter(self, phase: Phase) -> None:
        if self.base.phase is phase:
            return
        if phase is Phase.INTEGER and not any(epoch.phase == "quantized" for epoch in self.history):
            # No epoch in between has moved the statistics to what the quantized weights give.
            self.base.set_phase(Phase.QUANTIZED)
            self._settle()
        self.base.set_phase(phase)

    @torch.no_grad()
    def _settle(self) -> None:
        """Let the running statistics follow the weights as they are now."""
        self.base.train()
        rank, processes = self.launched.global_rank, self.launched.world_size
        for number in range(SETTLING_STEPS):
            random = generator(self.config.seed, number)
            own, _ = next(batches_of_epoch(self.config, len(self.data.train), random, rank, processes))
            self.base(self.data.train.as_input(self.data.train.raw[own.to(self.launched.device)]))

    def _restore_trainer(self, state: dict[str, Any]) -> None:
        assert self.trainer is not None
        try:
            self.trainer.optimizer.load_state_dict(state["optimizer"])
        except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
            raise _not_resumable(error) from None

    def _epoch(self, trainer: Trainer, done: int, callback: Callback) -> Epoch:
        number, stage = len(self.history) + 1, trainer.stage
        started = time.perf_counter()
        metrics = trainer.epoch(self.data.train, number, done, callback)
        speed = metrics.samples / (time.perf_counter() - started)
        network = self.twins[0] if stage.trains_twins_alone else self.base
        tested = evaluate(network, self.data.test, self.launched.global_rank, self.launched.world_size)
        return Epoch(
            number,
            stage.name,
            metrics.loss,
            metrics.matching,
            metrics.accuracy,
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
    callback: Callback | None = None,
    resume: Checkpoint | None = None,
) -> Checkpoint:
    """Train, write the checkpoint `out` (a .pt file) after every epoch, and return the last one.

    `resume` goes on after the last epoch of a checkpoint whose training was interrupted, to the same bits as if it had not
    been. Ctrl-C leaves the last finished epoch and raises KeyboardInterrupt; before the first one it writes what there is, but
    over no file.
    Of several processes the first one writes. Raises ConfigError, DataError, TrainingError (the file keeps the last good
    epoch), or SnncError if the file cannot be written.
    """
    if Path(out).suffix != ".pt":
        raise ConfigError(f"checkpoint {str(out)!r} must end in .pt; all commands know checkpoints by that")
    if config.teacher and Path(out).resolve() == Path(config.teacher).resolve():
        raise ConfigError(f"checkpoint {str(out)!r} is the teacher's own file; name another with --output")
    training = Training(config, dataset, build, resume)
    writes = training.launched.global_rank == 0
    if writes:
        check_writable(out)
    saved = len(training.history)
    try:
        for epoch in training.run(callback if callback and writes else Callback()):
            if writes:
                save_checkpoint(training.checkpoint(), out)
            saved = epoch.number
    except KeyboardInterrupt:
        unsaved = saved < len(training.history)  # while it was written
        if writes and (unsaved or (not training.history and not Path(out).exists())):
            save_checkpoint(training.checkpoint(), out)
        raise
    except RuntimeError as error:
        if not out_of_memory(error):
            raise
        raise TrainingError(
            f"device {config.device!r} is out of memory; lower batch_size ({config.batch_size}) or the width, "
            f"and raise accumulate ({config.accumulate}) to take as many samples per step"
        ) from None
    checkpoint = training.checkpoint()
    if writes:
        save_checkpoint(checkpoint, out)
    training.launched.barrier()
    return checkpoint


def _teacher(config: TrainConfig, dataset: Dataset, resume: Checkpoint | None) -> Checkpoint:
    """Return the teacher's checkpoint; a resumed run has all of it in its own, wherever the file is by now."""
    if not method_named(config.method).frozen:
        frozen = ", ".join(name for name, method in METHODS.items() if method.frozen)
        raise ConfigError(f"method {config.method!r} takes no teacher; leave it out, or choose one of {frozen}")
    if resume and resume.resume:
        try:
            kept, weights = resume.resume["teacher"], resume.resume["twins"][0]
            phase = Phase(kept["phase"])
            return replace(resume, config=TrainConfig.from_dict(kept["config"]), phase=phase, weights=weights, resume=None)
        except (LookupError, TypeError, ValueError, SnncError) as error:
            raise _not_resumable(error) from None
    checkpoint = load_checkpoint(config.teacher)
    _check_data(checkpoint, dataset, f"teacher {config.teacher}")
    return checkpoint


def _check_data(checkpoint: Checkpoint, dataset: Dataset, what: str) -> None:
    if (checkpoint.input, checkpoint.labels) != (dataset.input, dataset.labels):
        raise ConfigError(
            f"{what} was trained on other data than {dataset.name!r} is now (shape, range, zero point or classes differ); "
            "choose the same data, or start a new training"
        )


def _not_resumable(error: Exception) -> ConfigError:
    return ConfigError(f"the checkpoint cannot be resumed ({str(error).splitlines()[0]}); start a new training")
