"""Training: the networks, stages and history of one run, and its checkpoints.

Every epoch draws its random numbers from seeds of its own, so that no random state has to be kept.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

import torch
from torch import nn

from snnc.toolchain.atomic_file import check_writable
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.data.held_out import hold_out
from snnc.toolchain.device import out_of_memory
from snnc.toolchain.errors import ConfigError, TrainingError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.posterior import posterior_layers, reestimate
from snnc.toolchain.layers.quantize import quantizer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.batches import batches_of_epoch, load_on_device, on_device, steps_per_epoch
from snnc.toolchain.training.callbacks import Callback, Callbacks
from snnc.toolchain.training.checkpoint import Checkpoint, save_checkpoint
from snnc.toolchain.training.companions import Build, build_companion, evaluate_companion
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.evaluation import certainty, evaluate, sparsity
from snnc.toolchain.training.launch import launch
from snnc.toolchain.training.members import statistics_batches
from snnc.toolchain.training.methods import method_named
from snnc.toolchain.training.metrics import Epoch, is_best, ran_out
from snnc.toolchain.training.outputs import best_of, check_outputs
from snnc.toolchain.training.resume import ResumeState, restored
from snnc.toolchain.training.seeds import generator
from snnc.toolchain.training.shapes import check_shapes
from snnc.toolchain.training.stages import Stage, epochs_of, stages
from snnc.toolchain.training.trainer import Trainer, companion_of

Start = Callable[[SpikingNetwork], None]  # gives a fresh network other weights in place

SETTLING_STEPS = 50  # with a momentum of 0.1, what is left of earlier statistics is below 1 %


class Training:
    """One run: networks, data and history; `checkpoint()` is complete at any moment."""

    def __init__(
        self,
        config: TrainConfig,
        dataset: Dataset,
        build: Build,
        resume: Checkpoint | None = None,
        start: Start | None = None,
    ):
        """Build all networks from the seed, or as a checkpoint left them. Raises ConfigError, DataError."""
        self.method = method_named(config.method)
        self.config = config.replaced(weights=self.method.weights(config))
        quantizer(self.config.weights)
        recipes = self.method.networks(self.config)
        roles = [recipe.role for recipe in recipes]
        self.state = ResumeState.from_checkpoint(resume, dataset, roles) if resume else None
        self.launched = launch(config)
        torch.manual_seed(config.seed)
        self.dataset = dataset
        if resume:
            restored(lambda: check_shapes(lambda: build(self.config), resume.weights))
        self.base = build(self.config)
        if start and not resume:
            start(self.base)
        self.method.prepare(self.base, self.config)
        known = self.state.companions if self.state else {}
        self.companions = [build_companion(recipe, build, dataset, known.get(recipe.role)) for recipe in recipes]
        for network in (self.base, *(each.network for each in self.companions)):
            self._place(network)
        parted = hold_out(dataset, config.validation) if config.validation else None
        device = self.launched.device
        self.data = load_on_device(replace(dataset, train=parted.train) if parted else dataset, device)
        self.validation = on_device(parted.test, dataset.input, device) if parted else None
        self.watched = self.data.test  # what each epoch is tested on: fewer samples where nobody looks at every epoch
        if not steps_per_epoch(config, len(self.data.train), self.launched.world_size):
            raise ConfigError(
                f"{len(self.data.train)} training samples are too few for {self.launched.world_size} process(es); "
                "each needs at least 2"
            )
        self.history: list[Epoch] = []
        self.trainer: Trainer | None = None
        self.ended = False
        self.accuracy: float | None = None  # of the base network as it is now, once it has been tested
        if resume:
            restored(lambda: self.base.load_state_dict(resume.weights))
            self.base.set_phase(resume.phase, freeze=False)
            self.history, self.accuracy = list(resume.history), resume.accuracy

    def _place(self, network: nn.Module) -> None:
        if isinstance(network, SpikingNetwork):
            network.lay_out()
            if not self.config.temporal_gradient:
                network.cut_temporal_gradient()
        network.to(self.launched.device)

    def checkpoint(self) -> Checkpoint:
        """Return the base network as it is now, its accuracy, and the history so far."""
        weights = {name: tensor.detach().clone() for name, tensor in self.base.state_dict().items()}
        if self.accuracy is None:
            self.accuracy = evaluate(self.base, self.data.test).accuracy
        state = self._resumable()
        return Checkpoint(
            self.config,
            self.base.input,
            self.dataset.labels,
            self.base.phase,
            weights,
            self.accuracy,
            list(self.history),
            state.as_dict() if state else None,
            self.base.source,
        )

    def companion_checkpoint(self) -> tuple[str, Checkpoint] | None:
        """Return the file and the content in which the companion is kept that the last epoch trained alone, if it is to be."""
        role = self.trainer.stage.alone if self.trainer else ""
        trained = next((each for each in self.companions if each.recipe.role == role and each.recipe.keep), None)
        if trained is None or not self.history:
            return None
        now, data = trained.snapshot(), self.dataset
        accuracy = self.history[-1].test_accuracy
        source = getattr(trained.network, "source", "")
        content = Checkpoint(
            now.config, data.input, data.labels, now.phase, now.weights, accuracy, list(self.history), source=source
        )
        return trained.recipe.keep, content

    def _resumable(self) -> ResumeState | None:
        """Return the state after the last finished epoch; None before the first one, and once all are finished."""
        if self.trainer is None or self.ended or len(self.history) in (0, epochs_of(self.config)):
            return None
        return ResumeState.of(self.companions, self.trainer.optimizer)

    def run(self, callback: Callback) -> Iterator[Epoch]:
        """Train through all stages, yielding the metrics of each finished epoch. Raises TrainingError."""
        place = 0  # in the history, of the stage's first epoch
        settled = False  # whether an epoch has moved the statistics to what the quantized weights give
        for stage in stages(self.config):
            own = self._epochs_of(stage, place)
            place += len(own)
            if own and len(self.history) > place:
                settled |= stage.phase is Phase.QUANTIZED and not stage.alone
                continue  # a resumed run is beyond this stage
            self._enter(stage.phase, settled=settled)
            settled |= stage.phase is Phase.QUANTIZED and stage.epochs > 0 and not stage.alone
            self.trainer = Trainer(self.config, stage, self.base, self.companions, self.launched, len(self.data.train))
            if self.state is not None and own:
                self._restore_optimizer(self.trainer, self.state)
            while len(own) < stage.epochs and not ran_out(own, self.config.patience):
                own.append(self._epoch(self.trainer, len(own), callback))
                self.history.append(own[-1])
                place += 1
                callback.epoch(own[-1])
                yield own[-1]
        self.ended = True

    def _epochs_of(self, stage: Stage, place: int) -> list[Epoch]:
        """Return the epochs of a stage that begins at a place of the history; fewer than it has if it was stopped early."""
        return list(takewhile(lambda epoch: epoch.stage == stage.name, self.history[place : place + stage.epochs]))

    @property
    def at_best(self) -> bool:
        """Whether the last epoch gave the best network so far of those that can be exported, by held-out samples."""
        stage = self.trainer.stage if self.trainer else None
        if stage is None or stage.phase is not Phase.INTEGER or stage.alone or not self.history:
            return False
        return is_best([epoch for epoch in self.history if epoch.stage == stage.name])

    def _enter(self, phase: Phase, *, settled: bool) -> None:
        if self.base.phase is phase:
            return
        self.accuracy = None
        if phase is Phase.INTEGER and not settled:
            self.base.set_phase(Phase.QUANTIZED)
            self._settle()
            self._settle_mode()
        self.base.set_phase(phase)

    @torch.no_grad()
    def _settle(self) -> None:
        """Let the running statistics follow the weights as they are now."""
        self.base.train()
        rank, processes = self.launched.global_rank, self.launched.world_size
        for number in range(SETTLING_STEPS):
            random = generator(self.config.seed, number)
            own, _ = next(batches_of_epoch(self.config, len(self.data.train), random, rank, processes))
            self.base(self.data.train.as_input(self.data.train.taken(own)))

    def _settle_mode(self) -> None:
        """Give layers with a posterior the statistics of their mode, which is what is tested and exported."""
        if any(posterior_layers(self.base)):
            reestimate(self.base, statistics_batches(self.data.train))

    @staticmethod
    def _restore_optimizer(trainer: Trainer, state: ResumeState) -> None:
        restored(lambda: trainer.optimizer.load_state_dict(state.optimizer))

    def _epoch(self, trainer: Trainer, done: int, callback: Callback) -> Epoch:
        number, stage = len(self.history) + 1, trainer.stage
        started = time.perf_counter()
        metrics = trainer.epoch(self.data.train, number, done, callback)
        speed = metrics.samples / (time.perf_counter() - started)
        self._settle_mode()
        network = companion_of(stage, self.companions) if stage.alone else self.base
        tested = evaluate_companion(network, self.watched, self.launched.global_rank, self.launched.world_size)
        if not stage.alone:
            self.accuracy = tested.accuracy
        validation = None
        if self.validation is not None:
            ranks = self.launched.global_rank, self.launched.world_size
            validation = evaluate_companion(network, self.validation, *ranks).accuracy
        return Epoch(
            number,
            stage.name,
            metrics.loss,
            metrics.matching,
            metrics.matching_share,
            metrics.accuracy,
            tested.accuracy,
            speed,
            tested.firing_rates,
            sparsity(network) if isinstance(network, SpikingNetwork) else {},
            certainty(network),
            validation,
        )


def train(
    config: TrainConfig,
    dataset: Dataset,
    build: Build,
    out: str | Path,
    *,
    callbacks: Iterable[Callback] = (),
    resume: Checkpoint | None = None,
    start: Start | None = None,
) -> Checkpoint:
    """Train on a dataset, write the checkpoint `out` (a .pt file) after every epoch, and return the last one.

    `build(config)` returns an untrained network; `start(network)` may give the base network other weights, in place.
    `resume` continues after the last epoch of a checkpoint whose training was interrupted, to the same bits as if it had not
    been. With `config.validation`, the best epoch of the integer phase is kept beside it (`best_of`). Ctrl-C leaves the last
    finished epoch and raises KeyboardInterrupt; before the first one nothing is written. Of several processes the first one
    writes, and no other run may while it does.
    Raises ConfigError, DataError, TrainingError (the file keeps the last good epoch), or SnncError if the file cannot be
    written.
    """
    check_outputs(config, out)
    training = Training(config, dataset, build, resume, start)
    writes = training.launched.global_rank == 0
    if writes:
        check_writable(out)
    saved = len(training.history)
    try:
        for epoch in training.run(Callbacks(*callbacks) if writes else Callback()):
            if writes:
                save_checkpoint(training.checkpoint(), out)
                if training.at_best:
                    save_checkpoint(replace(training.checkpoint(), resume=None), best_of(out))
                if kept := training.companion_checkpoint():
                    save_checkpoint(kept[1], kept[0])
            saved = epoch.number
    except KeyboardInterrupt:
        if writes and saved < len(training.history):  # it came while the last epoch was written
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
