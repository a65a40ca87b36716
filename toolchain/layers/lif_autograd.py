"""The two neurons of training as autograd operations over all T steps of a layer: normalized LIF, and the chip's LIF.

Both keep only their input for the backward pass, which recomputes the membranes: spikes are all that a network stores besides
the input of each layer. Inputs are `(F, B, C, ...)`, F being T, or 1 where every step has the same input.
"""

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

from snnc.toolchain.distributed import all_reduce_sum
from snnc.toolchain.errors import ConfigError, row
from snnc.toolchain.layers import lif_compiled, lif_native, lif_torch
from snnc.toolchain.layers.surrogate import SURROGATES
from snnc.toolchain.network import lif

THRESHOLDS = (1 / 64, 64)  # deviations: beyond, layers spike always or never
EPSILON = 1e-5  # keeps a silent layer's deviation above 0


@dataclass(frozen=True)
class Neurons:
    """The settings of all neurons of a layer: the number of steps, the share of the membrane kept, a row of SURROGATES.

    `threshold` is in deviations of what the synapses give, which normalization brings to 1: a layer of 0.5 spikes more.
    """

    timesteps: int
    beta: float
    surrogate: str = "boxcar"
    temporal_gradient: bool = True  # False cuts gradients from step to step (SLTT: Meng et al. 2023, arXiv 2302.14311)
    threshold: float = 1.0

    def __post_init__(self) -> None:
        """Raise ConfigError for a beta that the chip does not have, a threshold not above 0, or an unknown surrogate."""
        dv = lif.DECAY_UNITY * (1 - self.beta)
        if not 0 <= dv <= lif.DV_MAX or dv != int(dv):
            raise ConfigError(
                f"beta {self.beta} is not k / 4096 with k in 1..4096; "
                "try 0.5 (exact in every framework for up to 7 steps) or 1.0 (for any number)"
            )
        if not THRESHOLDS[0] <= self.threshold <= THRESHOLDS[1]:
            raise ConfigError(f"threshold {self.threshold} is outside {THRESHOLDS[0]}..{THRESHOLDS[1]} deviations; try 1")
        row(SURROGATES, self.surrogate, "surrogate")

    @property
    def dv(self) -> int:
        """The chip's decay register: beta = (4096 - dv) / 4096."""
        return int(lif.DECAY_UNITY * (1 - self.beta))

    @property
    def carry(self) -> float:
        """The share of a membrane's gradient that flows to the step before: beta, or 0 if it is cut."""
        return self.beta if self.temporal_gradient else 0.0


class NormalizedLif(torch.autograd.Function):
    """Spikes `(T, B, C, ...)` of 0 and 1 from `x`, normalized over all but the channels and shifted; the threshold is 1.

    Forward: batch normalization, with one variance per channel or one per layer, then eq. 1 of arXiv 2409.15849. Backward:
    through time with the surrogate gradient, the reset and the statistics included. Several processes share statistics.
    `added` joins after the normalization, in thresholds: what shortcuts bring, of which the statistics know nothing.
    """

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        shift: Tensor,
        mean: Tensor,
        variance: Tensor,
        neurons: Neurons,
        live: bool,
        added: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return spikes, mean and variance: those of the batch if `live`, else the given ones."""
        x = _channels_last(x)
        if live:
            mean, variance, ctx.count = _statistics(x, mean, neurons, per_channel=variance.numel() > 1)
        scale = torch.rsqrt(variance + EPSILON).expand_as(mean).contiguous() / neurons.threshold
        offset = shift - mean * scale
        joined = None if added is None else _channels_last(added.to(x))
        ctx.save_for_backward(x, mean, scale, offset, joined)
        ctx.neurons, ctx.live, ctx.per_channel = neurons, live, variance.numel() > 1
        drive = _with_added(x, joined, scale)
        spikes = _steps(x, neurons).fire(drive, scale, offset, neurons.timesteps, neurons.beta)
        ctx.mark_non_differentiable(mean, variance)
        return _channels_third(spikes), mean, variance

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of input, shift and what was added."""
        x, mean, scale, offset, joined = ctx.saved_tensors
        neurons = ctx.neurons
        steps = _steps(x, neurons)
        drive, grad = _with_added(x, joined, scale), _channels_last(grads[0].to(x))
        grad, sums = steps.gradient(drive, grad, scale, offset, mean, neurons.beta, neurons.carry, neurons.surrogate)
        of_added = None
        if joined is not None:
            of_added = _over_frames(grad, joined)
            if of_added is grad:
                of_added = grad.clone()  # `recenter` may write over it
            grad = _over_frames(grad, x)
            # The statistics know x alone: take back what `gradient` summed of the rest.
            sums[1] -= (of_added * joined).flatten(0, -2).sum(0) / scale
        first = second = torch.zeros_like(mean)
        if ctx.live:
            first, second = all_reduce_sum(sums.clone()) / ctx.count
            second = (second if ctx.per_channel else second.mean().expand_as(mean)) * (scale * neurons.threshold).square()
        grad = steps.recenter(x, grad, scale, mean, first, second.contiguous())
        joins = None if of_added is None else _channels_third(of_added)
        return _channels_third(grad), sums[0], None, None, None, None, joins


class ChipLif(torch.autograd.Function):
    """Spikes and membranes after reset (int32), both `(T, B, C, ...)`, as the chip computes them: lif.integrate and lif.fire.

    `current` and `bias` `(C,)` hold weight units as floats, rounded here; gradients pass the rounding straight through.
    """

    @staticmethod
    def forward(ctx: Any, current: Tensor, bias: Tensor, vth: int, neurons: Neurons) -> tuple[Tensor, Tensor]:
        """Run all time steps."""
        x = _channels_last(current)
        spikes, after = _steps(x, neurons).fire_integers(x, bias, neurons.timesteps, neurons.dv, vth)
        ctx.save_for_backward(x, bias)
        ctx.neurons, ctx.vth = neurons, vth
        ctx.mark_non_differentiable(after)
        return _channels_third(spikes), _channels_third(after)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients of current and bias."""
        x, bias = ctx.saved_tensors
        grad = _channels_last(grads[0].to(x))
        neurons = ctx.neurons
        steps, carry = _steps(x, neurons), neurons.carry
        grad, of_bias = steps.gradient_integers(x, grad, bias, neurons.dv, ctx.vth, carry, neurons.surrogate)
        return _channels_third(grad), of_bias, None, None


def leaky_sum(current: Tensor, beta: float) -> Tensor:
    """Return the membranes `(T, B, ...)` of neurons that never spike, from input `(T, B, ...)`."""
    membranes = [current[0]]
    for now in current.unbind()[1:]:
        membranes.append(membranes[-1] * beta + now)
    return torch.stack(membranes)


def _steps(x: Tensor, neurons: Neurons) -> ModuleType:
    """Return the module that computes the steps of a layer: C on a CPU, compiled torch on a GPU, else plain torch."""
    return next((module for module in (lif_native, lif_compiled) if module.available(x, neurons.surrogate)), lif_torch)


def _with_added(x: Tensor, added: Tensor | None, scale: Tensor) -> Tensor:
    """Return what normalizes to the normalized `x` plus `added`."""
    return x if added is None else (x + added / scale).to(x)


def _over_frames(grad: Tensor, of: Tensor) -> Tensor:
    """Return the gradient of a tensor that may have had one frame for all steps."""
    return grad.sum(0, keepdim=True) if len(of) == 1 < len(grad) else grad


def _statistics(x: Tensor, center: Tensor, neurons: Neurons, *, per_channel: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Return mean, variance (one per channel or one value) and the number of values per channel, over all processes."""
    sums = _steps(x, neurons).moments(x, center)
    count = sums.new_full((1, sums.shape[1]), x[..., 0].numel())
    first, second, count = all_reduce_sum(torch.cat([sums, count]))
    first, second = first / count, second / count
    variance = (second - first.square()).clamp_(min=0)
    if not per_channel:
        variance = variance.mean().reshape(1)
    return (center + first).to(center), variance.to(center), count.to(center)


def statistics(x: Tensor, center: Tensor, neurons: Neurons, *, per_channel: bool) -> tuple[Tensor, Tensor]:
    """Return mean `(C,)` and variance (one per channel, or one value) of `x` `(F, B, C, ...)`, over all processes.

    `center` is a guess of the mean, which keeps the sums small.
    """
    return _statistics(_channels_last(x), center, neurons, per_channel=per_channel)[:2]


def _channels_last(x: Tensor) -> Tensor:
    """Move the channels to the end; free where a step is stored in torch's channels_last format."""
    return x.movedim(2, -1).contiguous()


def _channels_third(x: Tensor) -> Tensor:
    return x.movedim(-1, 2)
