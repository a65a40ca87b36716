"""Distillation from a frozen, trained twin beside cross-entropy: a comparison of arXiv 2409.15849 (best with alpha 1e-5)."""

from torch import Tensor

from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy, matching


def loss(logits: list[Logits], labels: Tensor, alpha: float) -> Losses:
    """Return CE(base) + alpha * MSE(logits)."""
    totals = [each.total for each in logits]
    matched = matching(totals)
    return Losses(cross_entropy(totals[:1], labels) + alpha * matched, matched)


METHOD = Method(twins=1, loss=loss, frozen=True)
