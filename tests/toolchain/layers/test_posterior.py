"""Weights with a posterior: draws, their gradients, modes and members, and statistics that belong to one draw."""

import copy

import numpy as np
import pytest
import torch

from snnc.models import build_model
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.posterior import (
    Draws,
    draw_member,
    latents_of,
    posterior_layers,
    reestimate,
    seed_draws,
    start_posterior,
)
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import Input
from snnc.toolchain.training.config import TrainConfig
from snnc.verification.verify import verify

LATENTS = torch.tensor([-1.5, -0.3, 0.0, 0.4, 2.0])


def network(model: str = "mlp") -> SpikingNetwork:
    torch.manual_seed(0)
    config = TrainConfig(model=model, width=0.03, timesteps=3, weights="posterior", dropout=0.0)
    built = build_model(config, Input((1, 8, 8), -5, 11), 10)
    start_posterior(built, 0.5, 1.0)
    seed_draws(built, 3)
    return built


def inputs(count: int = 40) -> torch.Tensor:
    return torch.randint(-5, 12, (count, 1, 8, 8), generator=torch.Generator().manual_seed(1))


def test_exact_draws_have_the_posterior_s_frequencies() -> None:
    draws = Draws(1.0)
    draws.seed(0, torch.device("cpu"))
    drawn = torch.stack([draws(LATENTS, exact=True) for _ in range(20_000)])
    assert set(drawn.unique().tolist()) == {-1.0, 1.0}
    assert torch.allclose((drawn > 0).float().mean(0), torch.sigmoid(2 * LATENTS), atol=0.015)


def test_relaxed_and_exact_draws_share_sign_and_gradient() -> None:
    found = []
    for exact in (False, True):
        latents, draws = LATENTS.clone().requires_grad_(), Draws(0.5)
        draws.seed(7, torch.device("cpu"))
        drawn = draws(latents, exact=exact)
        drawn.sum().backward()
        found.append((drawn.detach(), latents.grad))
    (relaxed, gradient), (exact_ones, same) = found
    assert torch.equal(relaxed.sign(), exact_ones) and bool((relaxed.abs() < 1).all())
    assert gradient is not None and same is not None and torch.equal(gradient, same)
    assert torch.allclose(gradient, (1 - relaxed**2) / 0.5)


@pytest.mark.parametrize("phase", Phase)
def test_training_draws_and_evaluation_takes_the_mode(phase: Phase) -> None:
    built = network()
    reestimate(built, [inputs()])
    built.set_phase(phase)
    layer = next(posterior_layers(built))
    built.eval()
    mode = layer.current_weights()[0]
    assert torch.equal(mode, torch.where(latents_of(built)[0] >= 0, 1.0, -1.0))
    built.train()
    one, other = layer._quantized()[0], layer._quantized()[0]
    assert not torch.equal(one, other)
    assert (phase is Phase.FLOAT) == bool((one.abs() < 1).all())
    seed_draws(built, 3)
    again = layer._quantized()[0]
    seed_draws(built, 3)
    assert torch.equal(again, layer._quantized()[0])


@pytest.mark.parametrize("phase", Phase)
def test_every_phase_gives_the_latents_a_gradient(phase: Phase) -> None:
    built = network("cifarnet").train()
    reestimate(built, [inputs()])
    built.set_phase(phase)
    built(inputs()).total.square().sum().backward()
    assert len(latents_of(built)) == 6
    assert all(each.grad is not None and bool(each.grad.any()) for each in latents_of(built))


def test_statistics_are_those_of_the_weights_as_they_are() -> None:
    built = network()
    reestimate(built, inputs().split(16))  # in parts of different sizes
    layer, x = next(posterior_layers(built)), inputs()
    spikes = {"input": built.with_time(x)}
    spikes["fc1"] = built.hidden[0].eval()(spikes)
    current = layer.eval().current(spikes, layer.current_weights(), pool_sums=False).detach()
    assert torch.allclose(layer.normalize.mean, current.mean((0, 1)), atol=1e-5)
    assert torch.allclose(layer.normalize.variance, current.var((0, 1), correction=0).mean().reshape(1), rtol=1e-5)


@pytest.mark.parametrize("model", ["mlp", "cifarnet"])
def test_in_the_integer_phase_a_threshold_is_the_deviation_of_its_own_weights(model: str) -> None:
    built = network(model)
    reestimate(built, [inputs()])
    built.set_phase(Phase.INTEGER)
    member = copy.deepcopy(built)
    draw_member(member, torch.Generator().manual_seed(5))
    reestimate(member, [inputs()])
    for layer, other in zip(posterior_layers(built), posterior_layers(member), strict=True):
        assert set(other.synapses[0].weight.unique().tolist()) == {-1.0, 1.0}
        assert other.integer_parameters().vth == round(float(other.normalize.deviation[0]) * other.pool_area)
        assert not torch.equal(layer.normalize.mean, other.normalize.mean)
    assert float(built.readout.scale) == float(member.readout.scale)


def test_members_have_the_posterior_s_frequencies() -> None:
    built = network()
    counts = torch.zeros_like(latents_of(built)[0])
    for number in range(400):
        member = copy.deepcopy(built)
        draw_member(member, torch.Generator().manual_seed(number))
        counts += latents_of(member)[0] > 0
    expected = torch.sigmoid(2 * latents_of(built)[0].detach())
    assert float((counts / 400 - expected).abs().mean()) < 0.03


def test_a_network_that_is_still_in_training_mode_lowers_and_traces_its_mode() -> None:
    model = network()
    model.set_phase(Phase.INTEGER)
    samples = inputs(20).numpy()
    model.eval()
    mode = model.trace(samples)
    model.train()
    assert verify(lower(model), samples, model=model, engines=["torch", "fast"]).equal and model.training
    again = model.trace(samples)
    assert all(np.array_equal(mode.membranes[name], again.membranes[name]) for name in mode.membranes)
