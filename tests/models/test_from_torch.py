"""Modules of PyTorch with neurons of other frameworks: the same spikes at full precision, and what is not taken is named."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peers import skip_without
from torch import nn
from torch_peers import neurons, quiet
from training_runs import ONE_EACH

import snnc
from snnc.models.torch_neurons import NEURONS, membrane_of
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.training.config import TrainConfig

PIXELS = snnc.Input((1, 8, 8), -5, 11, 5)
STEPS = 5
pytestmark = pytest.mark.peers


@pytest.fixture(autouse=True)
def a_seed() -> None:
    torch.manual_seed(0)


def network_of_peers(neuron: Callable[[], nn.Module]) -> nn.Sequential:
    front = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), neuron(), nn.MaxPool2d(2)]
    inside = nn.Sequential(nn.Conv2d(4, 6, 3, stride=2, padding=1), neuron(), nn.AvgPool2d(2))
    back = [nn.Flatten(), nn.Linear(6, 12, bias=False), nn.BatchNorm1d(12), neuron(), nn.Dropout(0.25), nn.Linear(12, 10)]
    module = nn.Sequential(*front, inside, *back)
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
                for values in (norm.weight, norm.running_var):
                    assert values is not None
                    values.uniform_(0.5, 2)
                for values in (norm.bias, norm.running_mean):
                    assert values is not None
                    values.uniform_(-0.3, 0.3)
        for weights in module.modules():
            if isinstance(weights, nn.Conv2d | nn.Linear):
                weights.weight.mul_(3)
    return module.eval()


@torch.no_grad()
def spikes_of_peers(module: nn.Sequential, x: torch.Tensor) -> list[torch.Tensor]:
    """Return the spikes `(T, B, ...)` of all neurons over the steps, each step given the same values."""
    seen: dict[int, list[torch.Tensor]] = {}
    states: dict[int, Any] = {}

    def step(parts: nn.Module, values: torch.Tensor) -> torch.Tensor:
        for part in parts.children():
            if isinstance(part, nn.Sequential):
                values = step(part, values)
            elif "norse" in type(part).__module__:
                values, states[id(part)] = part(values, states.get(id(part)))
                seen.setdefault(id(part), []).append(values)
            else:
                values = part(values)
                if (type(part).__module__.split(".")[0], type(part).__name__) in NEURONS:
                    seen.setdefault(id(part), []).append(values)
        return values

    for _ in range(STEPS):
        step(module, x)
    return [torch.stack(steps) for steps in seen.values()]


@pytest.mark.parametrize("framework", ["snntorch", "spikingjelly", "spikingjelly-if", "norse"])
def test_it_spikes_as_the_framework_does(framework: str) -> None:
    module = network_of_peers(neurons(framework))
    start = snnc.from_torch(module, PIXELS, scale=1 / 16, offset=-0.3125)
    assert start.model == "4C3d0-MP2-6C3s2d0-AP2-12FCd0.25"
    assert len(start.notes) == 1 and "become the read-out" in start.notes[0]
    compare_spikes(module, start)


def test_each_layer_keeps_its_own_beta_and_threshold() -> None:
    kinds = iter([neurons("spikingjelly"), neurons("snntorch"), neurons("spikingjelly-if")])
    module = network_of_peers(lambda: next(kinds)())  # noqa: PLW0108 - a different one for each layer
    start = snnc.from_torch(module, PIXELS, scale=1 / 16, offset=-0.3125)
    assert (start.model, start.beta) == ("4C3d0-MP2-6C3s2d0b0.75-AP2-12FCd0.25b1", 0.5)
    compare_spikes(module, start, threshold=2.0)  # weights are in thresholds, whatever these are


def compare_spikes(module: nn.Sequential, start: Any, threshold: float = 1.0) -> None:
    raw = torch.randint(0, 17, (20, *PIXELS.shape))
    theirs = spikes_of_peers(module, raw / 16 - 0.3125)
    network = start.network(TrainConfig(timesteps=STEPS, threshold=threshold)).eval()
    ours = {INPUT: network.with_time(raw - 5)}
    with torch.no_grad():
        for layer in network.spiking:
            ours[layer.name] = layer(ours)
    for name, expected in zip(("conv1", "conv2", "fc1"), theirs, strict=True):
        assert torch.equal(ours[name], expected), name
        assert 0.01 < float(expected.mean()) < 0.9


def test_it_trains_exports_and_verifies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = snnc.load_dataset("digits")
    skip_without("snntorch")
    from snntorch import Leaky

    neuron = neurons("snntorch")
    odd = quiet(lambda: Leaky(beta=0.9, threshold=0.5, init_hidden=True, reset_mechanism="zero"))
    module = nn.Sequential(nn.Flatten(), nn.Linear(64, 16), neuron(), nn.Linear(16, 8), odd, nn.Linear(8, 10), neuron())
    start = snnc.from_torch(module, data.input, scale=1 / 16)
    assert "module '4': neurons that keep 0.9 of their membrane keep 0.899902, as a chip can" in start.notes
    assert start.notes[-1] == "module '6' becomes the read-out: classes are decided by its membranes, not its spikes"
    checkpoint = snnc.train(ONE_EACH, "model.pt", dataset=data, start=start)
    assert (checkpoint.config.model, checkpoint.config.beta) == ("16FCd0-8FCd0b0.8999", 0.75)
    model, checkpoint = snnc.load_model("model.pt")
    network = snnc.lower(model, checkpoint.labels)
    assert [layer.neuron.beta for layer in network.layers] == [0.75, 3686 / 4096, 0.75]
    snnc.export(network, "loihi2", "model.net")
    deployed = snnc.read_network("model.net")
    assert snnc.verify(deployed, data.test.first(50), model=model, engines=["fast", "torch"]).equal
    with pytest.raises(ConfigError, match=r"the module takes .* choose the data it was made for"):
        snnc.train(ONE_EACH, "other.pt", dataset=snnc.load_dataset("digits-events", 3), start=start)


def test_a_module_is_traced() -> None:
    class Chain(nn.Module):
        def __init__(self, twice: bool = False) -> None:
            super().__init__()
            self.fc1, self.lif, self.fc2 = nn.Linear(64, 8), neurons("snntorch")(), nn.Linear(8, 10)
            self.twice = twice

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            spikes = self.lif(self.fc1(torch.flatten(x, 1)))
            return self.fc2(spikes + spikes if self.twice else spikes)  # type: ignore[no-any-return]

    assert snnc.from_torch(Chain(), PIXELS).model == "8FCd0"
    with pytest.raises(
        ConfigError, match=r"test_from_torch.py, line \d+ \(return self.*: it adds the same spikes twice \(fc1\)"
    ):
        snnc.from_torch(Chain(twice=True), PIXELS)


class Loop(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x if x.sum() > 0 else -x


def failing() -> dict[str, tuple[Callable[[], nn.Module], str]]:
    lif, flat = neurons("snntorch"), nn.Flatten
    fc = lambda: nn.Linear(64, 64)  # noqa: E731
    return {
        "relu": (lambda: nn.Sequential(flat(), fc(), nn.ReLU()), "module '2' (ReLU): it cannot be taken; taken are Conv2d"),
        "nested": (lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 2, 3, groups=1), nn.Sigmoid())), "module '0.1' (Sigmoid)"),
        "groups": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3, dilation=2)), "it has groups, dilation"),
        "sides": (lambda: nn.Sequential(nn.Conv2d(1, 2, (3, 5))), "its sides differ ((3, 5))"),
        "even": (lambda: nn.Sequential(nn.Conv2d(1, 2, 2, padding="same")), "take an odd kernel"),
        "pool": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.MaxPool2d(2)), "it pools the input of neurons"),
        "overlap": (lambda: nn.Sequential(nn.AvgPool2d(3, 2)), "its pools are not square tiles"),
        "pixels": (lambda: nn.Sequential(nn.MaxPool2d(2)), "it pools no spikes"),
        "twice": (lambda: nn.Sequential(flat(), fc(), fc()), "module '2' (Linear): it follows weights without neurons"),
        "image": (lambda: nn.Sequential(nn.Linear(8, 8)), "it takes an image that was not flattened"),
        "norm": (lambda: nn.Sequential(nn.BatchNorm2d(1)), "it follows no weights"),
        "statistics": (
            lambda: nn.Sequential(flat(), fc(), nn.BatchNorm1d(64, track_running_stats=False)),
            "it has no running statistics",
        ),
        "neuron": (lambda: nn.Sequential(lif()), "module '0' (Leaky): these neurons follow no weights"),
        "short": (lambda: nn.Sequential(flat(), fc()), "needs neurons in front of a last Linear"),
        "loop": (Loop, "the forward pass of Loop cannot be traced"),
    }


@pytest.mark.parametrize("what", ["relu", "nested", "groups", "sides", "even", "pool", "overlap", "pixels", "twice", "image"])
def test_what_cannot_be_taken_is_named(what: str) -> None:
    make, message = failing()[what]
    with pytest.raises(ConfigError) as error:
        snnc.from_torch(make(), PIXELS)
    assert message in str(error.value)


@pytest.mark.parametrize("what", ["norm", "statistics", "neuron", "short", "loop"])
def test_what_is_no_chain_is_named(what: str) -> None:
    test_what_cannot_be_taken_is_named(what)


def test_neurons_that_a_chip_has_not() -> None:
    skip_without("snntorch")
    skip_without("spikingjelly")
    from snntorch import Leaky
    from spikingjelly.activation_based.neuron import IFNode, LIFNode

    assert membrane_of(quiet(lambda: Leaky(beta=0.9))).note == "resets by subtraction become resets to 0"
    for make, message in (
        (lambda: Leaky(beta=0.9, reset_mechanism="none"), "it has no reset"),
        (lambda: Leaky(beta=torch.tensor([0.5, 0.9])), "its beta differs from neuron to neuron"),
        (lambda: Leaky(beta=0.0), "it keeps 0 of its membrane"),
        (lambda: IFNode(v_reset=-1.0), "it resets to -1; the chip resets to 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            membrane_of(quiet(make))
    skip_without("norse")
    from norse.torch import LIFBoxCell, LIFBoxParameters

    with pytest.raises(ConfigError, match=r"its membrane starts at 0\.1 and leaks toward it"):
        membrane_of(quiet(lambda: LIFBoxCell(LIFBoxParameters(v_leak=torch.tensor(0.1)))))
    flat, ends = nn.Flatten(), (nn.Linear(64, 4), nn.Linear(4, 4), nn.Linear(4, 3))
    mixed = nn.Sequential(flat, ends[0], IFNode(), ends[1], LIFNode(), nn.Linear(4, 4), LIFNode(), ends[2], IFNode())
    start = snnc.from_torch(mixed, PIXELS)
    assert (start.model, start.beta) == ("4FCd0b1-4FCd0-4FCd0-Outb1", 0.5)
    odd = nn.Sequential(flat, ends[0], LIFNode(tau=3.0, v_reset=None, decay_input=False), ends[2])
    start = snnc.from_torch(odd, PIXELS)
    assert start.beta == 2731 / 4096
    assert any("keep 0.666748, as a chip can" in note for note in start.notes)
    assert np.array_equal(start.layers[0].weight, ends[0].weight.detach().numpy())
