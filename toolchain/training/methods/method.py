"""What a training method is: how many twins there are, whether they learn along, and what loss the networks share."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from snnc.toolchain.layers.spiking_network import Logits


@dataclass(frozen=True)
class Losses:
    """The loss to minimize and, for the progress view, the matching loss inside it."""

    total: Tensor
    matching: Tensor


@dataclass(frozen=True)
class Method:
    """`loss(logits, labels, alpha)`: `logits` holds those of the base network first, then of each twin.

    `frozen` twins are trained alone before the base network, and stay as they are.
    """

    twins: int
    loss: Callable[[list[Logits], Tensor, float], Losses]
    frozen: bool = False


def cross_entropy(logits: list[Tensor], labels: Tensor) -> Tensor:
    """Return the sum of all networks' cross-entropies, from logits `(B, classes)`."""
    return torch.stack([F.cross_entropy(each, labels) for each in logits]).sum()


def matching(logits: list[Tensor]) -> Tensor:
    """Return the sum over all pairs of networks of the mean squared difference of their logits."""
    pairs = [F.mse_loss(one, other) for i, one in enumerate(logits) for other in logits[i + 1 :]]
    return torch.stack(pairs).sum()
