"""Training from start to end: every method and weight, repeatability, teachers, and what is refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from training_runs import ONE_EACH, TINY, Interrupting, run

import snnc
from snnc.export import TARGETS
from snnc.models import build_model, load_model
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import ConfigError, TrainingError
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.quantize import WEIGHTS
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import Network
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.checkpoint import Checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.evaluation import evaluate
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.metrics import Epoch
from snnc.toolchain.training.train import train
from snnc.verification.verify import verify


def test_training_learns(tiny: Checkpoint) -> None:
    assert [epoch.stage for epoch in tiny.history] == ["float"] * 2 + ["quantized"] * 2 + ["integer"] * 2
    assert tiny.history[-1].loss < tiny.history[0].loss
    assert tiny.phase is Phase.INTEGER


def test_some_more_epochs_bring_a_tiny_network_to_two_thirds(tmp_path: Path, digits: Dataset) -> None:
    config = TINY.replaced(epochs_float=5, epochs_quantized=5, epochs_integer=4)
    assert run(config, digits, tmp_path / "model.pt").accuracy > 0.65  # six seeds gave 0.69 to 0.77


def assert_every_format_holds(network: Network, folder: Path) -> None:
    for name, target in TARGETS.items():
        path = folder / f"model{target.suffix}"
        target.write(network, path)
        assert target.read(path) == network, name


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_method_trains_lowers_and_is_equal(tmp_path: Path, digits: Dataset, method: str, weights: str) -> None:
    checkpoint = run(ONE_EACH.replaced(method=method, weights=weights), digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    network = lower(model)
    samples = chip_input(digits.test, digits.input)
    ours, theirs = simulate(network, samples), model.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
    assert (ours.outputs(network).argmax(1) == digits.test.labels).mean() == checkpoint.accuracy
    assert_every_format_holds(network, tmp_path)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", ["mlp", "cifarnet"])
def test_every_method_trains_on_events_and_is_equal(tmp_path: Path, method: str, model: str) -> None:
    config = ONE_EACH.replaced(method=method, model=model, data="digits-events", shift=1)
    events = load_dataset(config.data, config.timesteps)
    few = Dataset(events.name, events.train.first(256), events.test.first(60), events.labels, events.input)
    train(config, few, lambda c: build_model(c, few.input, 10), tmp_path / "model.pt")
    trained, _ = load_model(tmp_path / "model.pt")
    network, samples = lower(trained), chip_input(few.test, few.input)
    ours, theirs = simulate(network, samples), trained.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
    assert_every_format_holds(network, tmp_path)
    assert verify(network, few.test, model=trained, engines=["torch", "tensor"]).equal


def test_a_phase_without_epochs_is_measured_again(tmp_path: Path, digits: Dataset) -> None:
    checkpoint = run(ONE_EACH.replaced(epochs_integer=0), digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    assert checkpoint.phase is Phase.INTEGER
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy


def test_statistics_follow_weights_that_no_epoch_has_quantized(tmp_path: Path, digits: Dataset) -> None:
    """Thresholds come from the deviation of the sums: of ternary weights, not of the floats trained before."""
    config = TINY.replaced(model="cifarnet", width=0.06, epochs_float=4, epochs_quantized=0, epochs_integer=1, lr_integer=0.0)
    run(config, digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    kept = [float(layer.normalize.deviation.mean()) for layer in model.hidden]
    model.set_phase(Phase.QUANTIZED)
    model.train()
    for layer in model.hidden:
        layer.normalize.momentum = 1.0
    with torch.no_grad():
        model(torch.from_numpy(chip_input(digits.train, digits.input)))
    assert kept == pytest.approx([float(layer.normalize.deviation.mean()) for layer in model.hidden], rel=0.1)


def test_weights_that_are_not_finite_never_reach_the_file(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.replaced(seed=5), digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()

    def broken(config: TrainConfig) -> SpikingNetwork:
        network = build_model(config, digits.input, 10)
        network.readout.bias.data[3] = float("inf")  # softmax may still be finite for a while
        return network

    with pytest.raises(TrainingError, match="in stage float; lower the learning rate"):
        train(ONE_EACH, digits, broken, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == before


def test_too_few_samples_are_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"1 training samples are too few for 1 process\(es\); each needs at least 2"):
        run(ONE_EACH, replace(digits, train=digits.train.first(1)), tmp_path / "model.pt")


def test_a_teacher_of_a_file_takes_the_place_of_the_twin(tmp_path: Path, digits: Dataset) -> None:
    teacher = run(ONE_EACH.replaced(width=0.05, method="baseline"), digits, tmp_path / "teacher.pt")
    path = str(tmp_path / "teacher.pt")
    student = run(ONE_EACH.replaced(method="kd", teacher=path), digits, tmp_path / "model.pt")
    assert [epoch.stage for epoch in student.history] == ["float", "quantized", "integer"]
    assert teacher.weights["layers.2.synapses.0.weight"].shape != student.weights["layers.2.synapses.0.weight"].shape
    with pytest.raises(ConfigError, match="method 'tna' has no setting 'teacher'; leave it out, or choose one of kd, kd-ce"):
        run(ONE_EACH.replaced(teacher=path), digits, tmp_path / "model.pt")
    with pytest.raises(ConfigError, match="which the same command reads; name another file"):
        run(ONE_EACH.replaced(method="kd", teacher=path), digits, tmp_path / "teacher.pt")
    with pytest.raises(ConfigError, match="checkpoint .* of the twin was trained on other data than 'digits-events' is now"):
        events = load_dataset("digits-events", 3)
        config = ONE_EACH.replaced(method="kd", teacher=path, data="digits-events")
        train(config, events, lambda c: build_model(c, events.input, 10), tmp_path / "model.pt")


def test_a_seed_repeats_a_run_to_the_last_bit(tmp_path: Path, digits: Dataset) -> None:
    runs = [run(ONE_EACH.replaced(seed=seed), digits, tmp_path / "model.pt") for seed in (1, 1, 2)]
    same = [torch.equal(runs[0].weights[name], runs[1].weights[name]) for name in runs[0].weights]
    assert all(same)
    assert not torch.equal(runs[0].weights["layers.2.bias"], runs[2].weights["layers.2.bias"])


def test_a_failed_run_keeps_the_last_good_checkpoint(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.replaced(seed=5), digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()
    with pytest.raises(TrainingError):
        run(ONE_EACH.replaced(alpha=1e30), digits, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "twins"}, "method 'twins' is unknown; allowed are baseline, tna, tna3, kd, kd-ce"),
        ({"weights": "int4"}, "weights 'int4' is unknown; allowed are float, ternary, binary"),
        ({"device": "quantum"}, "device 'quantum' cannot be used: .*; try cpu"),
        ({"device": "meta"}, "device 'meta' cannot be used: .*; try cpu"),
        ({"beta": 1.5}, "beta"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_written(
    tmp_path: Path, digits: Dataset, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(TINY.replaced(**change), digits, tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_suffix_is_refused_at_once(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match="must end in .pt"):
        run(TINY, digits, tmp_path / "model.pth")
    assert not list(tmp_path.iterdir())


def test_a_membrane_without_leak_trains_and_lowers(tmp_path: Path, digits: Dataset) -> None:
    assert run(ONE_EACH.replaced(beta=1.0, timesteps=2), digits, tmp_path / "model.pt").accuracy > 0.1
    assert abs(lower(load_model(tmp_path / "model.pt")[0]).layers[0].synapses[0].weight).max() > 30


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_schedules(tmp_path: Path, digits: Dataset, schedule: str) -> None:
    assert run(ONE_EACH.replaced(schedule=schedule), digits, tmp_path / "model.pt").accuracy > 0.1


def test_without_a_dataset_and_a_model_the_configuration_names_both(tmp_path: Path, digits: Dataset) -> None:
    config = ONE_EACH.replaced(model="cifarnet", width=0.02, epochs_float=0, epochs_quantized=0)
    named = snnc.train(config, tmp_path / "named.pt")
    given = snnc.train(
        config, tmp_path / "given.pt", dataset=digits, build=lambda c: build_model(c, digits.input, len(digits.labels))
    )
    assert named.weights.keys() == given.weights.keys()
    assert all(torch.equal(named.weights[name], given.weights[name]) for name in given.weights)


def test_callbacks_are_called_in_order_and_a_path_can_be_resumed(tmp_path: Path) -> None:
    seen: list[str] = []

    class Noting(Callback):
        def __init__(self, name: str):
            self.name = name

        def epoch(self, metrics: Epoch) -> None:
            seen.append(f"{self.name}{metrics.number}")

    with pytest.raises(KeyboardInterrupt):
        snnc.train(ONE_EACH, tmp_path / "model.pt", callbacks=[Noting("a"), Noting("b"), Interrupting(2)])
    assert seen == ["a1", "b1", "a2", "b2"]
    done = snnc.train(ONE_EACH, tmp_path / "model.pt", callbacks=[Noting("c")], resume=tmp_path / "model.pt")
    assert (seen[4:], len(done.history)) == (["c3"], 3)
