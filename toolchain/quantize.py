"""Quantised weights in the forward pass, straight-through gradients in the backward pass."""

from collections.abc import Callable

import torch
from torch import Tensor

from snnc.toolchain.errors import ConfigError


def straight_through(exact: Tensor, quantised: Tensor) -> Tensor:
    """Return the values of `quantised` with the gradient of `exact` (Bengio et al. 2013, arXiv 1308.3432).

    Added in this order the result equals `quantised` to the last bit, which `exact + (quantised - exact)` does not.
    """
    return quantised.detach() + (exact - exact.detach())


def ternary(weight: Tensor, delta: float) -> Tensor:
    """Return -1 where weight < -delta, +1 where weight > delta, else 0 (arXiv 2409.15849, eq. 6); no scale factor."""
    return straight_through(weight, (weight > delta).to(weight) - (weight < -delta).to(weight))


def binary(weight: Tensor, delta: float) -> Tensor:
    """Return the sign of the weight, +1 for 0 (B-SNN of arXiv 2409.15849); `delta` plays no part."""
    return straight_through(weight, torch.where(weight >= 0, 1.0, -1.0).to(weight))


def rounded(values: Tensor, limit: int | None = None) -> Tensor:
    """Return the nearest integers, clipped to [-limit, limit] if a limit is given."""
    integers = torch.round(values)
    return straight_through(values, integers if limit is None else integers.clamp(-limit, limit))


# How hidden layers are quantised. "float" keeps them until the integer phase, which gives every layer 8 bits.
WEIGHTS: dict[str, Callable[[Tensor, float], Tensor] | None] = {"float": None, "ternary": ternary, "binary": binary}


def quantiser(name: str) -> Callable[[Tensor, float], Tensor] | None:
    """Return a row of WEIGHTS. Raises ConfigError for an unknown name."""
    if name not in WEIGHTS:
        raise ConfigError(f"weights {name!r} is unknown; allowed are {', '.join(WEIGHTS)}")
    return WEIGHTS[name]
