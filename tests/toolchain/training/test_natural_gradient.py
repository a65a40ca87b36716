"""The natural-gradient optimizer against its formulas in float64, and its posterior against all sign patterns."""

from itertools import product

import pytest
import torch
from torch import Tensor, nn

from snnc.toolchain.training.natural_gradient import NaturalGradient


def latents(values: list[float]) -> nn.Parameter:
    return nn.Parameter(torch.tensor(values, dtype=torch.float64))


@pytest.mark.parametrize("denominator", ["max", "element"])
@pytest.mark.parametrize("lr", [0.5, 0.125])
def test_a_step_is_the_formula(denominator: str, lr: float) -> None:
    l0, eta, rho, samples = 0.5 * torch.tensor(0.8 / 0.2, dtype=torch.float64).log(), 0.3, 0.7, 40
    values = latents([-2.0, -0.1, 0.0, 1.5, 9.0])
    before = values.detach().clone()
    gradient = torch.tensor([0.01, -0.02, 0.3, 0.0, 1e-12], dtype=torch.float64)
    values.grad = gradient.clone()
    optimizer = NaturalGradient(
        [values], [], lr, samples=samples, eta=eta, rho=rho, prior=0.8, denominator=denominator, base_lr=0.5
    )
    optimizer.step()
    spread = 1 - torch.tanh(before) ** 2
    below = spread.max() if denominator == "max" else spread
    rate = eta * lr / 0.5
    expected = (1 - rate * rho) * before - rate * (samples * gradient / (below + 1e-10) - rho * l0)
    assert torch.allclose(values.detach(), expected, rtol=1e-12, atol=0)
    assert values.grad is None


def test_the_paper_writes_the_same_step() -> None:
    """BiSNN's code: one draw w, g = dL/dw, its own eta and rho."""
    torch.manual_seed(0)
    values, noise = latents([0.3, -1.2, 2.0]), torch.randn(3, dtype=torch.float64)
    before, temperature, samples = values.detach().clone(), 0.4, 50
    weights = torch.tanh((values + noise) / temperature)
    slope = torch.tensor([0.5, -1.0, 0.2], dtype=torch.float64)
    (weights @ slope).backward()
    optimizer = NaturalGradient([values], [], 1.0, samples=samples, eta=0.02, rho=0.5, denominator="element")
    optimizer.step()
    eta, rho, w, mu = 0.02 * samples, 0.5 / samples, weights.detach(), torch.tanh(before)
    expected = (1 - eta * rho) * before - eta * slope * (1 - w**2) / (temperature * (1 - mu**2 + 1e-10))
    assert torch.allclose(values.detach(), expected, rtol=1e-12, atol=0)


def expected_loss(values: Tensor, losses: Tensor, patterns: Tensor) -> Tensor:
    """Return the mean of `losses` (one for each pattern of signs) under the posterior of the latents."""
    return (torch.sigmoid(2 * values * patterns).prod(1) * losses).sum()


@pytest.mark.parametrize("rho", [1.0, 0.25])
def test_the_posterior_is_the_exact_one_of_all_sign_patterns(rho: float) -> None:
    patterns = torch.tensor(list(product([-1.0, 1.0], repeat=5)), dtype=torch.float64)
    pull = torch.tensor([0.9, -0.4, 0.0, 1.7, -2.0], dtype=torch.float64) / 20  # of the mean loss of 20 samples
    prior, samples, losses = 0.7, 20, -(patterns @ pull)
    values = latents([0.05, 0.0, -0.05, 0.1, 0.0])
    optimizer = NaturalGradient([values], [], 1.0, samples=samples, eta=0.2, rho=rho, prior=prior, denominator="element")
    for _ in range(int(120 / rho)):
        expected_loss(values, losses, patterns).backward()
        optimizer.step()
    of_prior = torch.where(patterns > 0, prior, 1 - prior).prod(1)
    exact = of_prior * torch.exp(-samples * losses / rho)
    marginals = ((exact / exact.sum()).unsqueeze(1) * (patterns > 0)).sum(0)
    assert torch.allclose(torch.sigmoid(2 * values.detach()), marginals, rtol=1e-6)


def test_other_parameters_follow_adam_to_the_bit() -> None:
    torch.manual_seed(0)
    ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(ours.state_dict())
    bayes = NaturalGradient([nn.Parameter(torch.zeros(4))], ours.parameters(), 0.1, samples=10, eta=0.1, rho=1.0)
    adam = torch.optim.Adam(theirs.parameters(), lr=0.1, fused=True)
    x = torch.randn(5, 3)
    for network, optimizer in ((ours, bayes), (theirs, adam)):
        for _ in range(3):
            optimizer.zero_grad()
            network(x).square().sum().backward()
            optimizer.step()
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_its_state_continues_with_the_same_bits() -> None:
    def run(steps: int, state: dict[str, object] | None, start: list[Tensor]) -> tuple[dict[str, object], list[Tensor]]:
        values, weight = (nn.Parameter(each.clone()) for each in start)
        optimizer = NaturalGradient([values], [weight], 0.1, samples=10, eta=0.5, rho=0.1, prior=0.6)
        if state:
            optimizer.load_state_dict(state)
        for _ in range(steps):
            optimizer.zero_grad()
            (torch.tanh(values) * weight).square().sum().backward()
            optimizer.step()
        return optimizer.state_dict(), [values.detach(), weight.detach()]

    start = [torch.tensor([0.1, -0.3]), torch.tensor([1.0, 2.0])]
    _, whole = run(6, None, start)
    state, half = run(3, None, start)
    _, rest = run(3, state, half)
    assert all(torch.equal(one, other) for one, other in zip(whole, rest, strict=True))


def test_a_closure_gives_the_loss() -> None:
    values = latents([0.5])
    optimizer = NaturalGradient([values], [], 0.1, samples=1, eta=0.1, rho=0.0)

    def closure() -> float:
        loss = values.square().sum()
        loss.backward()
        return float(loss.detach())

    assert optimizer.step(closure) == 0.25
    assert float(values.detach()) < 0.5
