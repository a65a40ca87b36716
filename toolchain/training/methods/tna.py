"""Twin Network Augmentation (Deckers et al. 2024, arXiv 2409.15849): base and twin learn together, from scratch."""

from torch import Tensor

from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy, matching


def loss(logits: list[Logits], labels: Tensor, alpha: float) -> Losses:
    """Return CE(base) + CE(twin) + alpha * MSE(logits), eq. 5; gradients of the matching loss flow into both."""
    totals = [each.total for each in logits]
    matched = matching(totals)
    return Losses(cross_entropy(totals, labels) + alpha * matched, matched)


METHOD = Method(twins=1, loss=loss)
