"""Forward passes as steps: their order, what they take, and the place of what is neither a module nor a sum."""

from typing import Any

import pytest
import torch
from peers import skip_without
from torch import Tensor, nn
from torch_peers import neurons

from snnc.models.torch_graph import forward_of
from snnc.toolchain.errors import ConfigError

pytestmark = pytest.mark.peers


class Adding(nn.Module):
    """A module without modules, which is looked into."""

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        return torch.add(a, b)


class Branches(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.one, self.other, self.unused, self.add = nn.Linear(2, 3), nn.Linear(2, 3), nn.ReLU(), Adding()

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        self.unused(x)
        return self.add(self.one(x), self.other(x))  # type: ignore[no-any-return]


def test_steps_are_in_order_and_know_their_place() -> None:
    forward = forward_of(Branches())
    assert [(step.label, step.takes, step.uses) for step in forward.steps] == [
        ("flatten", ("x",), 2),
        ("one", ("flatten",), 1),
        ("other", ("flatten",), 1),
        ("add", ("one", "other"), 1),
    ]
    assert (forward.input, forward.output) == ("x", "add")
    assert forward.steps[1].where.startswith("module 'one' (Linear) in test_torch_graph.py, line ")
    assert forward.steps[3].where.endswith("(return torch.add(a, b))")
    assert forward.steps[3].module is None
    assert forward_of(nn.Flatten()).steps[0].where == "module '0' (Flatten)"


class WithState(nn.Module):
    """As snntorch's examples are written, with the membrane as a second value."""

    def __init__(self, given: bool) -> None:
        super().__init__()
        self.fc, self.lif, self.given = nn.Linear(4, 4), neurons("snntorch")(), given

    def forward(self, x: Tensor, v: Any = None) -> Any:
        spikes, v = self.lif(self.fc(x), v) if self.given else self.lif(self.fc(x))
        return spikes


class WithLoop(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x if x.sum() > 0 else -x


class Numbers(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.flatten(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Sequential(WithLoop())), "the forward pass of module '0.0' (WithLoop) cannot be traced"),
        (WithLoop(), "the forward pass of WithLoop cannot be traced"),
        (Numbers(), " (return torch.flatten(x)): 'flatten' is no module"),
    ],
)
def test_what_cannot_be_traced_is_named(module: nn.Module, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        forward_of(module)
    assert message in str(error.value)


def test_of_spikes_and_states_the_spikes_are_taken() -> None:
    skip_without("snntorch")
    with pytest.raises(ConfigError, match=r"'v': it is a second input; give one time step, without states"):
        forward_of(WithState(given=True))
    forward = forward_of(WithState(given=False))
    assert [step.label for step in forward.steps] == ["fc", "lif"]
    assert forward.output == forward.steps[-1].name


def test_unknown_neurons_of_a_framework_are_not_looked_into() -> None:
    skip_without("spikingjelly")
    from spikingjelly.activation_based.neuron import ParametricLIFNode

    (step,) = forward_of(nn.Sequential(ParametricLIFNode())).steps
    assert step.where == "module '0' (ParametricLIFNode)"


def test_code_without_a_file_has_a_line_as_well() -> None:
    names: dict[str, Any] = {"nn": nn}
    exec(compile("class Typed(nn.Module):\n    def forward(self, x):\n        return x * 2\n", "<prompt>", "exec"), names)
    with pytest.raises(ConfigError, match=r"^<prompt>, line 3 \(mul\): it multiplies"):
        forward_of(names["Typed"]())


class InPlace(nn.Module):
    """Residual blocks are often written so, here with or without another reader of what changes."""

    def __init__(self, read: bool, passed: nn.Module | None = None) -> None:
        super().__init__()
        self.one, self.other, self.third, self.read = nn.Linear(2, 2), nn.Linear(2, 2), nn.Linear(2, 2), read
        self.passed = passed or nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        before = self.one(x)
        out = self.passed(before)
        out += self.other(x)
        return out + self.third(before) if self.read else out  # type: ignore[no-any-return]


@pytest.mark.parametrize("passed", [nn.Identity(), nn.Dropout(0.5), nn.Flatten()])
def test_sums_in_place_are_sums_unless_another_step_sees_them_change(passed: nn.Module) -> None:
    assert [step.label for step in forward_of(InPlace(False, passed)).steps] == ["one", "passed", "other", "iadd"]
    with pytest.raises(ConfigError, match=r"line \d+ \(out \+= self.other\(x\)\): it adds in place, and a later step"):
        forward_of(InPlace(True, passed))


class NoInput(nn.Module):
    def forward(self) -> Tensor:
        return torch.ones(2)


def test_a_module_takes_an_input() -> None:
    with pytest.raises(ConfigError, match="the forward pass of NoInput takes no input"):
        forward_of(NoInput())


class TwoReaders(nn.Module):
    """Spikes of a neuron that returns its state as well go to two steps."""

    def __init__(self) -> None:
        super().__init__()
        self.lif, self.one, self.other = neurons("snntorch")(), nn.Linear(2, 2), nn.Linear(2, 2)

    def forward(self, x: Tensor) -> Tensor:
        spikes, _ = self.lif(x)
        return self.one(spikes) + self.other(spikes)  # type: ignore[no-any-return]


def test_spikes_beside_states_count_their_readers() -> None:
    skip_without("snntorch")
    assert [step.uses for step in forward_of(TwoReaders()).steps if step.label == "lif"] == [2]
