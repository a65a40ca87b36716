"""The stages of a training run, in order: perhaps a twin alone, then full precision, quantized weights, the chip's integers.

Deckers et al. 2024 (arXiv 2409.15849) describe the two in the middle; the last makes the forward pass compute exactly what the
chip will compute, so that lowering cannot lose accuracy. Twins stay at full precision to the end, as in the paper.
"""

from dataclasses import dataclass, replace
from math import cos, pi

from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import method_named

TWIN = "twin"


@dataclass(frozen=True)
class Stage:
    """Some epochs with one optimizer: its `name` in the history, the phase of the base network, the learning rate.

    The rate follows a schedule over `span` epochs, of which `before` have passed when the stage begins.
    """

    name: str
    phase: Phase
    epochs: int
    lr: float
    span: int
    before: int = 0

    @property
    def trains_twins_alone(self) -> bool:
        """Whether the base network waits for its twin."""
        return self.name == TWIN


def stages(config: TrainConfig) -> list[Stage]:
    """Return the stages that a configuration asks for; a frozen twin gets as many epochs as one that learns along.

    Raises ConfigError for an unknown method.
    """
    floats, quantized, integers = config.epochs_float, config.epochs_quantized, config.epochs_integer
    both = floats + quantized
    plan = [
        Stage("float", Phase.FLOAT, floats, config.lr, floats if config.restart else both),
        Stage("quantized", Phase.QUANTIZED, quantized, config.lr, quantized if config.restart else both),
        Stage("integer", Phase.INTEGER, integers, config.lr_integer, integers),
    ]
    if not config.restart:
        plan[1] = replace(plan[1], before=floats)
    if method_named(config.method).frozen and not config.teacher:
        plan.insert(0, Stage(TWIN, Phase.FLOAT, both, config.lr, both))
    return plan


def learning_rate(config: TrainConfig, stage: Stage, epoch: int) -> float:
    """Return the learning rate of an epoch of a stage, counted from 0: along a cosine to 0, or by `gamma` every few epochs."""
    passed = stage.before + epoch
    if config.schedule == "cosine":
        return stage.lr * (1 + cos(pi * passed / max(stage.span, 1))) / 2
    return stage.lr * config.gamma ** (passed // config.decay_every)


def epochs_of(config: TrainConfig) -> int:
    """Return the number of epochs of all stages."""
    return sum(stage.epochs for stage in stages(config))
