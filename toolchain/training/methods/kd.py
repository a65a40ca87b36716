"""Distillation from a frozen, trained twin by its logits alone: a comparison of arXiv 2409.15849."""

from torch import Tensor

from snnc.toolchain.layers.spiking_network import Logits
from snnc.toolchain.training.methods.method import Losses, Method, matching


def loss(logits: list[Logits], labels: Tensor, alpha: float) -> Losses:
    """Return MSE(logits); neither labels nor `alpha` play a part."""
    matched = matching([each.total for each in logits])
    return Losses(matched, matched)


METHOD = Method(twins=1, loss=loss, frozen=True)
