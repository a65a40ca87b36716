"""LIF over time: forward against a plain loop and the chip, backward against autograd through that loop."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from random_networks import seeds
from torch import Tensor

from snnc.toolchain.network import Input, Layer, Lif, Network
from snnc.toolchain.simulate import simulate
from snnc.toolchain.surrogate import FloatLif, IntegerLif, boxcar, leaky_sum
from snnc.toolchain.synapse import Dense


class Spike(torch.autograd.Function):
    """The paper's neuron output as its own autograd operation, for comparison."""

    @staticmethod
    def forward(ctx, membrane: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        ctx.save_for_backward(membrane)
        return (membrane >= 1).to(membrane)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def, override]
        (membrane,) = ctx.saved_tensors
        return grad * 0.5 * ((membrane - 1).abs() <= 0.5)


def plain_lif(current: Tensor, leak: float) -> Tensor:
    """Equation 1, step by step, left to autograd."""
    membrane, spike, spikes = torch.zeros_like(current[0]), torch.zeros_like(current[0]), []
    for now in current:
        membrane = leak * membrane * (1 - spike) + now
        spike = Spike.apply(membrane)
        spikes.append(spike)
    return torch.stack(spikes)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_forward_and_backward_equal_autograd_through_the_loop(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    current = torch.randn(6, 4, 5, generator=generator, dtype=torch.float64) + 0.4
    weight = torch.randn(6, 4, 5, generator=generator, dtype=torch.float64)
    results = []
    for lif in (plain_lif, FloatLif.apply):
        x = current.clone().requires_grad_()
        spikes = lif(x, 0.5)
        (spikes * weight).sum().backward()
        results.append((spikes, x.grad))
    assert torch.equal(results[0][0], results[1][0])
    assert torch.allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-12)  # a test of training
    assert results[0][1].any()


def test_the_boxcar_is_equation_4() -> None:
    assert boxcar(torch.tensor([0.4, 0.5, 1.0, 1.5, 1.6])).tolist() == [0, 0.5, 0.5, 0.5, 0]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_integer_forward_pass_is_the_chip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, neurons = int(rng.integers(1, 7)), 5
    inputs = rng.integers(-400, 400, (steps, 3, neurons))
    bias, vth, dv = rng.integers(-30, 30, neurons), int(rng.integers(0, 500)), int(rng.integers(0, 4096))
    layer = Layer("a", (Dense("input", np.eye(neurons, dtype=int)),), Lif((neurons,), vth, dv, bias))
    network = Network("n", steps, Input((neurons,), -400, 400), (layer,), "spikes")
    spikes, membranes = IntegerLif.apply(torch.tensor(inputs).float(), torch.tensor(bias).float(), vth, dv)
    trace = simulate(network, inputs)
    assert np.array_equal(spikes.numpy(), trace.spikes["a"])
    assert np.array_equal(membranes.numpy(), trace.membranes["a"])


def test_the_integer_backward_pass_is_the_float_one_in_weight_units() -> None:
    """Without rounding (leak 1/2, few steps) both neurons see the same membranes, so the gradients are in proportion."""
    vth = 8
    units = torch.randint(-6, 10, (4, 3, 5), generator=torch.Generator().manual_seed(0)).double()
    weight = torch.randn(4, 3, 5, dtype=torch.float64)
    integer, real = units.clone().requires_grad_(), (units / vth).requires_grad_()
    bias = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    spikes, _ = IntegerLif.apply(integer, bias, vth, 2048)
    reference = FloatLif.apply(real - 1e-9, 0.5)  # strictly above, as the chip
    assert torch.equal(spikes, reference)
    (spikes * weight).sum().backward()
    (reference * weight).sum().backward()
    assert real.grad is not None and integer.grad is not None and bias.grad is not None
    assert torch.allclose(integer.grad * vth, real.grad)  # a test of training
    assert torch.allclose(bias.grad, integer.grad.sum((0, 1)))
    assert real.grad.any()


@pytest.mark.parametrize("lif", [lambda x: FloatLif.apply(x, 0.5), lambda x: IntegerLif.apply(x, torch.zeros(()), 3, 2048)[0]])
def test_the_memory_layout_of_a_step_is_kept(lif: object) -> None:
    one = torch.ones(2, 4, 3, 3).to(memory_format=torch.channels_last).unsqueeze(0)
    spikes = lif(one.expand(5, 2, 4, 3, 3))  # type: ignore[operator]
    assert spikes[0].is_contiguous(memory_format=torch.channels_last)
    assert spikes.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_leaky_sum() -> None:
    assert leaky_sum(torch.tensor([[1.0], [1.0], [1.0]]), 0.5).ravel().tolist() == [1, 1.5, 1.75]
