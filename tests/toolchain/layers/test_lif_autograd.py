"""The neurons of training: forward against a plain loop and the chip, backward against autograd through both."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from random_layers import drawn
from random_networks import seeds
from torch import Tensor

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.lif_autograd import EPSILON, ChipLif, Neurons, NormalizedLif, leaky_sum
from snnc.toolchain.layers.normalize import Normalize
from snnc.toolchain.layers.surrogate import SURROGATES
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate


def spike(slope: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """Return the paper's neuron output as its own autograd operation, for comparison."""

    class Spike(torch.autograd.Function):
        @staticmethod
        def forward(ctx, membrane: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
            ctx.save_for_backward(membrane)
            return (membrane >= 1).to(membrane)

        @staticmethod
        def backward(ctx, grad: Tensor) -> Tensor:  # type: ignore[no-untyped-def]
            return grad * slope(ctx.saved_tensors[0])

    return Spike.apply


def plain(x: Tensor, shift: Tensor, neurons: Neurons, *, per_channel: bool, added: Tensor | None = None) -> Tensor:
    """Batch normalization, what is added behind it, and equation 1, step by step, left to autograd."""
    axes = [axis for axis in range(x.dim()) if axis != 2]
    variance = x.var(axes, keepdim=True, correction=0)
    if not per_channel:
        variance = variance.mean()
    shape = [1, 1, -1, *[1] * (x.dim() - 3)]
    current = (x - x.mean(axes, keepdim=True)) / (neurons.threshold * torch.sqrt(variance + EPSILON)) + shift.view(shape)
    if added is not None:
        current = current + added
    membrane = fired = torch.zeros_like(current[0])
    spikes, fire = [], spike(SURROGATES[neurons.surrogate].slope)
    for t in range(neurons.timesteps):
        membrane = neurons.beta * membrane * (1 - fired) + current[t % len(current)]
        fired = fire(membrane)
        spikes.append(fired)
    return torch.stack(spikes)


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_forward_and_backward_equal_autograd_through_normalization_and_time(seed: int) -> None:
    x, shift, weights, neurons = drawn(seed)
    per_channel, neurons = seed % 2 == 0, replace(neurons, threshold=(1, 0.3, 2.5)[seed % 3])
    ours, theirs = ([each.clone().requires_grad_() for each in (x, shift)] for _ in range(2))
    channels = len(shift)
    start = torch.zeros(channels, dtype=x.dtype), torch.ones(channels if per_channel else 1, dtype=x.dtype)
    spikes, _, _ = NormalizedLif.apply(*ours, *start, neurons, True)
    reference = plain(theirs[0], theirs[1], neurons, per_channel=per_channel)
    (spikes * weights).sum().backward()
    (reference * weights).sum().backward()
    assert torch.equal(spikes, reference)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.grad is not None and other.grad is not None
        assert torch.allclose(mine.grad, other.grad, rtol=1e-9, atol=1e-9)  # a test of training


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_what_is_added_behind_the_normalization_has_its_own_gradient(seed: int) -> None:
    x, shift, weights, neurons = drawn(seed)
    neurons = replace(neurons, threshold=(1, 0.3, 2.5)[seed % 3])
    per_channel, frames = seed % 2 == 0, neurons.timesteps if seed % 5 else 1
    added = torch.randn(frames, *x.shape[1:], dtype=x.dtype, generator=torch.Generator().manual_seed(seed)) * 0.7
    ours, theirs = ([each.clone().requires_grad_() for each in (x, shift, added)] for _ in range(2))
    start = torch.zeros(len(shift), dtype=x.dtype), torch.ones(len(shift) if per_channel else 1, dtype=x.dtype)
    spikes, _, _ = NormalizedLif.apply(*ours[:2], *start, neurons, True, ours[2])
    reference = plain(theirs[0], theirs[1], neurons, per_channel=per_channel, added=theirs[2])
    (spikes * weights).sum().backward()
    (reference * weights).sum().backward()
    assert torch.equal(spikes, reference)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.grad is not None and other.grad is not None
        assert torch.allclose(mine.grad, other.grad, rtol=1e-9, atol=1e-9)  # a test of training


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_a_cut_temporal_gradient_leaves_only_that_of_each_step(kind: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    x, weights = (torch.randn(4, 3, 5, generator=generator).to(kind) for _ in range(2))
    neurons = Neurons(4, 0.5, "arctan", temporal_gradient=False)
    fixed = (torch.zeros(5, dtype=kind), torch.zeros(5, dtype=kind), torch.full((1,), 1 - EPSILON, dtype=kind))
    ours = x.clone().requires_grad_()
    spikes, *_ = NormalizedLif.apply(ours, *fixed, neurons, False)
    (spikes * weights).sum().backward()
    membrane, slopes = torch.zeros_like(x[0]), []
    for now in x:
        membrane = 0.5 * torch.where(membrane >= 1, 0, membrane) + now
        slopes.append(SURROGATES["arctan"].slope(membrane))
    assert ours.grad is not None
    assert torch.allclose(ours.grad, torch.stack(slopes) * weights, rtol=1e-4)  # a test of training
    integer = (x * 8).round().requires_grad_()
    (ChipLif.apply(integer, torch.zeros(5, dtype=kind), 8, neurons)[0][-1]).sum().backward()
    assert integer.grad is not None
    assert integer.grad[-1].all() and not integer.grad[:-1].any()


def test_fixed_statistics_have_no_gradient() -> None:
    x, shift, weights, neurons = drawn(4)
    mean, variance = torch.full_like(shift, 0.3), torch.full((1,), 4.0, dtype=x.dtype)
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    spikes, *kept = NormalizedLif.apply(ours, shift, mean, variance, neurons, False)
    shape = [1, 1, -1, *[1] * (x.dim() - 3)]
    current = (theirs - 0.3) / torch.sqrt(torch.tensor(4 + EPSILON, dtype=x.dtype)) + shift.view(shape)
    identity = Neurons(neurons.timesteps, neurons.beta, neurons.surrogate)
    fire, membrane, all_spikes = spike(SURROGATES[identity.surrogate].slope), torch.zeros_like(x[0]), []
    for t in range(neurons.timesteps):
        membrane = current[t % len(current)] + neurons.beta * membrane
        fired = fire(membrane)
        membrane = membrane * (1 - fired)
        all_spikes.append(fired)
    (spikes * weights).sum().backward()
    (torch.stack(all_spikes) * weights).sum().backward()
    assert torch.equal(kept[0], mean) and torch.equal(kept[1], variance)
    assert ours.grad is not None and theirs.grad is not None
    assert torch.allclose(ours.grad, theirs.grad)  # a test of training
    assert ours.grad.any()


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_the_integer_forward_pass_is_the_chip(seed: int) -> None:
    rng = np.random.default_rng(seed)
    steps, neurons = int(rng.integers(1, 7)), 5
    inputs = rng.integers(-400, 400, (steps, 3, neurons))
    bias, vth, dv = rng.integers(-30, 30, neurons), int(rng.integers(0, 500)), int(rng.integers(0, 4096))
    layer = Layer("a", (Dense("input", np.eye(neurons, dtype=int)),), Lif((neurons,), vth, dv, bias))
    network = Network("n", steps, Input((neurons,), -400, 400), (layer,), "spikes")
    shared = Neurons(steps, (4096 - dv) / 4096)
    almost = torch.tensor(inputs).float() + 0.25  # what a convolution by Winograd or FFT may give
    spikes, membranes = ChipLif.apply(almost, torch.tensor(bias).float(), vth, shared)
    trace = simulate(network, inputs)
    assert np.array_equal(spikes.numpy(), trace.spikes["a"])
    assert np.array_equal(membranes.numpy(), trace.membranes["a"])


@pytest.mark.parametrize(("kind", "frames"), list(product((torch.float32, torch.float64), (1, 4))))
def test_the_integer_backward_pass_is_the_float_one_in_weight_units(kind: torch.dtype, frames: int) -> None:
    """Without rounding (beta 1/2, few steps) both neurons see the same membranes, so the gradients are in proportion."""
    vth, neurons = 8, Neurons(4, 0.5)
    units = torch.randint(-6, 10, (frames, 3, 5), generator=torch.Generator().manual_seed(0)).to(kind)
    weight = torch.randn(4, 3, 5, dtype=kind, generator=torch.Generator().manual_seed(1))
    integer, real = units.clone().requires_grad_(), (units / vth - 1e-6).requires_grad_()  # strictly above, as the chip
    bias = torch.zeros(5, dtype=kind, requires_grad=True)
    spikes, _ = ChipLif.apply(integer, bias, vth, neurons)
    fixed = (torch.zeros(5, dtype=kind), torch.zeros(5, dtype=kind), torch.full((1,), 1 - EPSILON, dtype=kind))
    reference, *_ = NormalizedLif.apply(real, *fixed, neurons, False)
    assert torch.equal(spikes, reference)
    (spikes * weight).sum().backward()
    (reference * weight).sum().backward()
    assert real.grad is not None and integer.grad is not None and bias.grad is not None
    assert torch.allclose(integer.grad * vth, real.grad, rtol=1e-3, atol=1e-5)  # a test of training
    assert torch.allclose(bias.grad, integer.grad.sum((0, 1)), rtol=1e-3, atol=1e-5)
    assert real.grad.any()


@pytest.mark.parametrize("kind", [torch.float32, torch.float64])
def test_the_memory_layout_of_a_step_is_kept(kind: torch.dtype) -> None:
    one = torch.randn(2, 4, 3, 3, dtype=kind).to(memory_format=torch.channels_last).unsqueeze(0)
    normalize = Normalize(4, per_channel=True).to(kind)
    for spikes in (normalize(one, Neurons(5, 0.5)), ChipLif.apply(one, torch.zeros(4, dtype=kind), 3, Neurons(5, 0.5))[0]):
        assert spikes.flatten(0, 1).is_contiguous(memory_format=torch.channels_last)


def test_half_precision_keeps_its_type() -> None:
    spikes, _, _ = NormalizedLif.apply(
        torch.randn(2, 3, 4, dtype=torch.bfloat16), torch.zeros(4), torch.zeros(4), torch.ones(1), Neurons(2, 0.5), True
    )
    assert spikes.dtype is torch.bfloat16
    assert F.relu(spikes).unique().tolist() in ([0, 1], [0], [1])


def test_leaky_sum() -> None:
    assert leaky_sum(torch.tensor([[1.0], [1.0], [1.0]]), 0.5).ravel().tolist() == [1, 1.5, 1.75]


@pytest.mark.parametrize("beta", [0.0, 1.1, 0.3, -1])
def test_leaks_that_the_chip_does_not_have_are_refused(beta: float) -> None:
    with pytest.raises(ConfigError, match=r"is not k / 4096 with k in 1..4096; try 0.5"):
        Neurons(5, beta)


@pytest.mark.parametrize(("beta", "dv"), [(1.0, 0), (0.5, 2048), (1 / 4096, 4095)])
def test_leaks_and_registers(beta: float, dv: int) -> None:
    assert Neurons(5, beta).dv == dv


def test_unknown_surrogates_are_refused() -> None:
    with pytest.raises(ConfigError, match="surrogate 'step' is unknown; allowed are boxcar, arctan, fast-sigmoid"):
        Neurons(5, 0.5, "step")


@pytest.mark.parametrize("threshold", [0.0, -1.0, 65.0, float("nan")])
def test_thresholds_that_never_or_always_spike_are_refused(threshold: float) -> None:
    with pytest.raises(ConfigError, match=r"is outside 0.015625..64 deviations; try 1"):
        Neurons(5, 0.5, threshold=threshold)
