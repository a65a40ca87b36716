"""A method is one file and one row: a made-up one, added to METHODS here alone, works in every command."""

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner, Result
from torch import Tensor, nn

from snnc.cli.main import main
from snnc.export import read_network
from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.network.network import Input
from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.checkpoint import Checkpoint, load_checkpoint
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.methods.method import Companion, Losses, Method
from snnc.toolchain.training.metrics import Epoch
from snnc.toolchain.training.stages import Stage, alone, three_phases
from snnc.training_view import TrainingView

EPOCHS = ["--epochs-float", "2", "--epochs-quantized", "2", "--epochs-integer", "1"]
QUICK = ["--model", "mlp", "--width", "0.03", "--timesteps", "3", *EPOCHS, "-q"]


@dataclass(frozen=True)
class MadeUpSettings(Settings):
    """A setting that no other method has, and one that some have."""

    own_setting: int = setting(1, "How much the teacher counts.", 1, 9)
    alpha: float = setting(0.5, "Weight of the matching loss.", 0)


class Ann(nn.Module):
    """A teacher that does not spike, with state of its own: how often it has been asked."""

    def __init__(self, timesteps: int, inputs: int, classes: int):
        super().__init__()
        self.timesteps = timesteps
        self.layer = nn.Linear(inputs, classes)
        self.register_buffer("asked", torch.zeros(()))
        self.asked: Tensor

    def forward(self, x: Tensor) -> Logits:
        if self.training:
            self.asked += 1
        steps = self.layer(x.float().flatten(1)).expand(self.timesteps, -1, -1)
        return Logits(steps / 10, torch.ones(()))


def ann(config: TrainConfig, input: Input, classes: int) -> nn.Module:
    return Ann(config.timesteps, input.shape[0] * input.shape[1] * input.shape[2], classes)


def companions(config: TrainConfig) -> list[Companion]:
    twin = Companion("twin", config.replaced(weights="float", width=config.width * 2))
    return [Companion("ann", config, frozen=True, build=ann), twin]


def loss(logits: list[Logits], labels: Tensor, settings: MadeUpSettings) -> Losses:
    """Every step counts, later ones more; the teacher is frozen, the twin learns along."""
    base, teacher, twin = (each.steps for each in logits)
    assert base.shape == teacher.shape == twin.shape == (3, len(labels), 10)
    counts = torch.arange(1.0, 4.0).view(-1, 1, 1)
    matched = ((base - teacher) ** 2 * counts).mean() * settings.own_setting
    wrong = sum(nn.functional.cross_entropy(each.sum(0), labels) for each in (base, twin))
    return Losses(wrong + settings.alpha * matched, matched)


def optimizer(module: nn.Module, lr: float, config: TrainConfig, samples: int) -> torch.optim.Optimizer:
    return torch.optim.SGD(module.parameters(), lr=lr, momentum=0.9)


def stages(config: TrainConfig) -> list[Stage]:
    return [alone("ann", config), *three_phases(config)]


@pytest.fixture(autouse=True)
def made_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    row = Method(MadeUpSettings, loss, companions, stages, optimizer, weights=lambda config: "binary")
    monkeypatch.setitem(METHODS, "made-up", row)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snnc(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def train(*arguments: str) -> Checkpoint:
    result = snnc("train", *QUICK, "--method", "made-up", "--own-setting", "2", "--force", *arguments)
    assert result.exit_code == 0, result.output
    return load_checkpoint("model.pt")


def test_it_trains_exports_and_simulates() -> None:
    checkpoint = train("--weights", "ternary")
    assert checkpoint.config.method_settings == MadeUpSettings(own_setting=2)
    assert checkpoint.config.weights == "binary"  # as its row says
    assert [epoch.stage for epoch in checkpoint.history] == ["ann"] * 4 + ["float"] * 2 + ["quantized"] * 2 + ["integer"]
    assert checkpoint.accuracy > 0.2
    assert checkpoint.history[0].matching_loss == 0 < checkpoint.history[-1].matching_loss
    assert json.loads(Path("model.history.json").read_text())["config"]["own_setting"] == 2
    for target in ("loihi2", "nir", "onnx"):
        assert snnc("export", "model.pt", "--target", target).exit_code == 0
    verified = snnc("simulate", "model.pt", "model.net", "-e", "reference", "-e", "torch", "-n", "20", "--json")
    assert json.loads(verified.stdout)["equal"]
    assert set(read_network("model.net").layers[1].synapses[0].weight.ravel().tolist()) == {-1, 1}


@pytest.mark.parametrize("after", [2, 4, 5, 7])
def test_an_interrupted_run_ends_with_the_same_bits(monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    whole = train()

    def press_ctrl_c(self: TrainingView, metrics: Epoch) -> None:
        if metrics.number == after:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(TrainingView, "epoch", press_ctrl_c)
        stopped = snnc("train", *QUICK, "--method", "made-up", "--own-setting", "2", "-o", "part.pt")
    assert (stopped.exit_code, stopped.stderr) == (130, "snnc: stopped; continue with: snnc train --resume part.pt\n")
    part = load_checkpoint("part.pt")
    assert len(part.history) == after
    assert part.resume is not None and list(part.resume["companions"]) == ["ann", "twin"]
    assert float(part.resume["companions"]["ann"]["weights"]["asked"]) == 10 * min(after, 4)
    torch.manual_seed(99)
    resumed = snnc("train", "--resume", "part.pt", "-q")
    assert resumed.exit_code == 0, resumed.output
    again = load_checkpoint("part.pt")
    assert all(torch.equal(again.weights[name], weight) for name, weight in whole.weights.items())
    assert [epoch.loss for epoch in again.history] == [epoch.loss for epoch in whole.history]


def test_a_dry_run_counts_its_networks() -> None:
    planned = snnc("train", "--dry-run", "--json", *QUICK, "--method", "made-up", "--own-setting", "3")
    assert planned.exit_code == 0, planned.output
    assert json.loads(planned.stdout)["networks"] == 3
    assert json.loads(planned.stdout)["config"]["own_setting"] == 3
    assert not list(Path().iterdir())


def test_help_and_errors_know_it() -> None:
    text = " ".join(snnc("train", "-h").stdout.split())
    assert "--own-setting INTEGER How much the teacher counts. [methods: made-up; default: 1]" in text
    assert "[methods: tna, tna3, kd-ce, made-up; default: 0.1]" in text
    refused = snnc("train", *QUICK, "--own-setting", "2")
    assert refused.stderr == "snnc: method 'tna' has no setting 'own_setting'; leave it out, or choose one of made-up\n"
    assert (
        "setting 'own_setting' is 10; allowed are 1 to 9" in snnc("train", "--method", "made-up", "--own-setting", "10").output
    )
