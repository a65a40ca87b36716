"""Distillation from a frozen, trained twin beside cross-entropy: a comparison of arXiv 2409.15849 (best with alpha 1e-5)."""

from torch import Tensor

from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy, matching


def loss(logits: list[Tensor], labels: Tensor, alpha: float) -> Losses:
    """Return CE(base) + alpha * MSE(logits)."""
    matched = matching(logits)
    return Losses(cross_entropy(logits[:1], labels) + alpha * matched, matched)


METHOD = Method(twins=1, loss=loss, frozen=True)
