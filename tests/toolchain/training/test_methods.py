"""The losses of all methods against their equations."""

import pytest
import torch
import torch.nn.functional as F

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.training.methods import METHODS, method_named

TWINS = {"baseline": 0, "tna": 1, "tna3": 2, "kd": 1, "kd-ce": 1}
LABELS = torch.tensor([1, 2, 3, 4])


def drawn(name: str) -> list[torch.Tensor]:
    torch.manual_seed(0)
    return [torch.randn(4, 10, requires_grad=True) for _ in range(1 + METHODS[name].twins)]


def over_steps(logits: list[torch.Tensor]) -> list[Logits]:
    """Return logits whose membranes, summed over two steps, are the given ones, in units of a half."""
    return [Logits(torch.stack([each * 0.5, each * 1.5]), torch.tensor(2.0)) for each in logits]


def mse(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(((one - other) ** 2).mean())


def expected(name: str, logits: list[torch.Tensor]) -> tuple[float, float]:
    """Return total loss and matching loss at alpha = 0.5, as the paper writes them."""
    cross = [float(F.cross_entropy(each, LABELS)) for each in logits]
    if name == "baseline":
        return cross[0], 0.0
    pairs = sum(mse(logits[i], logits[j]) for i in range(len(logits)) for j in range(i))
    return {"kd": pairs, "kd-ce": cross[0] + 0.5 * pairs}.get(name, sum(cross) + 0.5 * pairs), pairs


def test_there_are_methods() -> None:
    assert {name: method.twins for name, method in METHODS.items()} == TWINS
    assert {name for name, method in METHODS.items() if method.frozen} == {"kd", "kd-ce"}


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_is_that_of_the_paper(name: str) -> None:
    logits = [each.detach() for each in drawn(name)]
    losses = METHODS[name].loss(over_steps(logits), LABELS, 0.5)
    assert (float(losses.total.detach()), float(losses.matching.detach())) == pytest.approx(expected(name, logits), rel=1e-5)


@pytest.mark.parametrize("name", METHODS)
def test_every_network_that_learns_gets_a_gradient(name: str) -> None:
    logits = drawn(name)
    METHODS[name].loss(over_steps(logits), LABELS, 0.5).total.backward()
    learning = logits[:1] if METHODS[name].frozen else logits
    assert all(each.grad is not None and bool(each.grad.any()) for each in learning)


def test_an_unknown_method_is_refused() -> None:
    with pytest.raises(ConfigError, match="method 'magic' is unknown; allowed are baseline, tna"):
        method_named("magic")
