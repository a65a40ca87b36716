"""One network alone: FP-SNN, T-SNN and B-SNN of Deckers et al. 2024 (arXiv 2409.15849, table 2)."""

from typing import TYPE_CHECKING

from snnc.toolchain.settings import Settings
from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy

if TYPE_CHECKING:
    from torch import Tensor

    from snnc.toolchain.layers.spiking_network import Logits


def loss(logits: "list[Logits]", labels: "Tensor", settings: Settings) -> Losses:
    """Return CE(base)."""
    totals = [each.total for each in logits]
    return Losses(cross_entropy(totals, labels), totals[0].new_zeros(()))


METHOD = Method(Settings, loss)
