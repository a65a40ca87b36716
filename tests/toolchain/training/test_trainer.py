"""One stage of training: who learns, with which steps and rates, and what stops it."""

from math import pi
from pathlib import Path

import pytest
import torch
from torch import Tensor
from training_runs import ONE_EACH, run

import snnc.toolchain.training.trainer as trainer_module
from snnc.models import build_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import TrainingError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.augment import Moves
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.companions import BuiltCompanion
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.launch import OneProcess
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.stages import stages
from snnc.toolchain.training.train import Training, train
from snnc.toolchain.training.trainer import Trainer


def test_accumulated_batches_make_the_step_of_one_large_batch(digits: Dataset) -> None:
    """In the integer phase, where statistics are fixed, the gradients are the same."""
    config = ONE_EACH.replaced(dropout=0.0, method="tna")
    samples = on_device(digits.train, digits.input, torch.device("cpu"))
    x, labels = next(samples.batches(96))
    gradients = []
    for batches in ([(x, labels)], [(x[:64], labels[:64]), (x[64:], labels[64:])]):
        torch.manual_seed(0)
        base, twin = (build_model(config, digits.input, 10) for _ in range(2))
        for network in (base, twin):
            torch.nn.init.uniform_(network.hidden[1].synapses[0].weight, -0.3, 0.3)
            network.set_phase(Phase.INTEGER)
        trainer = Trainer(
            config,
            stages(config)[2],
            base,
            [BuiltCompanion(METHODS["tna"].networks(config)[0], config, twin)],
            OneProcess(torch.device("cpu")),
            len(samples),
        )
        trainer._step(batches)
        gradients.append([weight.grad.clone() for weight in trainer._module.parameters() if weight.grad is not None])
    assert len(gradients[0]) > 4
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6 + 1e-3 * float(one.abs().max()))  # a test of training


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_every_epoch_has_the_learning_rate_of_its_schedule(digits: Dataset, schedule: str) -> None:
    config = ONE_EACH.replaced(schedule=schedule, epochs_float=3, decay_every=2, gamma=0.5)
    training = Training(config, digits, lambda c: build_model(c, digits.input, 10))
    seen = []
    for _ in training.run(Callback()):
        assert training.trainer
        seen.append(training.trainer.optimizer.param_groups[0]["lr"])
    expected = [0.01, 0.0075, 0.0025] if schedule == "cosine" else [0.01, 0.01, 0.005]
    assert seen == pytest.approx([*expected, 0.01, 0.002])


def test_accumulation_counts_the_steps_of_the_optimizer(digits: Dataset) -> None:
    steps = []

    class Counting(Callback):
        def step(self, stage: str, loss: float, matching: float) -> None:
            steps.append(loss)

    training = Training(ONE_EACH.replaced(accumulate=4), digits, lambda c: build_model(c, digits.input, 10))
    next(training.run(Counting()))
    batches = -(-len(digits.train) // ONE_EACH.batch_size)
    assert len(steps) == -(-batches // 4)


def test_an_exploding_loss_stops_with_advice(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(
        TrainingError, match=r"the loss became \d.*e\+\d\d in stage float; lower the learning rate \(it is 0.01\) or alpha"
    ):
        run(ONE_EACH.replaced(alpha=1e9), digits, tmp_path / "model.pt")


def test_a_frozen_twin_learns_first_and_then_stays(digits: Dataset) -> None:
    training = Training(ONE_EACH.replaced(method="kd-ce"), digits, lambda c: build_model(c, digits.input, 10))
    start = training.base.readout.synapses[0].weight.detach().clone()
    epochs = training.run(Callback())
    assert [next(epochs).stage, next(epochs).stage] == ["twin", "twin"]
    assert torch.equal(start, training.base.readout.synapses[0].weight)
    metrics = {name: value.clone() for name, value in training.companions[0].network.state_dict().items()}
    assert [epoch.stage for epoch in epochs] == ["float", "quantized", "integer"]
    assert all(torch.equal(metrics[name], value) for name, value in training.companions[0].network.state_dict().items())
    assert not torch.equal(start, training.base.readout.synapses[0].weight)
    assert training.history[-1].matching_loss > 0


def test_the_twin_is_another_network_and_the_base_learns_from_it(digits: Dataset) -> None:
    training = Training(ONE_EACH.replaced(alpha=10.0), digits, lambda c: build_model(c, digits.input, 10))
    base, twin = training.base, training.companions[0].network
    assert isinstance(twin, SpikingNetwork)
    assert not torch.equal(base.readout.synapses[0].weight, twin.readout.synapses[0].weight)
    before = twin.readout.synapses[0].weight.detach().clone()
    next(training.run(Callback()))
    assert not torch.equal(before, twin.readout.synapses[0].weight)
    assert training.history[0].matching_loss > 0


@pytest.mark.parametrize(("method", "least", "most"), [("baseline", 0, 0), ("tna", 1e-5, 0.2), ("kd", 1, 1)])
def test_the_share_of_the_matching_loss_is_that_of_the_loss(digits: Dataset, method: str, least: float, most: float) -> None:
    training = Training(ONE_EACH.replaced(method=method), digits, lambda c: build_model(c, digits.input, 10))
    last = list(training.run(Callback()))[-1]
    assert least <= last.matching_share <= most
    if method == "tna":
        assert last.matching_share == pytest.approx(0.1 * last.matching_loss / last.loss)


def test_a_loss_that_is_no_number_stops_with_advice(tmp_path: Path, digits: Dataset) -> None:
    def broken(config: TrainConfig) -> SpikingNetwork:
        network = build_model(config, digits.input, 10)
        network.readout.bias.data[3] = float("nan")
        return network

    advice = r"the loss became nan in stage float; lower the learning rate \(it is 0.01\) or alpha"
    with pytest.raises(TrainingError, match=advice):
        train(ONE_EACH, digits, broken, tmp_path / "model.pt")


def test_training_is_augmented_as_the_settings_say(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Moves] = []

    def noted(samples: Tensor, moves: Moves) -> Tensor:
        seen.append(moves)
        return samples

    monkeypatch.setattr(trainer_module, "augmented", noted)
    config = ONE_EACH.replaced(shift=2, flip=0.5, rotate=20.0, shear=10.0)
    next(Training(config, digits, lambda c: build_model(c, digits.input, 10)).run(Callback()))
    assert sum(len(moves.rows) for moves in seen) == len(digits.train)
    assert set(torch.cat([moves.rows for moves in seen]).tolist()) == set(range(-2, 3))
    assert 0.4 < float(torch.cat([moves.mirrored for moves in seen]).float().mean()) < 0.6
    for name, degrees in (("rotation", 20), ("shear", 10)):
        most = float(torch.cat([getattr(moves, name) for moves in seen]).abs().max()) * 180 / pi
        assert 0.9 * degrees < most <= degrees + 1e-4
