"""Modules of PyTorch whose spikes are added: the same spikes in float64, equal in every engine, and what is no sum is named."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from torch import Tensor, nn
from torch_peers import neurons
from training_runs import ONE_EACH

import snnc
from snnc.cli.main import main
from snnc.export import TARGETS
from snnc.models.torch_neurons import is_neuron
from snnc.toolchain.errors import CannotExport
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.training.config import TrainConfig

PIXELS = snnc.Input((1, 8, 8), -5, 11, 5)
STEPS = 5
Neuron = Callable[[], nn.Module]
pytestmark = pytest.mark.peers


@pytest.fixture(autouse=True)
def in_float64() -> Iterator[None]:
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def convolution(source: int, out: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(source, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class SewBlock(nn.Module):
    """spikingjelly's SEW ResNet with the function ADD (Fang et al. 2021): spikes are added behind the neurons."""

    def __init__(self, neuron: Neuron, source: int, out: int, stride: int = 1):
        super().__init__()
        self.conv1, self.sn1 = convolution(source, out, stride=stride), neuron()
        self.conv2, self.sn2 = convolution(out, out), neuron()
        self.down = nn.Identity() if source == out else nn.Sequential(convolution(source, out, 1, stride), neuron())

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.sn2(self.conv2(self.sn1(self.conv1(x))))
        out += self.down(x)
        return out


class CurrentBlock(nn.Module):
    """The shortcut joins in front of the neurons, without weights or behind a convolution of 1 x 1."""

    def __init__(self, neuron: Neuron, source: int, out: int, stride: int = 1):
        super().__init__()
        self.conv1, self.sn1 = convolution(source, out, stride=stride), neuron()
        self.conv2, self.sn2 = convolution(out, out), neuron()
        self.down = nn.Identity() if source == out else convolution(source, out, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return self.sn2(self.conv2(self.sn1(self.conv1(x))) + self.down(x))  # type: ignore[no-any-return]


class AroundOne(nn.Module):
    """A shortcut around a single convolution, which `.net` can hold."""

    def __init__(self, neuron: Neuron, source: int, out: int):
        super().__init__()
        self.conv, self.sn = convolution(source, out), neuron()

    def forward(self, x: Tensor) -> Tensor:
        return self.sn(self.conv(x).add(x))  # type: ignore[no-any-return]


def residual(block: Callable[..., nn.Module], neuron: Neuron, *more: nn.Module, features: int) -> nn.Sequential:
    """Return a network with neurons of which some spike, and some do not."""
    back = [nn.AvgPool2d(2), nn.Flatten(), nn.Linear(features, 10)]
    module = nn.Sequential(convolution(1, 4), neuron(), block(neuron, 4, 4), *more, *back)
    with torch.no_grad():
        for each in module.modules():
            if isinstance(each, nn.BatchNorm2d):
                assert each.running_var is not None
                assert each.running_mean is not None
                for factors in (each.weight, each.running_var):
                    factors.uniform_(0.5, 2)
                for terms in (each.bias, each.running_mean):
                    terms.uniform_(-0.3, 0.3)
    return module.eval()


@torch.no_grad()
def spikes_of(module: nn.Module, x: Tensor) -> list[Tensor]:
    """Return the spikes `(T, B, ...)` of all neurons in the order in which they are computed; frameworks send float32."""
    seen = dict[nn.Module, list[Tensor]]()

    def keep(each: nn.Module, _: Any, spikes: Tensor) -> Tensor:
        seen.setdefault(each, []).append(spikes.double().clone())  # blocks add to spikes in place
        return spikes.double()

    hooks = [each.register_forward_hook(keep) for each in module.modules() if is_neuron(each)]
    for _ in range(STEPS):
        module(x)
    for hook in hooks:
        hook.remove()
    return [torch.stack(steps) for steps in seen.values()]


def compare_spikes(module: nn.Module, start: Any) -> None:
    raw = torch.randint(0, 17, (20, *PIXELS.shape))
    theirs = spikes_of(module, raw / 16 - 0.3125)
    network = start.network(TrainConfig(timesteps=STEPS, gain=0.25)).eval()
    ours = {INPUT: network.with_time(raw - 5)}
    assert ours[INPUT].dtype == torch.float64
    with torch.no_grad():
        for layer in network.spiking:
            ours[layer.name] = layer(ours)
    assert len(theirs) == len(network.hidden)
    for layer, expected in zip(network.hidden, theirs, strict=True):
        assert torch.equal(ours[layer.name], expected), layer.name
        assert 0.002 < float(expected.mean()) < 0.99


TEXTS = {
    SewBlock: "4C3d0-4C3d0-4C3d0-6C3s2d0@conv3+conv1-6C3d0-6C1s2d0@conv3+conv1-6C3d0@conv5+conv6-6C3d0-AP2-"
    "Out@conv8+conv5+conv6",
    CurrentBlock: "4C3d0-4C3d0-4C3d0~conv1g{gain}-6C3s2d0-6C3d0~C1s2@conv3-6C3d0-6C3d0~conv5g{gain}-AP2",
}


@pytest.mark.parametrize(
    ("framework", "gain"), [("snntorch", "2"), ("spikingjelly", "2"), ("spikingjelly-if", "1.3333333333333333")]
)
@pytest.mark.parametrize("block", [SewBlock, CurrentBlock])
def test_it_spikes_as_the_framework_does(block: Any, framework: str, gain: str) -> None:
    neuron = neurons(framework)
    module = residual(block, neuron, block(neuron, 4, 6, 2), block(neuron, 6, 6), features=24)
    start = snnc.from_torch(module, PIXELS, scale=1 / 16, offset=-0.3125)
    assert start.model == TEXTS[block].format(gain=gain)
    compare_spikes(module, start)


@pytest.mark.parametrize(("block", "files"), [(SewBlock, ["nir", "onnx", "c"]), (AroundOne, ["loihi2", "nir", "onnx", "c"])])
def test_it_trains_exports_and_verifies(
    block: Callable[..., nn.Module], files: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_default_dtype(torch.float32)
    data = snnc.load_dataset("digits")
    start = snnc.from_torch(residual(block, neurons("spikingjelly"), features=64), data.input, scale=1 / 16)
    snnc.train(ONE_EACH, "model.pt", dataset=data, start=start)
    model, checkpoint = snnc.load_model("model.pt")
    assert checkpoint.config.model == start.model
    network = snnc.lower(model, checkpoint.labels)
    few = data.test.first(20)
    for target in files:
        name = f"model{TARGETS[target].suffix}"
        snnc.export(network, target, name)
        engines = ["fast", "torch", *TARGETS[target].engines]
        verdict = snnc.verify(snnc.read_network(name), few, model=model, engines=engines)
        assert verdict.equal, target
        assert verdict.engines.keys() == {"reference", *engines}
    if "loihi2" not in files:
        with pytest.raises(CannotExport, match=r"only shortcuts around one layer fold into it"):
            snnc.export(network, "loihi2", "model.net")


def test_every_command_opens_what_was_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.set_default_dtype(torch.float32)
    data = snnc.load_dataset("digits")
    start = snnc.from_torch(residual(CurrentBlock, neurons("spikingjelly"), features=64), data.input, scale=1 / 16)
    snnc.train(ONE_EACH, "model.pt", dataset=data, start=start)
    for command in (
        "inspect model.pt",
        "check model.pt --chip loihi2",
        "evaluate model.pt",
        "simulate model.pt --engine fast --engine torch --samples 20",
        "trace model.pt --layer conv3 --neuron 0 --engine fast",
        "train --init model.pt --epochs-float 1 --epochs-quantized 1 --epochs-integer 1 --output finer.pt",
    ):
        result = CliRunner().invoke(main, command.split())
        assert result.exit_code == 0, (command, result.output)
