"""T steps of normalized LIF and of the chip's LIF over a layer, forward and backward, in plain torch on any device.

The channel is the last axis: inputs are `(F, B, ..., C)`, F being T, or 1 where every step has the same input; spikes and
membranes are `(T, B, ..., C)`. `lif_native.py` has the same functions in C; layers take whichever fits (`lif_autograd.py`).
"""

import torch
from torch import Tensor

from snnc.toolchain.layers.surrogate import SURROGATES
from snnc.toolchain.network import lif


def moments(x: Tensor, center: Tensor) -> Tensor:
    """Return the sums of `x - center` and of its square over all but the channels: `(2, C)`, float64 where there is one."""
    centered = (x - center).flatten(0, -2)
    wide = torch.float32 if x.device.type == "mps" else torch.float64
    return torch.stack([centered.sum(0, dtype=wide), centered.square().sum(0, dtype=wide)])


def fire(x: Tensor, scale: Tensor, offset: Tensor, timesteps: int, beta: float) -> Tensor:
    """Return the spikes of LIF neurons of threshold 1 whose input is `x * scale + offset` (arXiv 2409.15849, eq. 1)."""
    return (_membranes(x, scale, offset, timesteps, beta) >= 1).to(x)


def gradient(
    x: Tensor, grad: Tensor, scale: Tensor, offset: Tensor, mean: Tensor, beta: float, carry: float, surrogate: str
) -> tuple[Tensor, Tensor]:
    """Return the gradient of the normalized input, and per channel its sum and that of its product with `x - mean`.

    `carry` is the share of a membrane's gradient that flows to the step before: beta, or 0 where it is cut.
    """
    before = _membranes(x, scale, offset, grad.shape[0], beta)
    result = _through_time(before, before >= 1, grad, carry, surrogate)
    if x.shape[0] == 1:
        result = result.sum(0, keepdim=True)
    flat, centered = result.flatten(0, -2), (x - mean).flatten(0, -2)
    return result, torch.stack([flat.sum(0), (flat * centered).sum(0)])


def recenter(x: Tensor, grad: Tensor, scale: Tensor, mean: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Return `scale * (grad - first - (x - mean) * second)`: the gradient through normalization and its statistics."""
    return scale * (grad - first - (x - mean) * second)


def fire_integers(x: Tensor, bias: Tensor, timesteps: int, dv: int, vth: int) -> tuple[Tensor, Tensor]:
    """Return spikes and membranes after reset (int32) as the chip computes them; `bias` is in weight units."""
    before = _chip_membranes(x, bias, timesteps, dv, vth)
    after, spikes = lif.fire(before, vth)
    return spikes.to(x), after.to(torch.int32)


def gradient_integers(
    x: Tensor, grad: Tensor, bias: Tensor, dv: int, vth: int, carry: float, surrogate: str
) -> tuple[Tensor, Tensor]:
    """Return the gradients of the current and, per channel, of the bias, both in weight units; `carry` as for `gradient`."""
    before, unit = _chip_membranes(x, bias, grad.shape[0], dv, vth), max(vth, 1)
    fired = before > vth << lif.UNIT_SHIFT
    result = _through_time(before.to(x) / (unit << lif.UNIT_SHIFT), fired, grad, carry, surrogate) / unit
    if x.shape[0] == 1:
        result = result.sum(0, keepdim=True)
    return result, result.flatten(0, -2).sum(0)


def _membranes(x: Tensor, scale: Tensor, offset: Tensor, timesteps: int, beta: float) -> Tensor:
    """Return all membranes before their reset, by eq. 1: u[t] = beta * u[t-1] * (1 - s[t-1]) + I[t]."""
    current = torch.addcmul(offset, x, scale)
    membranes = [current[0]]
    for t in range(1, timesteps):
        kept = torch.where(membranes[-1] >= 1, 0.0, membranes[-1])
        membranes.append(torch.add(current[t % len(current)], kept, alpha=beta))
    return torch.stack(membranes)


def _chip_membranes(x: Tensor, bias: Tensor, timesteps: int, dv: int, vth: int) -> Tensor:
    a, offset = torch.round(x).to(torch.int64), bias.to(torch.int64) << lif.UNIT_SHIFT
    u = v = torch.zeros_like(a[0])
    membranes = []
    for t in range(timesteps):
        u, before = lif.integrate(u, v, a[t % len(a)], du=lif.DU_MAX, dv=dv, bias=offset)
        v, _ = lif.fire(before, vth)
        membranes.append(before)
    return torch.stack(membranes)


def _through_time(before: Tensor, fired: Tensor, grad: Tensor, carry: float, surrogate: str) -> Tensor:
    """Backpropagate through time, including the path through the reset; `before` is in units of the threshold."""
    slopes = SURROGATES[surrogate].slope(before)
    reset = (~fired).to(before) - before * slopes
    carried = torch.zeros_like(before[0])
    gradients = []
    for t in reversed(range(len(before))):
        carried = slopes[t] * grad[t] + carry * reset[t] * carried
        gradients.append(carried)
    return torch.stack(gradients[::-1])
