"""One network alone: FP-SNN, T-SNN and B-SNN of Deckers et al. 2024 (arXiv 2409.15849, table 2)."""

from torch import Tensor

from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy


def loss(logits: list[Tensor], labels: Tensor, alpha: float) -> Losses:
    """Return the cross-entropy; `alpha` plays no part."""
    return Losses(cross_entropy(logits, labels), logits[0].new_zeros(()))


METHOD = Method(twins=0, loss=loss)
