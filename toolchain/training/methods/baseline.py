"""One network alone: FP-SNN, T-SNN and B-SNN of Deckers et al. 2024 (arXiv 2409.15849, table 2)."""

from torch import Tensor

from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy


def loss(logits: list[Logits], labels: Tensor, alpha: float) -> Losses:
    """Return the cross-entropy; `alpha` plays no part."""
    totals = [each.total for each in logits]
    return Losses(cross_entropy(totals, labels), totals[0].new_zeros(()))


METHOD = Method(twins=0, loss=loss)
