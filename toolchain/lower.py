"""Lowering: a model trained to the integer phase becomes a Network, number for number."""

import numpy as np
import torch
from torch import Tensor

from snnc.toolchain.errors import LoweringError, located
from snnc.toolchain.layers.phase import Phase
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.layers.synapses import Synapses
from snnc.toolchain.network.bounds import prove
from snnc.toolchain.network.network import Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse

BIAS_EXPONENT = 6  # biases in whole weight units: no rounding on the chip, and what netx assumes


def lower(model: SpikingNetwork, labels: tuple[str, ...] = (), name: str | None = None) -> Network:
    """Return the integer network whose spikes equal the model's own forward pass in the integer phase.

    Pooling is folded into the weights, normalization into thresholds and biases. Raises LoweringError for a model that has
    not reached the integer phase, NetworkError where a number does not fit the chip or a worst-case sum can overflow.
    """
    if model.phase is not Phase.INTEGER:
        raise LoweringError(
            f"the model has only been trained to phase {model.phase.name.lower()!r}; "
            "train it through the integer phase (`snnc train --resume` goes on where it stopped)"
        )
    layers: list[Layer] = []
    for trained in model.layers:
        with located(f"layer {trained.name!r}"), torch.no_grad():
            layers.append(_lower_layer(trained))
    network = Network(name or model.architecture, model.timesteps, model.input, tuple(layers), "membrane", labels)
    prove(network)
    return network


def _lower_layer(trained: SpikingLayer | ReadOut) -> Layer:
    chip = trained.integer_parameters()
    synapses = tuple(
        fold_pool(each, whole(weight), source, each.source_shape)
        for source, each, weight in zip(trained.sources, trained.synapses, chip.weights, strict=True)
    )
    bias = whole(trained.synapses[0].per_neuron(chip.bias))
    return Layer(trained.name, synapses, Lif(trained.output_shape, chip.vth, trained.neurons.dv, bias, BIAS_EXPONENT))


def fold_pool(synapses: Synapses, weight: np.ndarray, source: str, source_shape: tuple[int, ...]) -> Synapse:
    """Return synapses without pooling that give the same sums: taps repeated pool x pool, stride and padding grown alike."""
    pool, kernel, padding = synapses.geometry.pool, synapses.geometry.kernel, synapses.geometry.padding
    if kernel is not None:
        grown = weight.repeat(pool, axis=2).repeat(pool, axis=3)
        return Conv(source, grown, (pool, pool), (padding * pool, padding * pool))
    if pool > 1:
        channels, height, width = source_shape
        columns = weight.reshape(-1, channels, height // pool, width // pool)
        weight = columns.repeat(pool, axis=2).repeat(pool, axis=3).reshape(len(weight), -1)
    return Dense(source, weight)


def whole(values: Tensor) -> np.ndarray:
    """Return floats that hold whole numbers as int64. Raises LoweringError if one does not, or is not finite."""
    array = values.detach().cpu().numpy()
    integers: np.ndarray = np.rint(np.nan_to_num(array, nan=0.5, posinf=0.5, neginf=0.5)).astype(np.int64)
    if not np.array_equal(integers, array):
        raise LoweringError(
            "holds values that are no whole numbers; the model was changed after the integer phase: train again"
        )
    return integers
