"""Several processes, half precision, and what is missing or refused."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from training_runs import TINY

from snnc.models import build_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.training.checkpoint import load_checkpoint
from snnc.toolchain.training.launch import OneProcess, launch
from snnc.toolchain.training.train import train

fabric = pytest.importorskip("lightning_fabric")

# float64 has no place in the command line, so this script trains in it: there, rounding cannot hide a mistake.
SCRIPT = """
import sys, warnings
from dataclasses import replace
import torch
from snnc.models import build_model
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.training.train import train
warnings.simplefilter("ignore")
torch.set_num_threads(1)
torch.set_default_dtype(torch.float64)
devices, batch, out, method = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
config = TrainConfig(
    model="cifarnet", width=0.03, timesteps=3, dropout=0.0, shift=1, flip=0.3, method=method, delta=0.05,
    batch_size=batch, devices=devices, epochs_float=1, epochs_quantized=1, epochs_integer=1, lr=0.002,
).replaced(alpha=0.01)
digits = load_dataset("digits")
digits = replace(digits, train=digits.train.first(256))  # whole batches: a rest that does not divide by two is cut
train(config, digits, lambda c: build_model(c, digits.input, 10), out)
"""


def test_one_device_needs_nothing() -> None:
    launched = launch(TINY)
    assert isinstance(launched, OneProcess)
    assert (launched.world_size, launched.global_rank, launched.device.type) == (1, 0, "cpu")


@pytest.mark.parametrize("change", [{"devices": 2}, {"nodes": 2}, {"precision": "bf16"}])
def test_without_fabric_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, change: dict[str, object]) -> None:
    monkeypatch.setitem(sys.modules, "lightning_fabric", None)
    with pytest.raises(ConfigError, match=r"need Lightning Fabric; pip install 'snnc\[scale\]'"):
        launch(TINY.replaced(**change))


def test_an_unknown_strategy_is_refused_in_one_line() -> None:
    with pytest.raises(ConfigError, match="strategy 'telepathy'.* cannot be used: .*; lower devices or change strategy"):
        launch(TINY.replaced(devices=2, strategy="telepathy"))


@pytest.mark.filterwarnings("ignore")
def test_half_precision_trains_and_ends_in_exact_integers(tmp_path: Path, digits: Dataset) -> None:
    config = TINY.replaced(precision="bf16", epochs_float=1, epochs_quantized=1, epochs_integer=1)
    checkpoint = train(config, digits, lambda c: build_model(c, digits.input, 10), tmp_path / "model.pt")
    assert checkpoint.accuracy > 0.2
    assert all(weight.dtype is torch.float32 for weight in checkpoint.weights.values() if weight.is_floating_point())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["tna", "kd-ce"])
def test_two_processes_compute_what_one_does_with_the_doubled_batch(tmp_path: Path, method: str) -> None:
    """Statistics, gradients and augmentation are shared, so both differ by the rounding of float64 sums alone."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    for devices, batch, out in ((1, 64, "one.pt"), (2, 32, "two.pt")):
        command = [sys.executable, "-c", SCRIPT, str(devices), str(batch), out, method]
        if devices == 2:
            (tmp_path / "script.py").write_text(SCRIPT)
            command[1:3] = ["script.py"]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=300, check=False)
        assert ran.returncode == 0, ran.stderr[-2000:]
    one, two = (load_checkpoint(tmp_path / name) for name in ("one.pt", "two.pt"))
    difference = max(float((one.weights[name] - two.weights[name]).abs().max()) for name in one.weights)
    assert difference < 1e-9, difference
    for alone, together in zip(one.history, two.history, strict=True):
        assert together.loss == pytest.approx(alone.loss, rel=1e-5)
        assert together.test_accuracy == pytest.approx(alone.test_accuracy, abs=0.004)


@pytest.mark.slow
def test_the_command_line_trains_on_two_devices(tmp_path: Path) -> None:
    epochs = ["--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1"]
    settings = ["--model", "mlp", "--width", "0.03", "--timesteps", "3", *epochs, "--devices", "2"]
    command = [sys.executable, "-m", "snnc", "train", *settings, "--json"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr[-2000:]
    assert json.loads(ran.stdout)["checkpoint"] == "model.pt"
    assert load_checkpoint(tmp_path / "model.pt").config.devices == 2
