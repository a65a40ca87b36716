"""Twin Network Augmentation with three networks, matched in pairs; arXiv 2409.15849 found no further gain."""

from typing import TYPE_CHECKING

from snnc.toolchain.training.methods import tna
from snnc.toolchain.training.methods.method import Companion, Method

if TYPE_CHECKING:
    from snnc.toolchain.training.config import TrainConfig


def twins(config: "TrainConfig") -> list[Companion]:
    """Return two twins at full precision."""
    return [Companion(role, config.replaced(weights="float")) for role in ("twin", "second twin")]


METHOD = Method(tna.Matching, tna.loss, twins)
