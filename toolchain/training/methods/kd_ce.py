"""Distillation from a frozen, trained twin beside cross-entropy: a comparison of arXiv 2409.15849 (best with alpha 1e-5)."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.training.methods.kd import Distilling, frozen_twin, twin_first
from snnc.toolchain.training.methods.method import Losses, Method, cross_entropy, matching
from snnc.toolchain.training.methods.tna import Matching

if TYPE_CHECKING:
    from torch import Tensor

    from snnc.toolchain.layers.spiking_network import Logits


@dataclass(frozen=True)
class MatchingTeacher(Distilling, Matching):
    """Settings of both: `alpha` and `teacher`."""


def loss(logits: "list[Logits]", labels: "Tensor", settings: MatchingTeacher) -> Losses:
    """Return CE(base) + alpha * MSE(logits)."""
    totals = [each.total for each in logits]
    matched = matching(totals)
    return Losses(cross_entropy(totals[:1], labels) + settings.alpha * matched, matched, settings.alpha)


METHOD = Method(MatchingTeacher, loss, frozen_twin, twin_first)
