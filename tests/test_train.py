"""Training: phases, repeatability, interruption, augmentation, and what is refused."""

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY

import snnc.toolchain.train as train_module
from snnc.engines import ENGINES, Subject, verify
from snnc.models import build_model, load_model
from snnc.toolchain.checkpoint import Checkpoint, Epoch, load_checkpoint
from snnc.toolchain.config import TrainConfig
from snnc.toolchain.dataset import Dataset, chip_input
from snnc.toolchain.datasets import load_dataset
from snnc.toolchain.errors import ConfigError, LoweringError, TrainingError
from snnc.toolchain.evaluation import evaluate
from snnc.toolchain.launch import OneProcess
from snnc.toolchain.layers import Phase
from snnc.toolchain.learner import Learner
from snnc.toolchain.lower import lower
from snnc.toolchain.methods import METHODS
from snnc.toolchain.quantize import WEIGHTS
from snnc.toolchain.simulate import simulate
from snnc.toolchain.spiking_network import SpikingNetwork
from snnc.toolchain.stages import stages
from snnc.toolchain.train import Training, train
from snnc.toolchain.training_data import on_device
from snnc.toolchain.watching import Unwatched

ONE_EACH = TINY.but(epochs_float=1, epochs_quantised=1, epochs_integer=1)


def run(
    config: TrainConfig, digits: Dataset, out: Path, watcher: object = None, resume: Checkpoint | None = None
) -> Checkpoint:
    return train(config, digits, lambda c: build_model(c, digits.input, 10), out, watcher, resume)  # type: ignore[arg-type]


def test_training_learns(tiny: Checkpoint) -> None:
    assert tiny.accuracy > 0.4
    assert [epoch.phase for epoch in tiny.history] == ["float"] * 2 + ["quantised"] * 2 + ["integer"] * 2
    assert tiny.history[-1].loss < tiny.history[0].loss
    assert tiny.phase is Phase.INTEGER


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("weights", WEIGHTS)
def test_every_method_trains_lowers_and_is_equal(tmp_path: Path, digits: Dataset, method: str, weights: str) -> None:
    checkpoint = run(ONE_EACH.but(method=method, weights=weights), digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    network = lower(model)
    samples = chip_input(digits.test, digits.input)
    ours, theirs = simulate(network, samples), model.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
    assert (ours.outputs(network).argmax(1) == digits.test.labels).mean() == checkpoint.accuracy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("model", ["dense", "cifarnet"])
def test_every_method_trains_on_events_and_is_equal(tmp_path: Path, method: str, model: str) -> None:
    config = ONE_EACH.but(method=method, model=model, data="digits-events", shift=1)
    events = load_dataset(config.data, config.timesteps)
    few = Dataset(events.name, events.train.first(256), events.test.first(60), events.labels, events.input)
    train(config, few, lambda c: build_model(c, few.input, 10), tmp_path / "model.pt")
    trained, _ = load_model(tmp_path / "model.pt")
    network, samples = lower(trained), chip_input(few.test, few.input).swapaxes(0, 1)
    ours, theirs = simulate(network, samples), trained.trace(samples)
    for layer in network.layers:
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
    subject = Subject(network, trained)
    assert verify(subject, few.test, ["torch", *["fast"] * (ENGINES["fast"].missing(subject) is None)]).equal


def test_a_frozen_twin_learns_first_and_then_stays(digits: Dataset) -> None:
    training = Training(ONE_EACH.but(method="kd-ce"), digits, lambda c: build_model(c, digits.input, 10))
    start = training.base.readout.synapses.weight.detach().clone()
    epochs = training.run(Unwatched())
    assert [next(epochs).phase, next(epochs).phase] == ["twin", "twin"]
    assert torch.equal(start, training.base.readout.synapses.weight)
    learned = {name: value.clone() for name, value in training.twins[0].state_dict().items()}
    assert [epoch.phase for epoch in epochs] == ["float", "quantised", "integer"]
    assert all(torch.equal(learned[name], value) for name, value in training.twins[0].state_dict().items())
    assert not torch.equal(start, training.base.readout.synapses.weight)
    assert training.history[-1].matching_loss > 0


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_checkpoint_tells_the_accuracy_of_its_own_weights(tmp_path: Path, digits: Dataset, method: str, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH.but(method=method, epochs_quantised=2), digits, tmp_path / "model.pt", Interrupting(after))
    model, checkpoint = load_model(tmp_path / "model.pt")
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy


def test_a_phase_without_epochs_is_measured_anew(tmp_path: Path, digits: Dataset) -> None:
    checkpoint = run(ONE_EACH.but(epochs_integer=0), digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    assert checkpoint.phase is Phase.INTEGER
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy


def test_statistics_follow_weights_that_no_epoch_has_quantised(tmp_path: Path, digits: Dataset) -> None:
    """Thresholds come from the deviation of the sums: of ternary weights, not of the floats trained before."""
    config = TINY.but(model="cifarnet", width=0.06, epochs_float=4, epochs_quantised=0, epochs_integer=1, lr_integer=0.0)
    run(config, digits, tmp_path / "model.pt")
    model, _ = load_model(tmp_path / "model.pt")
    kept = [float(layer.normalise.deviation.mean()) for layer in model.hidden]
    model.hold(Phase.QUANTISED)
    model.train()
    for layer in model.hidden:
        layer.normalise.momentum = 1.0
    with torch.no_grad():
        model(torch.from_numpy(chip_input(digits.train, digits.input)))
    assert kept == pytest.approx([float(layer.normalise.deviation.mean()) for layer in model.hidden], rel=0.1)


def test_data_that_have_changed_are_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(1))
    changed = replace(digits, input=replace(digits.input, zero_point=4, minimum=-4, maximum=12))
    with pytest.raises(ConfigError, match="the checkpoint was trained on other data than 'digits' is now"):
        run(ONE_EACH, changed, tmp_path / "model.pt", resume=load_checkpoint(tmp_path / "model.pt"))


def test_weights_that_are_not_finite_never_reach_the_file(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.but(seed=5), digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()

    def broken(config: TrainConfig) -> SpikingNetwork:
        network = build_model(config, digits.input, 10)
        network.readout.bias.data[3] = float("inf")  # softmax may still be finite for a while
        return network

    with pytest.raises(TrainingError, match="in phase float; lower the learning rate"):
        train(ONE_EACH, digits, broken, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == before


def test_too_few_samples_are_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match=r"1 training samples are too few for 1 process\(es\); each needs at least 2"):
        run(ONE_EACH, replace(digits, train=digits.train.first(1)), tmp_path / "model.pt")


def test_a_teacher_of_a_file_takes_the_place_of_the_twin(tmp_path: Path, digits: Dataset) -> None:
    teacher = run(ONE_EACH.but(width=0.05, method="baseline"), digits, tmp_path / "teacher.pt")
    path = str(tmp_path / "teacher.pt")
    student = run(ONE_EACH.but(method="kd", teacher=path), digits, tmp_path / "model.pt")
    assert [epoch.phase for epoch in student.history] == ["float", "quantised", "integer"]
    assert teacher.weights["readout.synapses.weight"].shape != student.weights["readout.synapses.weight"].shape
    with pytest.raises(ConfigError, match="method 'tna' takes no teacher; leave it out, or choose one of kd, kd-ce"):
        run(ONE_EACH.but(teacher=path), digits, tmp_path / "model.pt")
    with pytest.raises(ConfigError, match="is the teacher's own file; name another with --output"):
        run(ONE_EACH.but(method="kd", teacher=path), digits, tmp_path / "teacher.pt")
    with pytest.raises(ConfigError, match="teacher .* was trained on other data than 'digits-events' is now"):
        events = load_dataset("digits-events", 3)
        config = ONE_EACH.but(method="kd", teacher=path, data="digits-events")
        train(config, events, lambda c: build_model(c, events.input, 10), tmp_path / "model.pt")


def test_accumulated_batches_make_the_step_of_one_large_batch(digits: Dataset) -> None:
    """In the integer phase, where statistics are fixed, the gradients are the same."""
    config = ONE_EACH.but(dropout=0.0, method="tna")
    samples = on_device(digits.train, digits.input, torch.device("cpu"))
    x, labels = next(samples.batches(96))
    gradients = []
    for batches in ([(x, labels)], [(x[:64], labels[:64]), (x[64:], labels[64:])]):
        torch.manual_seed(0)
        base, twin = (build_model(config, digits.input, 10) for _ in range(2))
        for network in (base, twin):
            torch.nn.init.uniform_(network.hidden[1].synapses.weight, -0.3, 0.3)
            network.enter(Phase.INTEGER)
        learner = Learner(config, stages(config)[2], base, [twin], OneProcess(torch.device("cpu")))
        learner._step(batches)
        gradients.append([weight.grad.clone() for weight in learner._module.parameters() if weight.grad is not None])
    assert len(gradients[0]) > 4
    for one, other in zip(*gradients, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-6 + 1e-3 * float(one.abs().max()))  # a test of training


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_every_epoch_has_the_learning_rate_of_its_schedule(digits: Dataset, schedule: str) -> None:
    config = ONE_EACH.but(schedule=schedule, epochs_float=3, decay_every=2, gamma=0.5)
    training = Training(config, digits, lambda c: build_model(c, digits.input, 10))
    seen = []
    for _ in training.run(Unwatched()):
        assert training.learner
        seen.append(training.learner.optimizer.param_groups[0]["lr"])
    expected = [0.01, 0.0075, 0.0025] if schedule == "cosine" else [0.01, 0.01, 0.005]
    assert seen == pytest.approx([*expected, 0.01, 0.002])


def test_accumulation_counts_the_steps_of_the_optimiser(digits: Dataset) -> None:
    steps = []

    class Counting(Unwatched):
        def step(self, stage: str, loss: float, matching: float) -> None:
            steps.append(loss)

    training = Training(ONE_EACH.but(accumulate=4), digits, lambda c: build_model(c, digits.input, 10))
    next(training.run(Counting()))
    batches = -(-len(digits.train) // ONE_EACH.batch_size)
    assert len(steps) == -(-batches // 4)


def test_a_seed_repeats_a_run_to_the_last_bit(tmp_path: Path, digits: Dataset) -> None:
    runs = [run(ONE_EACH.but(seed=seed), digits, tmp_path / "model.pt") for seed in (1, 1, 2)]
    same = [torch.equal(runs[0].weights[name], runs[1].weights[name]) for name in runs[0].weights]
    assert all(same)
    assert not torch.equal(runs[0].weights["readout.bias"], runs[2].weights["readout.bias"])


def test_the_twin_is_another_network_and_the_base_learns_from_it(digits: Dataset) -> None:
    training = Training(ONE_EACH.but(alpha=10.0), digits, lambda c: build_model(c, digits.input, 10))
    base, (twin,) = training.base, training.twins
    assert not torch.equal(base.readout.synapses.weight, twin.readout.synapses.weight)
    before = twin.readout.synapses.weight.detach().clone()
    next(training.run(Unwatched()))
    assert not torch.equal(before, twin.readout.synapses.weight)
    assert training.history[0].matching_loss > 0


class Interrupting:
    """A watcher that presses Ctrl-C in the middle of the given epoch."""

    def __init__(self, epochs: int):
        self.left = epochs

    def step(self, stage: str, loss: float, matching: float) -> None:
        if self.left == 0:
            raise KeyboardInterrupt

    def epoch(self, metrics: Epoch) -> None:
        self.left -= 1


def test_ctrl_c_in_the_first_epoch_spares_an_older_file(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH, digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH.but(seed=9), digits, tmp_path / "model.pt", Interrupting(0))
    assert (tmp_path / "model.pt").read_bytes() == before


@pytest.mark.parametrize("after", [0, 1, 2])
def test_ctrl_c_leaves_a_loadable_checkpoint(tmp_path: Path, digits: Dataset, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(after))
    checkpoint = load_checkpoint(tmp_path / "model.pt")
    assert len(checkpoint.history) == after
    model, _ = load_model(tmp_path / "model.pt")
    with pytest.raises(LoweringError, match="train it through the integer phase"):
        lower(model)
    assert list(tmp_path.iterdir()) == [tmp_path / "model.pt"]


def test_an_exploding_loss_stops_with_advice(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(
        TrainingError, match=r"the loss became \d.*e\+\d\d in phase float; lower the learning rate \(it is 0.01\) or alpha"
    ):
        run(ONE_EACH.but(alpha=1e9), digits, tmp_path / "model.pt")


def test_a_failed_run_keeps_the_last_good_checkpoint(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.but(seed=5), digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()
    with pytest.raises(TrainingError):
        run(ONE_EACH.but(alpha=1e30), digits, tmp_path / "model.pt")
    assert (tmp_path / "model.pt").read_bytes() == before


def test_a_checkpoint_after_ctrl_c_tells_its_own_accuracy(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(2))
    model, checkpoint = load_model(tmp_path / "model.pt")
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy
    assert checkpoint.accuracy == checkpoint.history[-1].test_accuracy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "twins"}, "method 'twins' is unknown; allowed are baseline, tna, tna3, kd, kd-ce"),
        ({"weights": "int4"}, "weights 'int4' is unknown; allowed are float, ternary, binary"),
        ({"device": "quantum"}, "device 'quantum' cannot be used: .*; try cpu"),
        ({"device": "meta"}, "device 'meta' cannot be used: .*; try cpu"),
        ({"leak": 0.3}, "leak 0.3 is not k / 4096"),
    ],
)
def test_unknown_names_are_refused_before_anything_is_written(
    tmp_path: Path, digits: Dataset, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(TINY.but(**change), digits, tmp_path / "model.pt")
    assert not list(tmp_path.iterdir())


def test_a_checkpoint_of_another_suffix_is_refused_at_once(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(ConfigError, match="must end in .pt"):
        run(TINY, digits, tmp_path / "model.pth")
    assert not list(tmp_path.iterdir())


def test_a_membrane_without_leak_trains_and_lowers(tmp_path: Path, digits: Dataset) -> None:
    assert run(ONE_EACH.but(leak=1.0, timesteps=2), digits, tmp_path / "model.pt").accuracy > 0.1
    assert abs(lower(load_model(tmp_path / "model.pt")[0]).layers[0].synapses[0].weight).max() > 30


@pytest.mark.parametrize("schedule", ["cosine", "exponential"])
def test_schedules(tmp_path: Path, digits: Dataset, schedule: str) -> None:
    assert run(ONE_EACH.but(schedule=schedule), digits, tmp_path / "model.pt").accuracy > 0.1


SEVERAL = TINY.but(epochs_float=2, epochs_quantised=2, epochs_integer=2)


def test_resuming_needs_no_file_of_the_teacher(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.but(width=0.05), digits, tmp_path / "teacher.pt")
    config = ONE_EACH.but(method="kd-ce", teacher=str(tmp_path / "teacher.pt"), schedule="exponential", accumulate=3)
    whole = run(config, digits, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(config, digits, tmp_path / "part.pt", Interrupting(2))
    (tmp_path / "teacher.pt").unlink()
    resumed = run(config, digits, tmp_path / "part.pt", resume=load_checkpoint(tmp_path / "part.pt"))
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", range(1, 6))
def test_resuming_gives_the_very_bits(tmp_path: Path, digits: Dataset, after: int, method: str) -> None:
    config = SEVERAL.but(method=method)
    whole = run(config, digits, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(config, digits, tmp_path / "part.pt", Interrupting(after))
    torch.manual_seed(99)  # whatever else has drawn numbers since
    resumed = run(config, digits, tmp_path / "part.pt", resume=load_checkpoint(tmp_path / "part.pt"))
    assert resumed.weights.keys() == whole.weights.keys()
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)
    timeless = [[replace(epoch, images_per_second=0.0) for epoch in run.history] for run in (whole, resumed)]
    assert timeless[0] == timeless[1]
    assert load_checkpoint(tmp_path / "part.pt").resume is None


def test_what_cannot_be_resumed_is_refused(tmp_path: Path, digits: Dataset) -> None:
    done = run(ONE_EACH, digits, tmp_path / "model.pt")
    with pytest.raises(ConfigError, match="nothing to resume: its training has ended"):
        run(ONE_EACH, digits, tmp_path / "again.pt", resume=done)
    for state in ({"twins": []}, {key: [] for key in train_module.STATE}):
        with pytest.raises(ConfigError, match="the checkpoint cannot be resumed"):
            run(ONE_EACH, digits, tmp_path / "again.pt", resume=replace(done, resume=state))


@pytest.mark.slow
def test_twenty_kills_in_a_row_cost_nothing_but_time(tmp_path: Path) -> None:
    """SIGKILL at random moments: the file can always be read, and the end is that of a run without kills."""
    epochs = "--epochs-float 40 --epochs-quantised 30 --epochs-integer 20"
    settings = f"--model dense --width 0.03 --timesteps 3 {epochs} -q".split()
    start = [sys.executable, "-m", "snnc", "train"]
    subprocess.run([*start, *settings, "-o", "whole.pt"], cwd=tmp_path, check=True)
    path, rng, kills = tmp_path / "part.pt", random.Random(0), 0
    command = [*start, *settings, "-o", "part.pt"]
    while kills < 20:
        with subprocess.Popen(command, cwd=tmp_path) as child:
            deadline, written = time.monotonic() + 60, path.stat().st_mtime_ns if path.exists() else 0
            while child.poll() is None and (not path.exists() or path.stat().st_mtime_ns == written):
                assert time.monotonic() < deadline
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 0.06))
            child.kill()
        kills += 1
        if load_checkpoint(path).resume is None:
            break
        command = [*start, "--resume", "part.pt", "-q"]
    subprocess.run(command, cwd=tmp_path, check=load_checkpoint(path).resume is not None)
    whole, part = load_checkpoint(tmp_path / "whole.pt"), load_checkpoint(path)
    assert kills == 20
    assert all(torch.equal(part.weights[name], whole.weights[name]) for name in whole.weights)
