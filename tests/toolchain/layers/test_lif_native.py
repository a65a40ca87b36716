"""The neurons of training in C against those in torch: floats closely, integers exactly, any number of threads alike."""

import pytest
import torch
from hypothesis import given, settings
from random_layers import drawn
from random_networks import seeds

from snnc.toolchain.errors import EngineError
from snnc.toolchain.layers import lif_native, lif_torch
from snnc.toolchain.layers.lif_autograd import ChipLif, Neurons
from snnc.toolchain.layers.surrogate import SURROGATES, Surrogate, boxcar

needs_kernel = pytest.mark.skipif(lif_native.kernel() is None, reason="the C kernel was not built here")


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(seeds)
def test_c_computes_what_torch_computes(seed: int) -> None:
    """In float32 both round, so sums are compared with a tolerance, and spikes where no membrane is at the threshold."""
    x, shift, weights, neurons = drawn(seed, like_training=True)
    x, grad = x.movedim(2, -1).contiguous(), weights.movedim(2, -1).contiguous()
    center = torch.linspace(-1, 1, len(shift))
    exact = lif_torch.moments(x.double(), center.double())
    assert torch.allclose(lif_native.moments(x, center), exact, rtol=1e-5, atol=1e-4)  # a test of training
    scale = torch.rand(len(shift)) + 0.5
    arguments = (scale, shift, neurons.timesteps, neurons.beta)
    ours, theirs = (module.fire(x, *arguments) for module in (lif_native, lif_torch))
    assert (ours != theirs).float().mean() < 1e-3
    results = [
        module.gradient(x, grad, scale, shift, center, neurons.beta, neurons.carry, neurons.surrogate)
        for module in (lif_native, lif_torch)
    ]
    if torch.equal(ours, theirs):
        for one, other in zip(*results, strict=True):
            assert torch.allclose(one, other, rtol=1e-3, atol=1e-3)  # a test of training
    statistics = (scale, center, shift * 0.01, shift * 0.02)
    recenterd = [module.recenter(x, grad[: len(x)].clone(), *statistics) for module in (lif_native, lif_torch)]
    one, other = recenterd
    assert torch.allclose(one, other, rtol=1e-4, atol=1e-5)  # a test of training


@needs_kernel
@settings(max_examples=60, deadline=None)
@given(seeds)
def test_c_and_torch_give_the_same_integers(seed: int) -> None:
    x, _, weights, neurons = drawn(seed, like_training=True)
    generator = torch.Generator().manual_seed(seed)
    size = [3.0, 300.0, 300000.0][seed % 3]  # small, common, and so large that currents wrap and membranes saturate
    x = torch.round(x.movedim(2, -1) * size).clamp(-(2**18) + 1, 2**18 - 1).contiguous()
    bias = torch.randint(-4096, 4096, (x.shape[-1],), generator=generator).float()
    vth = int(torch.randint(0, int(size) + 1, (), generator=generator).clamp(max=2**17 - 1))
    dv = int(torch.randint(0, 4096, (), generator=generator))
    fired = [module.fire_integers(x, bias, neurons.timesteps, dv, vth) for module in (lif_native, lif_torch)]
    assert all(torch.equal(one, other) for one, other in zip(*fired, strict=True))
    grad = weights.movedim(2, -1).contiguous()
    ours, theirs = (
        module.gradient_integers(x, grad, bias, dv, vth, neurons.carry, neurons.surrogate) for module in (lif_native, lif_torch)
    )
    for one, other in zip(ours, theirs, strict=True):
        assert torch.allclose(one, other, rtol=1e-3, atol=1e-4 * float(other.abs().max()) + 1e-7)  # a test of training


@needs_kernel
def test_threads_do_not_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(3, 16, 20, 20, 24)
    grad, scale, shift = torch.randn(3, 16, 20, 20, 24), torch.rand(24) + 0.5, torch.rand(24)
    results = []
    for threads in (1, 2, 5):
        monkeypatch.setattr(torch, "get_num_threads", lambda threads=threads: threads)
        results.append(
            [
                lif_native.moments(x, shift),
                lif_native.fire(x, scale, shift, 3, 0.5),
                *lif_native.gradient(x, grad, scale, shift, shift, 0.5, 0.5, "boxcar"),
                lif_native.recenter(x, grad.clone(), scale, shift, shift, shift),
            ]
        )
    for result in results[1:]:
        assert all(torch.equal(one, other) for one, other in zip(results[0], result, strict=True))


@needs_kernel
@pytest.mark.parametrize("name", SURROGATES)
def test_c_has_every_surrogate_under_its_number(name: str) -> None:
    """One step from 0: the gradient of the input is the slope at the input, in floats and in integers."""
    h = torch.linspace(0, 2, 41).reshape(1, 41, 1)
    one, none, grad = torch.ones(1), torch.zeros(1), torch.ones_like(h)
    expected = SURROGATES[name].slope(h)
    found, _ = lif_native.gradient(h, grad, one, none, none, 0.5, 0.5, name)
    assert torch.allclose(found, expected, rtol=1e-5)  # a test of training
    found, _ = lif_native.gradient_integers(torch.round(h * 1000), grad, none, 2048, 1000, 0.5, name)
    assert torch.allclose(found * 1000, SURROGATES[name].slope(torch.round(h * 1000) / 1000), rtol=1e-3)


@needs_kernel
def test_a_surrogate_that_the_kernel_lacks_is_an_error_and_not_the_boxcar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SURROGATES, "new", Surrogate(boxcar, 7))
    x, one, bias = torch.rand(2, 3, 4), torch.ones(4), torch.zeros(4)
    with pytest.raises(EngineError, match="the C kernel has no surrogate gradient of number 7; install a C compiler"):
        lif_native.gradient(x, x, one, one, one, 0.5, 0.5, "new")
    with pytest.raises(EngineError, match="the C kernel has no surrogate gradient of number 7"):
        lif_native.gradient_integers(x, x, bias, 2048, 3, 0.5, "new")


def test_a_surrogate_without_c_trains_in_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Adding a row to SURROGATES is all that a new one takes."""
    monkeypatch.setitem(SURROGATES, "triangle", Surrogate(lambda h: (1 - (h - 1).abs()).clamp(min=0)))
    x, neurons = torch.linspace(0, 2, 9).reshape(1, 9, 1).requires_grad_(), Neurons(1, 0.5, "triangle")
    assert not lif_native.available(x, "triangle")
    spikes, _ = ChipLif.apply(x, torch.zeros(1), 1, neurons)
    spikes.sum().backward()
    assert x.grad is not None
    rounded = torch.round(x.detach())
    assert torch.equal(x.grad, (1 - (rounded - 1).abs()).clamp(min=0))
