"""Interrupted training: what Ctrl-C and SIGKILL leave, and that a resumed run ends with the same bits."""

import random
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from training_runs import ONE_EACH, TINY, Interrupting, run

from snnc.models import load_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError, LoweringError
from snnc.toolchain.lower import lower
from snnc.toolchain.training.batches import on_device
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.toolchain.training.evaluation import evaluate
from snnc.toolchain.training.methods import METHODS


def test_ctrl_c_in_the_first_epoch_spares_an_older_file(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH, digits, tmp_path / "model.pt")
    before = (tmp_path / "model.pt").read_bytes()
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH.replaced(seed=9), digits, tmp_path / "model.pt", Interrupting(0))
    assert (tmp_path / "model.pt").read_bytes() == before


def test_ctrl_c_in_the_first_epoch_leaves_nothing_in_the_way(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(0))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("after", [1, 2])
def test_ctrl_c_leaves_a_loadable_checkpoint(tmp_path: Path, digits: Dataset, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(after))
    checkpoint = load_checkpoint(tmp_path / "model.pt")
    assert len(checkpoint.history) == after
    model, _ = load_model(tmp_path / "model.pt")
    with pytest.raises(LoweringError, match="train it through the integer phase"):
        lower(model)
    assert list(tmp_path.iterdir()) == [tmp_path / "model.pt"]


def test_a_checkpoint_after_ctrl_c_tells_its_own_accuracy(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(2))
    model, checkpoint = load_model(tmp_path / "model.pt")
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy
    assert checkpoint.accuracy == checkpoint.history[-1].test_accuracy


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", [1, 3])
def test_a_checkpoint_tells_the_accuracy_of_its_own_weights(tmp_path: Path, digits: Dataset, method: str, after: int) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH.replaced(method=method, epochs_quantized=2), digits, tmp_path / "model.pt", Interrupting(after))
    model, checkpoint = load_model(tmp_path / "model.pt")
    assert checkpoint.accuracy == evaluate(model, on_device(digits.test, digits.input, torch.device("cpu"))).accuracy


def test_data_that_have_changed_are_refused(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(ONE_EACH, digits, tmp_path / "model.pt", Interrupting(1))
    changed = replace(digits, input=replace(digits.input, zero_point=4, minimum=-4, maximum=12))
    with pytest.raises(ConfigError, match="the checkpoint was trained on other data than 'digits' is now"):
        run(ONE_EACH, changed, tmp_path / "model.pt", resume=load_checkpoint(tmp_path / "model.pt"))


SEVERAL = TINY.replaced(epochs_float=2, epochs_quantized=2, epochs_integer=2)


def test_resuming_needs_no_file_of_the_teacher(tmp_path: Path, digits: Dataset) -> None:
    run(ONE_EACH.replaced(width=0.05), digits, tmp_path / "teacher.pt")
    config = ONE_EACH.replaced(method="kd-ce", teacher=str(tmp_path / "teacher.pt"), schedule="exponential", accumulate=3)
    whole = run(config, digits, tmp_path / "whole.pt")
    with pytest.raises(KeyboardInterrupt):
        run(config, digits, tmp_path / "part.pt", Interrupting(2))
    (tmp_path / "teacher.pt").unlink()
    resumed = run(config, digits, tmp_path / "part.pt", resume=load_checkpoint(tmp_path / "part.pt"))
    assert all(torch.equal(resumed.weights[name], whole.weights[name]) for name in whole.weights)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("after", range(1, 6))
def test_resuming_gives_the_very_bits(tmp_path: Path, digits: Dataset, after: int, method: str) -> None:
    config = SEVERAL.replaced(method=method)
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
    states: list[dict[str, Any]] = [{"companions": []}, {"companions": {"twin": {}}, "optimizer": {}}]
    for state in states:
        with pytest.raises(ConfigError, match="the checkpoint cannot be resumed"):
            run(ONE_EACH, digits, tmp_path / "again.pt", resume=replace(done, resume=state))


@pytest.mark.slow
def test_ten_kills_in_a_row_cost_nothing_but_time(tmp_path: Path) -> None:
    """SIGKILL at random moments: the file can always be read, and the end is that of a run without kills."""
    epochs = "--epochs-float 20 --epochs-quantized 10 --epochs-integer 10"
    settings = f"--model mlp --width 0.03 --timesteps 3 {epochs} -q".split()
    start = [sys.executable, "-m", "snnc", "train"]
    subprocess.run([*start, *settings, "-o", "whole.pt"], cwd=tmp_path, check=True)
    path, rng, kills = tmp_path / "part.pt", random.Random(0), 0
    command = [*start, *settings, "-o", "part.pt"]
    while kills < 10:
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
    assert kills == 10
    assert all(torch.equal(part.weights[name], whole.weights[name]) for name in whole.weights)
