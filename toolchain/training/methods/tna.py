"""Twin Network Augmentation (Deckers et al. 2024, arXiv 2409.15849): base and twin learn together, from scratch."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.methods.method import Companion, Losses, Method, cross_entropy, matching

if TYPE_CHECKING:
    from torch import Tensor

    from snnc.toolchain.layers.spiking_network import Logits
    from snnc.toolchain.training.config import TrainConfig


@dataclass(frozen=True)
class Matching(Settings):
    """Settings of methods with a matching loss."""

    # At the paper's 1e-3 the matching loss is below 2 % of the loss on MNIST; docs/methods.md has what was measured.
    alpha: float = setting(0.1, "Weight of the logit-matching loss between base and twin.", 0)


def loss(logits: "list[Logits]", labels: "Tensor", settings: Matching) -> Losses:
    """Return CE(base) + CE(twin) + alpha * MSE(logits), eq. 5; gradients of the matching loss flow into both."""
    totals = [each.total for each in logits]
    matched = matching(totals)
    return Losses(cross_entropy(totals, labels) + settings.alpha * matched, matched, settings.alpha)


def twin(config: "TrainConfig") -> list[Companion]:
    """Return a twin at full precision, which it keeps to the end."""
    return [Companion("twin", config.replaced(weights="float"))]


METHOD = Method(Matching, loss, twin)
