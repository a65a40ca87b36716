"""Loads weights that were trained elsewhere into a fresh network, so that it starts with their function."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.evaluating import evaluating
from snnc.toolchain.layers.lif_autograd import EPSILON, leaky_sum
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import INPUT

SILENT = 1e-3  # thresholds: what varies by less is constant


@dataclass(frozen=True)
class InitialLayer:
    """Weights `(out, in, k, k)` or `(out, in)` and biases `(out,)` of one layer behind average pooling, in thresholds.

    `projections` are its further weights, in the order of its synapses.
    """

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    projections: tuple[NDArray[np.float64], ...] = ()


@torch.no_grad()
def load_initial(
    network: SpikingNetwork, layers: Sequence[InitialLayer], samples: NDArray[np.int64], *, trains: bool = True
) -> None:
    """Give a network the function of `layers`, exactly at full precision or, if it `trains`, as training can keep it.

    A hidden layer's weights are multiplied by c, which gives them the deviation of a Kaiming initialization, so that `delta`
    and the learning rate mean what they mean elsewhere. With the deviation c and the shift bias + mean / c, its normalization
    gives y = a + bias in thresholds, as before. Training normalizes by the deviation of each batch, though, so that y gets a
    deviation of 1 whatever it was. A network that `trains` therefore starts with (y - p) / deviation(y) + p: p is the constant
    input that reaches the threshold in the last step, so that the same inputs make a neuron spike at all, if not as often.
    Means and deviations are those over `samples`, chip inputs `(B, ...)` or `(T, B, ...)`. The read-out's weights and biases
    are scaled alike, which changes no class. Raises ConfigError for other shapes.
    """
    weighted = sum(bool(layer.synapses) for layer in network.layers)
    if len(layers) != weighted:
        raise ConfigError(f"weights of {len(layers)} layers do not fit a network of {weighted}")
    spikes = {INPUT: network.with_time(torch.as_tensor(samples))}
    with evaluating(network):
        waiting = iter(layers)
        for layer in network.layers:
            if isinstance(layer, MaxPool):
                spikes[layer.name] = layer(spikes)
                continue
            given = next(waiting)
            dtype = layer.synapses[0].weight.dtype
            *weights, bias = (torch.as_tensor(each, dtype=dtype) for each in (given.weight, *given.projections, given.bias))
            shapes = [[tuple(each.shape) for each in side] for side in ([each.weight for each in layer.synapses], weights)]
            if shapes[0] != shapes[1]:
                has, got = (", ".join(map(str, side)) for side in shapes)
                raise ConfigError(f"layer {layer.name!r} has weights {has}, got {got}")
            scale = max(_kaiming(weights), 2 * sqrt(EPSILON))
            if isinstance(layer, ReadOut):
                scale /= _repeats(layer)
                layer.bias.copy_(bias * scale)
            for each, weight in zip(layer.synapses, weights, strict=True):
                each.weight.copy_(weight * scale)
            if isinstance(layer, SpikingLayer):
                _normalize(layer, scale, bias, spikes, trains=trains)
                spikes[layer.name] = layer(spikes)


def _normalize(layer: SpikingLayer, scale: float, bias: Tensor, spikes: dict[str, Tensor], *, trains: bool) -> None:
    normalize = layer.normalize
    mean, variance = layer.measure(spikes)
    threshold = layer.neurons.threshold  # in deviations, to which training brings y
    deviation = torch.sqrt(variance) / scale * threshold if trains else torch.ones_like(variance)  # of y
    deviation = torch.where(deviation > SILENT, deviation, 1.0)
    pivot = 1 / _repeats(layer)
    normalize.mean.copy_(mean)
    normalize.variance.copy_(((deviation * scale / threshold).square() - EPSILON).clamp_min(0))
    normalize.shift.copy_((bias + mean / scale - pivot) / deviation + pivot)


def _repeats(layer: SpikingLayer | ReadOut) -> float:
    """Return the membrane of the last step, or of all steps in a read-out, that a constant input of 1 leads to."""
    membranes = leaky_sum(torch.ones(layer.neurons.timesteps, 1), layer.neurons.beta)
    return float(membranes.sum() if isinstance(layer, ReadOut) else membranes[-1])


def _kaiming(weights: Sequence[Tensor]) -> float:
    """Return what gives weights the deviation sqrt(2 / inputs) of He et al. 2015, all of them at once; 1 if all are 0."""
    size = sum(float(weight.square().sum()) for weight in weights)
    return sqrt(sum(2 * len(weight) for weight in weights) / size) if size else 1.0
