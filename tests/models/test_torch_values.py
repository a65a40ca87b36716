"""What steps of a module give: what is no sum of spikes is named, with the line of the forward pass that has it."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from peers import skip_without
from torch import Tensor, nn
from torch_peers import neurons

import snnc
from snnc.models.architecture import Part
from snnc.models.torch_values import Current, Spikes, Weighted, added
from snnc.toolchain.errors import ConfigError

PIXELS = snnc.Input((1, 8, 8), -5, 11, 5)
pytestmark = pytest.mark.peers


class Wrong(nn.Module):
    """A forward pass of one's own around two branches of neurons."""

    def __init__(self, give: Callable[..., Tensor]):
        super().__init__()
        self.a, self.b = nn.Conv2d(1, 2, 3, padding=1), nn.Conv2d(1, 2, 3, padding=1)
        self.c, self.d, self.norm, self.pool = nn.Conv2d(2, 2, 1), nn.Conv2d(2, 2, 1), nn.BatchNorm2d(2), nn.AvgPool2d(2)
        self.max_pool, self.one, self.halving = nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 2, 2, 2)
        self.sn1, self.sn2, self.sn3 = (neurons("spikingjelly")() for _ in range(3))
        self.give = give

    def forward(self, x: Tensor) -> Tensor:
        return self.give(self, x, self.sn1(self.a(x)), self.sn2(self.b(x)))


def several(self: Any, x: Tensor, a: Tensor, b: Tensor) -> Any:
    return self.c(a), b


def readers(self: Any, x: Tensor, a: Tensor, b: Tensor) -> Any:
    current = self.c(a)
    return self.sn3(current) + current


REFUSED: dict[str, tuple[Callable[..., Any], str]] = {
    "twice": (
        lambda self, x, a, b: self.c(a + a),
        "it adds the same spikes twice (conv1); add them once, and double the weights",
    ),
    "again": (lambda self, x, a, b: self.c((a + b) + b), "it adds the same spikes twice (conv2)"),
    "current twice": (lambda self, x, a, b: self.sn3(self.c(a) + b + b), "it adds the same spikes twice (conv2)"),
    "input": (lambda self, x, a, b: x + self.sn3(self.one(x)), "it adds the input, whose values are no spikes"),
    "broadcast": (lambda self, x, a, b: self.c(a + self.sn3(self.one(x))), "it adds (2, 8, 8) and (1, 8, 8), which broadcasts"),
    "pools": (lambda self, x, a, b: self.c(self.pool(a) + self.sn3(self.halving(x))), "it adds spikes behind different pools"),
    "function": (lambda self, x, a, b: self.c(torch.relu(a) + b), "'relu' is no module; taken are Conv2d"),
    "norm": (lambda self, x, a, b: self.norm(a + b), "module 'norm' (BatchNorm2d) in test_torch_values.py, line"),
    "norm of currents": (
        lambda self, x, a, b: self.norm(self.c(a) + b),
        "it normalizes a sum; put a normalization behind each",
    ),
    "kernels": (lambda self, x, a, b: self.sn3(self.c(a) + self.d(a)), "what two weights give of the same spikes (conv1)"),
    "product": (lambda self, x, a, b: self.c(a * b), "it multiplies; spikes can only be added"),
    "difference": (lambda self, x, a, b: self.c(a - b), "it subtracts; spikes can only be added: let the weights behind"),
    "and not": (lambda self, x, a, b: self.c((1 - a) * b), "it subtracts"),
    "concatenation": (lambda self, x, a, b: self.c(torch.cat([a, b], 1)), "it concatenates; give each its own weights and add"),
    "number": (lambda self, x, a, b: self.c(a + 1), "it adds a number; put that into the bias of the weights in front"),
    "maximum": (lambda self, x, a, b: self.max_pool(a + b), "it pools no spikes of one layer; put it right behind neurons"),
    "calls": (lambda self, x, a, b: self.c(a) + self.c(b), "it is called twice, with the same weights or states"),
    "readers": (readers, "2 steps take what it gives; put neurons behind it, or give each its own"),
    "neurons": (lambda self, x, a, b: self.sn3(a + b), "these neurons follow no weights; put weights in front"),
    "unflattened": (lambda self, x, a, b: self.sn3(self.c(a) + b.flatten(1)), "which broadcasts"),
    "sum at the end": (lambda self, x, a, b: a + b, "the module needs neurons in front of a last Linear"),
    "several": (several, "the forward pass returns several values"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_sum_of_spikes_is_named(what: str) -> None:
    skip_without("spikingjelly")
    give, message = REFUSED[what]
    with pytest.raises(ConfigError) as error:
        snnc.from_torch(Wrong(give), PIXELS)
    assert message in str(error.value)
    if what not in ("sum at the end", "several"):
        assert "test_torch_values.py, line " in str(error.value)


def test_sums_keep_the_order_and_what_joins() -> None:
    one, other = Spikes(("conv1",), (2, 4, 4), 2), Spikes(("conv3", "conv2"), (2, 4, 4), 2)
    assert added(one, other) == Spikes(("conv1", "conv3", "conv2"), (2, 4, 4), 2)
    assert one.seen == (2, 2, 2)
    current = Current((Weighted(one, Part(2), torch.ones(2, 8), torch.ones(2)),), (2, 2, 2), ("fc1",))
    assert added(other, current).joined == added(current, other).joined == ("fc1", "conv3", "conv2")  # type: ignore[union-attr]
    further = Current((Weighted(other, Part(2), torch.ones(2, 8), torch.ones(2)),), (2, 2, 2))
    assert added(current, further) == Current((*current.weighted, *further.weighted), (2, 2, 2), ("fc1",))
    flat = Spikes(("conv4",), (2, 2, 2), flat=True)
    with pytest.raises(ConfigError, match="it adds flattened images in front of neurons; add in front of Flatten"):
        added(Current(current.weighted, (8,)), flat)
    with pytest.raises(ConfigError, match="it adds flattened images in front of neurons; put Flatten behind the neurons"):
        added(Current(current.weighted, (2, 2, 2), flat=True), Current(further.weighted, (8,)))
