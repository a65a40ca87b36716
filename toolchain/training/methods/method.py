"""A training method as a recipe, and the losses that recipes are made of.

Nothing here imports torch before a loss or an optimizer is called, so that the command line can list all methods at once.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from snnc.toolchain.settings import Settings
from snnc.toolchain.training.stages import Stage, three_phases

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

    from snnc.toolchain.layers.spiking_network import Logits, SpikingNetwork
    from snnc.toolchain.network.network import Input
    from snnc.toolchain.training.config import TrainConfig

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Losses:
    """The loss to minimize and, for the progress view, the matching loss inside it, both scalars, and its weight there."""

    total: "Tensor"
    matching: "Tensor"
    weight: float = 1.0


@dataclass(frozen=True)
class Companion:
    """A network that is trained or asked beside the base network, and is not exported.

    `role` names it in stages and checkpoints; `config` is what it is built from. A `frozen` one takes no part in the base
    network's optimizer steps: it is trained in a stage of its own, or read from `checkpoint`, a file whose own settings then
    count instead of `config`. `build(config, input, classes)` makes one that is no row of MODELS, such as an ANN: any module
    that returns `Logits` of an input; `convert(network)` makes one of a network of MODELS instead, unless the checkpoint holds
    that network itself. With `keep`, what a stage of its own has trained is written to that file, as a checkpoint for later
    runs. All parameters and buffers of all companions are kept for a resume.
    """

    role: str
    config: "TrainConfig"
    frozen: bool = False
    checkpoint: str = ""
    build: "Callable[[TrainConfig, Input, int], nn.Module] | None" = None
    convert: "Callable[[SpikingNetwork], nn.Module] | None" = None
    keep: str = ""


def no_companions(config: "TrainConfig") -> list[Companion]:
    """Return no companions: the base network is trained alone."""
    return []


def configured_weights(config: "TrainConfig") -> str:
    """Return the row of WEIGHTS that the configuration names."""
    return config.weights


def leave_as_built(network: "SpikingNetwork", config: "TrainConfig") -> None:
    """Change nothing."""


def adam(module: "nn.Module", lr: float) -> "torch.optim.Optimizer":
    """Return Adam over all parameters, in one fused pass where torch has that: ten times as fast, measured on a CPU."""
    import torch

    parameters = list(module.parameters())
    fused = all(weight.device.type in ("cpu", "cuda") for weight in parameters)
    return torch.optim.Adam(parameters, lr=lr, fused=fused)


def adam_for_all(module: "nn.Module", lr: float, config: "TrainConfig", samples: int) -> "torch.optim.Optimizer":
    """Return Adam over all parameters, whatever the configuration and the number of samples."""
    return adam(module, lr)


@dataclass(frozen=True)
class Method(Generic[S]):
    """A recipe of training: a file in this folder makes one, a row of METHODS names it.

    settings   -- the method's own settings, a frozen dataclass of fields made by `setting`; `Settings` itself if it has none.
                  Each becomes an option of the command line, a name in TOML files, and part of the checkpoint.
    loss       -- `loss(logits, labels, settings)`: `logits` are those of the base network, then of each companion in order;
                  `.total` is `(B, classes)`, `.steps` is `(T, B, classes)`; `labels` are `(B,)`.
    networks   -- the companions that a configuration asks for; default: none.
    stages     -- the stages of a run, in order; default: the three phases.
    optimizer  -- `optimizer(module, lr, config, samples)` over the parameters of a module of all networks that learn in a
                  stage, on a training split of so many samples; the learning rate then follows the stage's schedule.
                  Default: fused Adam.
    weights    -- the row of WEIGHTS that the base network's hidden layers use, whatever it is asked for again;
                  default: `config.weights`.
    prepare    -- `prepare(network, config)` readies the base network for training, once it is built and before a resume fills
                  it; default: it stays as it is.

    A resume keeps the weights of all networks and the state of the optimizer, so state of a method's own belongs into a
    companion's buffers or into the optimizer.
    """

    settings: type[S]
    loss: "Callable[[list[Logits], Tensor, S], Losses]"
    networks: "Callable[[TrainConfig], list[Companion]]" = no_companions
    stages: "Callable[[TrainConfig], list[Stage]]" = three_phases
    optimizer: "Callable[[nn.Module, float, TrainConfig, int], torch.optim.Optimizer]" = adam_for_all
    weights: "Callable[[TrainConfig], str]" = configured_weights
    prepare: "Callable[[SpikingNetwork, TrainConfig], None]" = leave_as_built


def cross_entropy(totals: "list[Tensor]", labels: "Tensor") -> "Tensor":
    """Return the sum of the cross-entropies of all logits `(B, classes)`."""
    import torch
    import torch.nn.functional as F

    return torch.stack([F.cross_entropy(each, labels) for each in totals]).sum()


def matching(totals: "list[Tensor]") -> "Tensor":
    """Return the sum over all pairs of logits `(B, classes)` of their mean squared difference."""
    import torch
    import torch.nn.functional as F

    pairs = [F.mse_loss(one, other) for i, one in enumerate(totals) for other in totals[i + 1 :]]
    return torch.stack(pairs).sum()
