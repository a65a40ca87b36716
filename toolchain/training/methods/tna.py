"""Twin Network Augmentation (Deckers et al. 2024, arXiv 2409.15849): base and twin learn together, from scratch."""

from torch import Tensor

from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy, matching


def loss(logits: list[Tensor], labels: Tensor, alpha: float) -> Losses:
    """Return CE(base) + CE(twin) + alpha * MSE(logits), eq. 5; gradients of the matching loss flow into both."""
    matched = matching(logits)
    return Losses(cross_entropy(logits, labels) + alpha * matched, matched)


METHOD = Method(twins=1, loss=loss)
