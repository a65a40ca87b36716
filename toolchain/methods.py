"""Training methods, by name: how many twins there are and what loss they share; add a row to METHODS to add one."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Losses:
    """The loss to minimise and, for the progress view, the matching loss inside it."""

    total: Tensor
    matching: Tensor


@dataclass(frozen=True)
class Method:
    """`loss(logits, labels, alpha)`: `logits` holds `(B, classes)` of the base network first, then of each twin."""

    twins: int
    loss: Callable[[list[Tensor], Tensor, float], Losses]


def baseline(logits: list[Tensor], labels: Tensor, alpha: float) -> Losses:
    """Cross-entropy of one network alone; `alpha` plays no part."""
    return Losses(F.cross_entropy(logits[0], labels), logits[0].new_zeros(()))


def twin_network_augmentation(logits: list[Tensor], labels: Tensor, alpha: float) -> Losses:
    """Sum of all networks' CE + alpha * MSE(logits of each pair), gradients flowing into all (arXiv 2409.15849, eq. 5).

    Two networks are the paper's method; with three it found no further gain.
    """
    pairs = [F.mse_loss(one, other) for i, one in enumerate(logits) for other in logits[i + 1 :]]
    matching = torch.stack(pairs).sum()
    total = torch.stack([F.cross_entropy(each, labels) for each in logits]).sum()
    return Losses(total + alpha * matching, matching)


METHODS: dict[str, Method] = {
    "baseline": Method(twins=0, loss=baseline),
    "tna": Method(twins=1, loss=twin_network_augmentation),
    "tna3": Method(twins=2, loss=twin_network_augmentation),
}
