"""ST-BiSNN: straight-through binary weights (Jang, Skatchkovsky, Simeone 2021, arXiv 2012.08300).

The rule of the weights is the paper's, w = sign(latent) with the gradient passed through; it is the same as that of B-SNN
(baseline.py with binary weights). The neuron, the loss at the end instead of one in each layer, and backpropagation through
time are ours. The paper steps with plain SGD, which `optimizer = "sgd"` does.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.methods import baseline
from snnc.toolchain.training.methods.method import Method, adam

if TYPE_CHECKING:
    import torch
    from torch import nn

    from snnc.toolchain.training.config import TrainConfig


@dataclass(frozen=True)
class StraightThrough(Settings):
    """The optimizer of all parameters."""

    optimizer: str = setting("adam", "Optimizer: adam, or the paper's plain sgd.", choices=("adam", "sgd"))


def optimizer(module: "nn.Module", lr: float, config: "TrainConfig", samples: int) -> "torch.optim.Optimizer":
    """Return Adam, or SGD without momentum, decay or clipping."""
    import torch

    if config.method_settings.optimizer == "sgd":
        return torch.optim.SGD(module.parameters(), lr=lr)
    return adam(module, lr)


def binary(config: "TrainConfig") -> str:
    """Return binary weights, whatever the configuration asks for."""
    return "binary"


METHOD = Method(StraightThrough, baseline.loss, optimizer=optimizer, weights=binary)
