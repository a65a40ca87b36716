"""Binary weights with a probability each: the posterior of BiSNN, draws from it, and statistics that belong to one draw.

Each weight w of -1 or +1 has a natural parameter l, its latent: q(w = +1) = sigmoid(2 l), with the mean mu = tanh(l). Latents
stand where other layers have their float weights. The rules are those of BiSNN (Jang, Skatchkovsky, Simeone 2021, arXiv
2012.08300) and BayesBiNN (Meng et al. 2020, arXiv 2002.10778); the neuron and the normalization are ours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.quantize import straight_through
from snnc.toolchain.layers.spiking_layer import SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import INPUT

TINY = 1e-7  # keeps the noise of a draw finite


@dataclass
class Draws:
    """Draws of weights while training, from a stream of its own that every process of a training shares."""

    temperature: float
    random: torch.Generator | None = None

    def seed(self, seed: int, device: torch.device) -> None:
        """Start the stream of an epoch."""
        self.random = torch.Generator(device).manual_seed(seed)

    def __call__(self, latents: Tensor, *, exact: bool) -> Tensor:
        """Return one draw: relaxed weights in (-1, 1), or `exact` ones of -1 and +1 with the gradient of the relaxed ones.

        The relaxed ones are binary-concrete, tanh((l + d) / temperature) with d = logit(e) / 2 and uniform e; their sign is an
        exact draw from the posterior.
        """
        uniform = torch.rand(latents.shape, generator=self.random, device=latents.device, dtype=latents.dtype)
        noise = torch.logit(uniform, TINY) / 2
        relaxed = torch.tanh((latents + noise) / self.temperature)
        return straight_through(relaxed, torch.where(relaxed.detach() >= 0, 1.0, -1.0).to(relaxed)) if exact else relaxed


def posterior_layers(network: nn.Module) -> Iterator[SpikingLayer]:
    """Yield the layers whose weights have a posterior, in order."""
    return (each for each in network.modules() if isinstance(each, SpikingLayer) and each.has_posterior)


def latents_of(network: nn.Module) -> list[nn.Parameter]:
    """Return the latents of all layers that have a posterior."""
    return [each.weight for layer in posterior_layers(network) for each in layer.synapses]


@torch.no_grad()
def start_posterior(network: nn.Module, start: float, temperature: float) -> None:
    """Let the latents begin uniform in [-start, start], and draw the weights of every forward pass of training."""
    draws = Draws(temperature)
    for layer in posterior_layers(network):
        layer.draws = draws
        for each in layer.synapses:
            each.weight.uniform_(-start, start)


def seed_draws(network: nn.Module, seed: int) -> None:
    """Start the stream of draws of an epoch."""
    for layer in posterior_layers(network):
        if isinstance(layer.draws, Draws):
            layer.draws.seed(seed, layer.synapses[0].weight.device)


@torch.no_grad()
def draw_member(network: nn.Module, random: torch.Generator) -> None:
    """Put one draw from the posterior in its place: each latent becomes its weight, -1 or +1, whose mode is itself."""
    for latents in latents_of(network):
        uniform = torch.rand(latents.shape, generator=random, dtype=torch.float64)
        plus = uniform < torch.sigmoid(2 * latents.detach().cpu().double())
        latents.copy_(torch.where(plus, 1.0, -1.0).to(latents))


@torch.no_grad()
def reestimate(network: SpikingNetwork, batches: Iterable[Tensor]) -> None:
    """Give every layer with a posterior the mean and the deviation of its weights as they are now, the signs of the latents.

    Statistics of the normalization belong to one draw of the weights; those of another would shift every threshold. All
    inputs, `(B, ...)` or `(T, B, ...)`, pass once; of the samples each counts as much. Raises LoweringError if a threshold
    or a bias does not fit the chip.
    """
    found: dict[str, list[tuple[Tensor, Tensor, int]]] = {layer.name: [] for layer in posterior_layers(network)}
    with evaluating(network):
        for x in batches:
            spikes = {INPUT: network.with_time(x)}
            for layer in network.spiking:
                if isinstance(layer, SpikingLayer) and layer.has_posterior:
                    mean, variance = layer.measure(spikes)
                    layer.take(mean, variance)
                    found[layer.name].append((mean, variance, spikes[layer.sources[0]].shape[1]))
                spikes[layer.name] = layer(spikes)
    for layer in posterior_layers(network):
        if found[layer.name]:
            layer.take(*_together(found[layer.name]))
            layer.check_fits()


def _together(parts: list[tuple[Tensor, Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Return mean `(C,)` and variance `(1,)` over batches of so many samples each."""
    counts = parts[0][0].new_tensor([count for _, _, count in parts])
    shares = (counts / counts.sum()).unsqueeze(1)
    means, variances = torch.stack([mean for mean, _, _ in parts]), torch.stack([variance for _, variance, _ in parts])
    mean = (shares * means).sum(0)
    between = (means - mean).square().mean(1, keepdim=True)
    return mean, (shares * (variances + between)).sum(0)
