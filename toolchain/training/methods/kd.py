"""Distillation from a frozen, trained twin by its logits alone: a comparison of arXiv 2409.15849."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.methods.method import Companion, Losses, Method, matching
from snnc.toolchain.training.stages import Stage, alone, three_phases

if TYPE_CHECKING:
    from torch import Tensor

    from snnc.toolchain.layers.spiking_network import Logits
    from snnc.toolchain.training.config import TrainConfig


@dataclass(frozen=True)
class Distilling(Settings):
    """Settings of methods with a frozen twin."""

    teacher: str = setting("", "Checkpoint of the frozen twin; without one, a twin is trained first.")


def loss(logits: "list[Logits]", labels: "Tensor", settings: Distilling) -> Losses:
    """Return MSE(logits); labels play no part."""
    totals = [each.total for each in logits]
    matched = matching(totals)
    return Losses(matched, matched)


def frozen_twin(config: "TrainConfig") -> list[Companion]:
    """Return a frozen twin at full precision, or the network of a checkpoint in its place."""
    teacher = config.method_settings.teacher
    return [Companion("twin", config.replaced(weights="float"), frozen=True, checkpoint=teacher)]


def twin_first(config: "TrainConfig") -> list[Stage]:
    """Return a stage for the twin, if no checkpoint holds it, and the three phases."""
    first = [] if config.method_settings.teacher else [alone("twin", config)]
    return first + three_phases(config)


METHOD = Method(Distilling, loss, frozen_twin, twin_first)
