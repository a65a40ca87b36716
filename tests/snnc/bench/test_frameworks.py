"""The frameworks of `snnc bench train`: their neurons compute our spikes, and every network gets gradients."""

import os
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from snnc.bench.frameworks import (
    FRAMEWORKS,
    build_baseline,
    installed,
    norse_neurons,
    sinabs_neurons,
    snntorch_neurons,
    spikingjelly_neurons,
)
from snnc.toolchain.layers.lif_autograd import EPSILON, Neurons, NormalizedLif

STEPS = 5
NEURONS: dict[str, Callable[[], Any]] = {
    "spikingjelly": spikingjelly_neurons,
    "snntorch": snntorch_neurons,
    "norse": norse_neurons,
    "sinabs": sinabs_neurons,
}

pytestmark = pytest.mark.filterwarnings("ignore")  # of the frameworks


def needed(name: str) -> None:
    if name not in installed():
        if os.environ.get("CI") and name != "sinabs":  # sinabs wants another nir than everything else here
            pytest.fail(f"{name} is not installed: make dev")
        pytest.skip(f"{name} is not installed")


def ours(current: Tensor) -> Tensor:
    channels = current.shape[2]
    fixed = torch.zeros(channels), torch.zeros(channels), torch.full((1,), 1 - EPSILON)
    spikes: Tensor = NormalizedLif.apply(current, *fixed, Neurons(STEPS, 0.5), False)[0]
    return spikes


def test_every_framework_is_tested() -> None:
    assert set(FRAMEWORKS) == {"limit", *NEURONS}
    assert "limit" in installed()


@pytest.mark.peers
@pytest.mark.parametrize("name", NEURONS)
def test_its_neurons_compute_our_spikes(name: str) -> None:
    needed(name)
    current = torch.round(torch.randn(STEPS, 200, 7, generator=torch.Generator().manual_seed(0)) * 64) / 32
    neurons = NEURONS[name]()
    if name in ("snntorch", "norse"):
        state, spikes = None, []
        for now in current:
            fired, state = neurons(now, state)
            spikes.append(fired)
        theirs = torch.stack(spikes)
    else:
        theirs = neurons(current)
    # A membrane at the very threshold: norse and snntorch fire above it only, so those are left out.
    at_threshold = ours(current) != ours(current - 1e-6)
    assert torch.equal(theirs[~at_threshold], ours(current)[~at_threshold])
    assert 0.05 < float(theirs.mean()) < 0.95


@pytest.mark.peers
@pytest.mark.parametrize("as_documented", [False, True])
@pytest.mark.parametrize("name", FRAMEWORKS)
def test_every_parameter_gets_a_gradient(name: str, as_documented: bool) -> None:
    needed(name)
    torch.manual_seed(0)
    baseline = build_baseline(name, 1 / 8, STEPS, as_documented=as_documented)
    logits = baseline(torch.randn(4, 3, 32, 32))
    assert logits.shape == (4, 10)
    logits.square().sum().backward()
    assert all(weight.grad is not None and bool(weight.grad.any()) for weight in baseline.parameters())
