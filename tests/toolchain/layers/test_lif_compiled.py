"""The neurons of training as torch.compile builds them, and as they run where it cannot."""

import shutil
import warnings

import pytest
import torch
from random_layers import drawn

from snnc.toolchain.layers import lif_compiled, lif_torch


def test_compiled_functions_are_for_gpus_only() -> None:
    assert not lif_compiled.available(torch.zeros(1), "boxcar")
    with pytest.raises(AttributeError, match="no attribute 'step'"):
        _ = lif_compiled.step


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("c++")), reason="torch.compile needs a C++ compiler")
def test_compiled_functions_compute_what_the_plain_ones_do() -> None:
    """On a CPU here, where torch.compile makes C++: the graph is that of a GPU, its kernels are not."""
    x, shift, weights, neurons = drawn(7)
    x, grad = x.movedim(2, -1).contiguous(), weights.movedim(2, -1).contiguous()
    scale, dv, vth = torch.rand_like(shift) + 0.5, 2048, 3
    calls: dict[str, tuple[object, ...]] = {
        "moments": (x, shift),
        "fire": (x, scale, shift, neurons.timesteps, neurons.beta),
        "gradient": (x, grad, scale, shift, shift, neurons.beta, neurons.carry, neurons.surrogate),
        "recenter": (x, grad[: len(x)], scale, shift, shift, shift),
        "fire_integers": (x * 4, shift * 4, neurons.timesteps, dv, vth),
        "gradient_integers": (x * 4, grad, shift * 4, dv, vth, neurons.carry, neurons.surrogate),
    }
    assert set(calls) == set(lif_compiled.COMPILED)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="torch.compile failed")
        for name, arguments in calls.items():
            pairs = [getattr(module, name)(*arguments) for module in (lif_compiled, lif_torch)]
            ours, theirs = (each if isinstance(each, tuple) else (each,) for each in pairs)
            for one, other in zip(ours, theirs, strict=True):
                assert torch.allclose(one.double(), other.double(), rtol=1e-9, atol=1e-9), name  # a test of training


def test_what_cannot_be_compiled_runs_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> object:
        def fail(*arguments: object) -> object:
            raise RuntimeError("no compiler\nsecond line")

        return fail

    monkeypatch.setattr(torch, "compile", broken)
    lif_compiled._compiled.cache_clear()
    x = torch.randn(2, 3, 4)
    with pytest.warns(UserWarning, match=r"torch.compile failed for fire \(no compiler\); it runs uncompiled"):
        spikes = lif_compiled.fire(x, torch.ones(4), torch.zeros(4), 2, 0.5)
    assert torch.equal(spikes, lif_torch.fire(x, torch.ones(4), torch.zeros(4), 2, 0.5))
    assert torch.equal(spikes, lif_compiled.fire(x, torch.ones(4), torch.zeros(4), 2, 0.5))
    lif_compiled._compiled.cache_clear()
