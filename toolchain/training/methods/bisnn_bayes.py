"""Bayes-BiSNN: a posterior over binary weights (Jang, Skatchkovsky, Simeone 2021, arXiv 2012.08300).

The posterior, its draws and its learning rule are the paper's, in the form of BayesBiNN (arXiv 2002.10778) with the denominator
of the authors' own successor of 2022 (arXiv 2208.13723). The neuron, the normalization with the statistics of each draw, one
draw for each mini-batch and all its time steps, the loss at the end instead of one in each layer, and the defaults are ours.
The phase "float" draws relaxed weights, the later ones exact -1 and +1. What is tested and exported is the mode, the signs.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from snnc.toolchain.settings import Settings, setting
from snnc.toolchain.training.methods import baseline
from snnc.toolchain.training.methods.method import Method

if TYPE_CHECKING:
    import torch
    from torch import nn

    from snnc.toolchain.layers.spiking_network import SpikingNetwork
    from snnc.toolchain.training.config import TrainConfig

DENOMINATORS = ("max", "element")


@dataclass(frozen=True)
class Bayes(Settings):
    """The posterior and its learning rule (natural_gradient.py)."""

    prior: float = setting(0.5, "Prior probability that a weight is +1.", 1e-6, 1 - 1e-6)
    rho: float = setting(0.03, "Weight of the prior in units of 1/N; 1 is Bayes' rule, less a colder posterior.", 0, 1e6)
    eta: float = setting(1.0, "Rate of the posterior in units of 1/N: share of it that a step replaces at rho 1.", 0, 1000)
    temperature: float = setting(1.0, "Temperature of the relaxed draws of weights.", 1e-3, 100)
    start: float = setting(0.1, "Natural parameters start uniform within this distance of 0.", 0, 100)
    denominator: str = setting("max", "1 - mu^2 under the gradient: of the tensor's max or each element.", choices=DENOMINATORS)


def prepare(network: "SpikingNetwork", config: "TrainConfig") -> None:
    """Start the posterior, and let training draw from it."""
    from snnc.toolchain.layers.posterior import start_posterior

    start_posterior(network, config.method_settings.start, config.method_settings.temperature)


def optimizer(module: "nn.Module", lr: float, config: "TrainConfig", samples: int) -> "torch.optim.Optimizer":
    """Return natural gradients for the latents and Adam for all other parameters."""
    from snnc.toolchain.layers.posterior import latents_of
    from snnc.toolchain.training.natural_gradient import NaturalGradient

    settings, latents = config.method_settings, latents_of(module)
    known = {id(each) for each in latents}
    others = [each for each in module.parameters() if id(each) not in known]
    return NaturalGradient(
        latents,
        others,
        lr,
        samples=samples,
        eta=settings.eta,
        rho=settings.rho,
        prior=settings.prior,
        denominator=settings.denominator,
        base_lr=config.lr,
    )


def posterior(config: "TrainConfig") -> str:
    """Return weights with a posterior, whatever the configuration asks for."""
    return "posterior"


METHOD = Method(Bayes, baseline.loss, optimizer=optimizer, weights=posterior, prepare=prepare)
