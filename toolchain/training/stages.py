"""The stages of a run, in order: perhaps a companion alone, then full precision, quantized weights, the chip's integers.

Deckers et al. 2024 (arXiv 2409.15849) describe the two in the middle; the last makes the forward pass compute exactly what the
chip will compute, so that lowering cannot lose accuracy. Twins stay at full precision to the end, as in the paper.
"""

from dataclasses import dataclass, replace
from math import cos, pi
from typing import TYPE_CHECKING

from snnc.toolchain.layers.phase import Phase

if TYPE_CHECKING:
    from snnc.toolchain.training.config import TrainConfig


@dataclass(frozen=True)
class Stage:
    """Some epochs with one optimizer: its `name` in the history, the phase of the base network, the learning rate.

    The rate follows a schedule over `span` epochs, of which `before` have passed when the stage begins. With `alone`, the
    companion of that role learns by cross-entropy while all other networks wait.
    """

    name: str
    phase: Phase
    epochs: int
    lr: float
    span: int
    before: int = 0
    alone: str = ""


def three_phases(config: "TrainConfig") -> list[Stage]:
    """Return the stages of the base network and of all companions that learn with it, one for each phase."""
    floats, quantized, integers = config.epochs_float, config.epochs_quantized, config.epochs_integer
    both = floats + quantized
    plan = [
        Stage("float", Phase.FLOAT, floats, config.lr, floats if config.restart else both),
        Stage("quantized", Phase.QUANTIZED, quantized, config.lr, quantized if config.restart else both),
        Stage("integer", Phase.INTEGER, integers, config.lr_integer, integers),
    ]
    if not config.restart:
        plan[1] = replace(plan[1], before=floats)
    return plan


def alone(role: str, config: "TrainConfig") -> Stage:
    """Return a stage, named for its role, in which a companion learns alone, for as many epochs as one that learns along."""
    both = config.epochs_float + config.epochs_quantized
    return Stage(role, Phase.FLOAT, both, config.lr, both, alone=role)


def stages(config: "TrainConfig") -> list[Stage]:
    """Return the stages that the method of a configuration asks for."""
    from snnc.toolchain.training.methods import method_named

    return method_named(config.method).stages(config)


def learning_rate(config: "TrainConfig", stage: Stage, epoch: int) -> float:
    """Return the learning rate of an epoch of a stage, counted from 0: along a cosine to 0, or by `gamma` every few epochs."""
    passed = stage.before + epoch
    if config.schedule == "cosine":
        return stage.lr * (1 + cos(pi * passed / max(stage.span, 1))) / 2
    return stage.lr * config.gamma ** (passed // config.decay_every)


def epochs_of(config: "TrainConfig") -> int:
    """Return the number of epochs of all stages."""
    return sum(stage.epochs for stage in stages(config))
