"""Quantized weights in the forward pass, straight-through gradients in the backward pass."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from snnc.toolchain.errors import row


class StraightThrough(torch.autograd.Function):
    """The values of a quantized tensor with the gradient of the exact one (Bengio et al. 2013, arXiv 1308.3432)."""

    @staticmethod
    def forward(ctx: Any, exact: Tensor, quantized: Tensor) -> Tensor:
        """Return the quantized values, to the last bit."""
        return quantized

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        """Pass the gradient through."""
        return grads[0], None


def straight_through(exact: Tensor, quantized: Tensor) -> Tensor:
    """Return the values of `quantized`, a fresh tensor (modified in place), with the gradient of `exact`."""
    return StraightThrough.apply(exact, quantized.detach())  # type: ignore[no-untyped-call,no-any-return]


def ternary(weight: Tensor, delta: float) -> Tensor:
    """Return -1 where weight < -delta, +1 where weight > delta, else 0 (arXiv 2409.15849, eq. 6); no scale factor."""
    # Shrinking leaves 0 within [-delta, delta]: two passes over the weights, which count in wide layers.
    return straight_through(weight, F.hardshrink(weight.detach(), delta).sign_())


def binary(weight: Tensor, delta: float) -> Tensor:
    """Return the sign of the weight, +1 for 0 (B-SNN of arXiv 2409.15849); `delta` plays no part."""
    return straight_through(weight, torch.where(weight.detach() >= 0, 1.0, -1.0).to(weight))


def binary_centered(weight: Tensor, delta: float) -> Tensor:
    """Return the sign of the weight minus its output channel's mean, +1 for 0; `delta` plays no part.

    Centered signs carry the most information, half of them being +1 (IR-Net: Qin et al. 2020, arXiv 1909.10788); Q-SNN and
    BESTFormer center as well. Without a scale factor, which a chip with one threshold per layer could not hold. The gradient
    passes straight through.
    """
    exact = weight.detach()
    centered = exact - exact.mean(tuple(range(1, exact.dim())), keepdim=True)
    return straight_through(weight, torch.where(centered >= 0, 1.0, -1.0).to(weight))


def rounded(values: Tensor, limit: int | None = None) -> Tensor:
    """Return the nearest integers, clipped to [-limit, limit] if a limit is given."""
    integers = torch.round(values.detach())
    return straight_through(values, integers if limit is None else integers.clamp_(-limit, limit))


# How hidden layers are quantized. "float" keeps them until the integer phase, which gives every layer 8 bits.
# "posterior" holds natural parameters whose signs are the most probable weights; training draws others (posterior.py).
POSTERIOR = "posterior"
WEIGHTS: dict[str, Callable[[Tensor, float], Tensor] | None] = {
    "float": None,
    "ternary": ternary,
    "binary": binary,
    "binary-centered": binary_centered,
    POSTERIOR: binary,
}


def quantizer(name: str) -> Callable[[Tensor, float], Tensor] | None:
    """Return a row of WEIGHTS. Raises ConfigError for an unknown name."""
    return row(WEIGHTS, name, "weights")
