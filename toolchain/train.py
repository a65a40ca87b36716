"""The three phases of training: full precision, quantised weights, and the chip's own integers.

Deckers et al. 2024 (arXiv 2409.15849) describe the first two; the third makes the forward pass compute exactly what the
chip will compute, so that lowering cannot lose accuracy. The twin stays at full precision to the end, as in the paper.
"""

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, StepLR

from snnc.toolchain.atomic_file import check_writable
from snnc.toolchain.checkpoint import Checkpoint, Epoch, save_checkpoint
from snnc.toolchain.config import TrainConfig
from snnc.toolchain.datasets import Dataset, Split, chip_input
from snnc.toolchain.device import torch_device
from snnc.toolchain.errors import ConfigError, TrainingError
from snnc.toolchain.layers import Phase
from snnc.toolchain.methods import METHODS
from snnc.toolchain.quantize import WEIGHTS
from snnc.toolchain.spiking_network import SpikingNetwork

EVALUATION_BATCH = 256
STATE = {"twins", "optimizer", "schedule", "random", "random_cuda"}  # of an unfinished training, besides the base network


class Watcher(Protocol):
    """What a progress view offers to the training loop."""

    def step(self, phase: Phase, loss: float, matching: float) -> None:
        """Show one optimiser step."""

    def epoch(self, metrics: Epoch) -> None:
        """Show one finished epoch."""


class Unwatched:
    """A progress view that shows nothing."""

    def step(self, phase: Phase, loss: float, matching: float) -> None:
        """Show nothing."""

    def epoch(self, metrics: Epoch) -> None:
        """Show nothing."""


@dataclass
class Data:
    """A dataset as tensors on the training device."""

    train: tuple[Tensor, Tensor]
    test: tuple[Tensor, Tensor]
    background: int  # what augmentation shifts in at the border


class Training:
    """One run: networks, data and history; `checkpoint()` is complete at any moment."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        build: Callable[[TrainConfig], SpikingNetwork],
        resume: Checkpoint | None = None,
    ):
        """Build base and twins from the seed, or as a checkpoint left them. Raises ConfigError for unknown names."""
        _check_rows(config)
        torch.manual_seed(config.seed)
        self.config, self.dataset = config, dataset
        self.device = torch_device(config.device)
        self.method = METHODS[config.method]
        self.base = self._placed(build(config))
        self.twins = [self._placed(build(config.but(weights="float"))) for _ in range(self.method.twins)]
        self.data = _tensors(dataset, self.device)
        self.history: list[Epoch] = []
        self.optimizer: torch.optim.Optimizer | None = None
        self.schedule: LRScheduler | None = None
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
            raise ConfigError(
                f"the checkpoint cannot be resumed ({str(error).splitlines()[0]}); start a new training"
            ) from None
        for layer in self.base.populations:
            layer.phase = checkpoint.phase
        self.base.phase, self.history, self.state = checkpoint.phase, list(checkpoint.history), state

    @property
    def networks(self) -> list[SpikingNetwork]:
        """The base network first, then the twins."""
        return [self.base, *self.twins]

    def _placed(self, network: SpikingNetwork) -> SpikingNetwork:
        for weight in network.parameters():
            if weight.dim() == 4:  # measured here: channels last makes a step of CIFARNet 13 % faster
                weight.data = weight.data.contiguous(memory_format=torch.channels_last)
        return network.to(self.device)

    def checkpoint(self, tested: float | None = None) -> Checkpoint:
        """Return the base network as it is now, its accuracy (`tested`, if that is known), and the history so far."""
        weights = {name: tensor.detach().clone() for name, tensor in self.base.state_dict().items()}
        tested = accuracy(self.base, *self.data.test) if tested is None else tested
        history, phase = list(self.history), self.base.phase
        return Checkpoint(self.config, self.base.input, self.dataset.labels, phase, weights, tested, history, self._resumable())

    def _resumable(self) -> dict[str, Any] | None:
        """Return what is needed to go on exactly after the last finished epoch; None once all are finished."""
        if self.optimizer is None or self.schedule is None or len(self.history) in (0, self.config.epochs):
            return None
        return {
            "twins": [twin.state_dict() for twin in self.twins],
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "random": torch.get_rng_state(),
            "random_cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        }

    def run(self, watcher: Watcher) -> Iterator[Epoch]:
        """Train through the three phases, yielding the metrics of each finished epoch. Raises TrainingError."""
        config = self.config
        plan = [(Phase.FLOAT, config.epochs_float, config.lr), (Phase.QUANTISED, config.epochs_quantised, config.lr)]
        state, resumed = self.state, self.base.phase
        done = len(self.history)
        for phase, epochs, lr in [*plan, (Phase.INTEGER, config.epochs_integer, config.lr_integer)]:
            left, done = max(epochs - done, 0), max(done - epochs, 0)
            if state is not None and phase < resumed:
                continue
            if state is None or phase > resumed:
                self.base.enter(phase)
            self.optimizer = torch.optim.Adam([p for network in self.networks for p in network.parameters()], lr=lr)
            self.schedule = _schedule(config, self.optimizer, epochs)
            if state is not None and phase == resumed:
                self.optimizer.load_state_dict(state["optimizer"])
                self.schedule.load_state_dict(state["schedule"])
                _set_random(state)
            for _ in range(left):
                metrics = self._epoch(self.optimizer, watcher)
                self.schedule.step()
                self.history.append(metrics)
                watcher.epoch(metrics)
                yield metrics

    def _epoch(self, optimizer: torch.optim.Optimizer, watcher: Watcher) -> Epoch:
        for network in self.networks:
            network.train()
        images, labels = self.data.train
        started, seen, right, loss_sum, matching_sum = time.perf_counter(), 0, 0, 0.0, 0.0
        for chosen in _batches(len(labels), self.config.batch_size):
            batch = frames(shifted(images[chosen], self.config.shift, self.data.background), self.base)
            logits = [network(batch) for network in self.networks]
            losses = self.method.loss(logits, labels[chosen], self.config.alpha)
            optimizer.zero_grad()
            losses.total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            loss, matching = float(losses.total.detach()), float(losses.matching.detach())
            _check_finite(loss, self.base.phase, self.config)
            seen += len(chosen)
            right += int((logits[0].detach().argmax(1) == labels[chosen]).sum())
            loss_sum += loss * len(chosen)
            matching_sum += matching * len(chosen)
            watcher.step(self.base.phase, loss, matching)
        speed = seen / (time.perf_counter() - started)
        tested = accuracy(self.base, *self.data.test)
        number, phase = len(self.history) + 1, self.base.phase.name.lower()
        return Epoch(number, phase, loss_sum / seen, matching_sum / seen, right / seen, tested, speed)


def train(
    config: TrainConfig,
    dataset: Dataset,
    build: Callable[[TrainConfig], SpikingNetwork],
    out: str | Path,
    watcher: Watcher | None = None,
    resume: Checkpoint | None = None,
) -> Checkpoint:
    """Train, write the checkpoint `out` (a .pt file) after every epoch, and return the last one.

    `resume` goes on after the last epoch of a checkpoint whose training was interrupted, to the same bits as if it had not
    been. Ctrl-C leaves the last finished epoch, or writes what there is before the first, and raises KeyboardInterrupt.
    Raises ConfigError, DataError, TrainingError (the file keeps the last good epoch), or SnncError if the file cannot be
    written.
    """
    if Path(out).suffix != ".pt":
        raise ConfigError(f"checkpoint {str(out)!r} must end in .pt; all commands know checkpoints by that")
    training = Training(config, dataset, build, resume)
    check_writable(out)
    saved = len(training.history)
    try:
        for epoch in training.run(watcher or Unwatched()):
            save_checkpoint(training.checkpoint(epoch.test_accuracy), out)
            saved = epoch.number
    except KeyboardInterrupt:
        if not training.history or saved < len(training.history):  # in the first epoch, or while one was written
            save_checkpoint(training.checkpoint(), out)
        raise
    except torch.OutOfMemoryError:
        raise TrainingError(
            f"device {config.device!r} is out of memory; lower batch_size ({config.batch_size}) or the width"
        ) from None
    checkpoint = training.checkpoint()
    save_checkpoint(checkpoint, out)
    return checkpoint


@torch.no_grad()
def accuracy(network: SpikingNetwork, images: Tensor, labels: Tensor) -> float:
    """Return the share of samples (0..1) whose largest logit is the right one."""
    was_training = network.training
    network.eval()
    pieces = zip(torch.split(images, EVALUATION_BATCH), torch.split(labels, EVALUATION_BATCH), strict=True)
    right = sum(int((network(frames(x, network)).argmax(1) == y).sum()) for x, y in pieces)
    network.train(was_training)
    return right / len(labels)


def shifted(images: Tensor, reach: int, background: int) -> Tensor:
    """Return `(B, C, H, W)` with every image moved by up to `reach` pixels in each direction, filled with `background`.

    Events `(B, T, C, H, W)` move as a whole.
    """
    if images.dim() == 5:
        return shifted(images.flatten(1, 2), reach, background).reshape(images.shape)
    if reach == 0 or images.dim() != 4:
        return images
    count, channels, height, width = images.shape
    padded = torch.nn.functional.pad(images, [reach] * 4, value=background)
    moves = torch.randint(0, 2 * reach + 1, (2, count, 1)).to(images.device)
    rows = moves[0] + torch.arange(height, device=images.device)
    columns = moves[1] + torch.arange(width, device=images.device)
    which = torch.arange(count, device=images.device)
    return padded[
        which.view(-1, 1, 1, 1),
        torch.arange(channels, device=images.device).view(1, -1, 1, 1),
        rows[:, None, :, None],
        columns[:, None, None],
    ]


def frames(samples: Tensor, network: SpikingNetwork) -> Tensor:
    """Return samples `(B, ...)` as they are, and events `(B, T, ...)` as `(T, B, ...)`."""
    return samples if tuple(samples.shape[1:]) == tuple(network.input.shape) else samples.transpose(0, 1)


def _set_random(state: dict[str, Any]) -> None:
    torch.set_rng_state(state["random"])
    if state["random_cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(state["random_cuda"])


def _batches(samples: int, size: int) -> Iterator[Tensor]:
    # A last batch of one sample has no variance to normalise by, so it waits for the next epoch's order.
    return (batch for batch in torch.split(torch.randperm(samples), size) if len(batch) > 1)


def _tensors(dataset: Dataset, device: torch.device) -> Data:
    def pair(split: Split) -> tuple[Tensor, Tensor]:
        values = torch.from_numpy(chip_input(split, dataset.input)).to(device, torch.float32)
        return values, torch.from_numpy(split.labels).to(device)

    return Data(pair(dataset.train), pair(dataset.test), background=-dataset.input.zero_point)


def _schedule(config: TrainConfig, optimizer: torch.optim.Optimizer, epochs: int) -> LRScheduler:
    if config.schedule == "cosine":
        return CosineAnnealingLR(optimizer, max(epochs, 1))
    return StepLR(optimizer, config.decay_every, config.gamma)


def _check_rows(config: TrainConfig) -> None:
    for setting, table in (("method", list(METHODS)), ("weights", list(WEIGHTS))):
        value = getattr(config, setting)
        if value not in table:
            raise ConfigError(f"{setting} {value!r} is unknown; allowed are {', '.join(table)}")


def _check_finite(loss: float, phase: Phase, config: TrainConfig) -> None:
    if not math.isfinite(loss):
        lr = config.lr_integer if phase is Phase.INTEGER else config.lr
        raise TrainingError(
            f"the loss became {loss} in phase {phase.name.lower()}; lower the learning rate (it is {lr}) or alpha"
        )
