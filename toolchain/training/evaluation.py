"""How good a network is, and how active: accuracy and firing rates on a split, and the share of synapses that are 0."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from snnc.toolchain.distributed import all_reduce_sum
from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.posterior import posterior_layers
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.training.batches import DeviceSplit

EVALUATION_BATCH = 256
CERTAINTY_BINS = 10


@dataclass(frozen=True)
class Evaluation:
    """The share of samples whose largest logit is right, and the spikes per neuron and step of each hidden layer (0..1)."""

    accuracy: float
    firing_rates: dict[str, float]


@torch.no_grad()
def evaluate(network: SpikingNetwork, samples: DeviceSplit, rank: int = 0, processes: int = 1) -> Evaluation:
    """Run a split through a network as it will be used: statistics fixed, no dropout.

    With `processes`, all of them must call this, and share the work.
    """
    device = samples.labels.device
    right, spikes = torch.zeros((), dtype=torch.int64, device=device), torch.zeros(len(network.hidden), device=device)
    for correct, rates in _answers(network, samples, rank, processes):
        right += correct.sum()
        spikes += rates * len(correct)
    if processes > 1:
        right, spikes = all_reduce_sum(right), all_reduce_sum(spikes)
    accuracy = int(right) / len(samples)  # whole numbers: a share must not depend on how it was counted
    return Evaluation(accuracy, _by_layer(network, spikes / len(samples)))


@torch.no_grad()
def wrong_samples(network: SpikingNetwork, samples: DeviceSplit) -> tuple[list[int], dict[str, float]]:
    """Return which samples of a split a network gets wrong, in order, and the firing rates of `evaluate`."""
    parts = list(_answers(network, samples))
    spikes = torch.stack([rates * len(correct) for correct, rates in parts]).sum(0)
    wrong: list[int] = (~torch.cat([correct for correct, _ in parts])).nonzero().flatten().tolist()
    return wrong, _by_layer(network, spikes / len(samples))


def _answers(
    network: SpikingNetwork, samples: DeviceSplit, rank: int = 0, processes: int = 1
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield, batch by batch, whether each sample is right, and the mean spikes per neuron and step of each hidden layer."""
    with evaluating(network):
        for x, labels in samples.batches(EVALUATION_BATCH, rank, processes):
            rates: list[Tensor] = []
            yield network(x, rates).decided == labels, torch.stack(rates)


def _by_layer(network: SpikingNetwork, values: Tensor) -> dict[str, float]:
    return dict(zip([layer.name for layer in network.hidden], values.tolist(), strict=True))


@torch.no_grad()
def sparsity(network: SpikingNetwork) -> dict[str, float]:
    """Return the share (0..1) of each layer's weights that are 0 in the current phase."""
    return {layer.name: _zeros(layer.current_weights()) for layer in network.layers if layer.synapses}


@torch.no_grad()
def logits_on(network: SpikingNetwork, samples: DeviceSplit) -> NDArray[np.float64]:
    """Return the logits `(N, classes)` of a split, as the network will be used: statistics fixed, no dropout."""
    with evaluating(network):
        logits = [network(x) for x, _ in samples.batches(EVALUATION_BATCH)]
    found: NDArray[np.float64] = np.concatenate([_whole(each.values.sum(0)) / _whole(each.scale) for each in logits])
    return found


def _whole(values: Tensor) -> NDArray[np.float64]:
    """Return floats in 64 bits, in which the quotients of different scores stay different."""
    found: NDArray[np.float64] = values.cpu().double().numpy()
    return found


@torch.no_grad()
def certainty(network: nn.Module) -> dict[str, list[float]]:
    """Return, for each layer with a posterior, a histogram of |mu| over its weights: shares in 10 equal bins of 0..1."""
    found = {}
    for layer in posterior_layers(network):
        sure = torch.cat([torch.tanh(each.weight).abs().flatten() for each in layer.synapses]).cpu()
        counts = torch.histc(sure, CERTAINTY_BINS, 0, 1)
        found[layer.name] = [round(share, 6) for share in (counts / counts.sum()).tolist()]
    return found


def _zeros(weights: Sequence[Tensor]) -> float:
    """Return the share of values that are 0, over all tensors."""
    count = sum(weight.numel() for weight in weights)
    return (count - sum(int(torch.count_nonzero(weight)) for weight in weights)) / count
