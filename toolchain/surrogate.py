"""Leaky integrate-and-fire over all T steps as one autograd operation, in floats and in the chip's integers.

Forward: Deckers et al. 2024 (arXiv 2409.15849), eq. 1, hard reset to 0; or `lif.step`, which the chip computes.
Backward: backpropagation through time with their boxcar surrogate gradient (eq. 4), including the path through the reset.
Both save the membrane before its reset in units of the threshold, so that one backward pass serves both.
"""

from typing import Any

import torch
from torch import Tensor

from snnc.toolchain import lif

HALF_WIDTH, HEIGHT = 0.5, 0.5  # of the boxcar, in units of the threshold


def boxcar(membrane: Tensor) -> Tensor:
    """Return the surrogate of d spike / d membrane: 0.5 where |membrane - 1| <= 0.5, else 0 (eq. 4)."""
    return (membrane - 1).abs_().le_(HALF_WIDTH).mul_(HEIGHT)


def _all_steps(current: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Return an empty `(T, B, ...)` with one step after the other, each in the memory layout of `current[0]`.

    `empty_like` would fall back to the default layout where `current` is one step expanded over time.
    """
    step = current[0]
    strides = (step.numel(), *torch.empty_like(step).stride())
    return torch.empty_strided(current.shape, strides, dtype=dtype or current.dtype, device=current.device)


def _backward_through_time(grad: Tensor, membranes: Tensor, spikes: Tensor, leak: float) -> Tensor:
    gradients = _all_steps(spikes)
    carried = torch.zeros_like(grad[0])
    for t in reversed(range(grad.shape[0])):
        slope = boxcar(membranes[t])
        through_reset = torch.addcmul(1 - spikes[t], membranes[t], slope, value=-1).mul_(carried)
        carried = torch.add(slope.mul_(grad[t]), through_reset, alpha=leak, out=gradients[t])
    return gradients


class FloatLif(torch.autograd.Function):
    """Spikes `(T, B, ...)` of 0 and 1 from input `(T, B, ...)`; the threshold is 1."""

    @staticmethod
    def forward(ctx: Any, current: Tensor, leak: float) -> Tensor:
        """Run eq. 1 over the leading time axis."""
        membranes, spikes = _all_steps(current), _all_steps(current)
        membrane = torch.zeros_like(current[0])
        for t in range(current.shape[0]):
            membrane = torch.add(current[t], membrane, alpha=leak, out=membranes[t])
            spikes[t] = membrane >= 1
            membrane = membrane * (1 - spikes[t])
        ctx.save_for_backward(membranes, spikes)
        ctx.leak = leak
        return spikes

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Return the gradient with respect to the input."""
        membranes, spikes = ctx.saved_tensors
        return _backward_through_time(grads[0], membranes, spikes, ctx.leak), None


class IntegerLif(torch.autograd.Function):
    """Spikes and membranes after reset, both `(T, B, ...)`, as the chip computes them.

    `current` and `bias` hold whole weight units as floats; `vth` and `dv` are the chip's integers.
    """

    @staticmethod
    def forward(ctx: Any, current: Tensor, bias: Tensor, vth: int, dv: int) -> tuple[Tensor, Tensor]:
        """Run `lif.integrate` and `lif.fire` over the leading time axis."""
        spikes, before = _all_steps(current), _all_steps(current)
        after = _all_steps(current, torch.int32)
        a, offset = current.to(torch.int64), bias.to(torch.int64) << lif.UNIT_SHIFT
        u = v = torch.zeros_like(a[0])
        for t in range(a.shape[0]):
            u, v = lif.integrate(u, v, a[t], du=lif.DU_MAX, dv=dv, bias=offset)
            before[t] = v
            v, fired = lif.fire(v, vth)
            spikes[t], after[t] = fired, v
        ctx.save_for_backward(before, spikes)
        ctx.unit, ctx.leak = max(vth, 1), (lif.DECAY_UNITY - dv) / lif.DECAY_UNITY
        ctx.bias_shape = bias.shape
        ctx.mark_non_differentiable(after)
        return spikes, after

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, None, None]:
        """Return the gradients with respect to input and bias."""
        before, spikes = ctx.saved_tensors
        membranes = before / (ctx.unit << lif.UNIT_SHIFT)
        grad = _backward_through_time(grads[0], membranes, spikes, ctx.leak) / ctx.unit
        return grad, grad.sum((0, 1)).sum_to_size(ctx.bias_shape), None, None


def leaky_sum(current: Tensor, leak: float) -> Tensor:
    """Return the membranes `(T, B, ...)` of neurons that never spike, from input `(T, B, ...)`."""
    membranes = [current[0]]
    for now in current.unbind()[1:]:
        membranes.append(membranes[-1] * leak + now)
    return torch.stack(membranes)
