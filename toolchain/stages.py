"""The stages of a training run, in order: perhaps a twin alone, then full precision, quantised weights, the chip's integers.

Deckers et al. 2024 (arXiv 2409.15849) describe the two in the middle; the last makes the forward pass compute exactly what the
chip will compute, so that lowering cannot lose accuracy. Twins stay at full precision to the end, as in the paper.
"""

from dataclasses import dataclass

from snnc.toolchain.config import TrainConfig
from snnc.toolchain.layers import Phase
from snnc.toolchain.methods import method_named

TWIN = "twin"


@dataclass(frozen=True)
class Stage:
    """Some epochs with one optimiser: its `name` in the history, the phase of the base network, the learning rate."""

    name: str
    phase: Phase
    epochs: int
    lr: float

    @property
    def trains_twins_alone(self) -> bool:
        """Whether the base network waits for its twin."""
        return self.name == TWIN


def stages(config: TrainConfig) -> list[Stage]:
    """Return the stages that a configuration asks for; a frozen twin gets as many epochs as one that learns along.

    Raises ConfigError for an unknown method.
    """
    plan = [
        Stage("float", Phase.FLOAT, config.epochs_float, config.lr),
        Stage("quantised", Phase.QUANTISED, config.epochs_quantised, config.lr),
        Stage("integer", Phase.INTEGER, config.epochs_integer, config.lr_integer),
    ]
    if method_named(config.method).frozen and not config.teacher:
        plan.insert(0, Stage(TWIN, Phase.FLOAT, config.epochs_float + config.epochs_quantised, config.lr))
    return plan


def epochs_of(config: TrainConfig) -> int:
    """Return the number of epochs of all stages."""
    return sum(stage.epochs for stage in stages(config))
