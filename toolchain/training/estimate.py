"""The cost of a training, estimated from one batch: parameters, neurons, spikes, synaptic operations, memory.

Nothing of the size that is asked about is allocated.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.layers.max_pool import MaxPool
from snnc.toolchain.layers.population import repeated
from snnc.toolchain.layers.spiking_layer import ReadOut, SpikingLayer
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.training.batches import DeviceSplit, on_device
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import method_named

SMALL = 2**20  # parameters of a network that is built to be measured
SAMPLES = 32  # enough for the averages, few enough for a moment
FLOATS_PER_PARAMETER = 4  # the weight, its gradient, and Adam's two averages
BYTES_PER_FLOAT = 4


@dataclass(frozen=True)
class LayerEstimate:
    """One layer, untrained: spikes and synaptic operations (one for each spike, or input value, and synapse) per sample."""

    name: str
    shape: tuple[int, ...]
    parameters: int
    neurons: int
    spikes: float
    synaptic_operations: float


@dataclass(frozen=True)
class Estimate:
    """All layers, and the MiB that networks, optimizer and one step's activations take; `data_mib` lie on the device too."""

    layers: tuple[LayerEstimate, ...]
    networks: int
    training_mib: float
    data_mib: float


def plan(config: TrainConfig, dataset: Dataset, build: Callable[[TrainConfig], SpikingNetwork]) -> Estimate:
    """Estimate the training that a configuration asks for, on the CPU. Raises ConfigError, DataError.

    The network itself has shapes only; what it does is measured on one of the same kind that is narrow enough to be small.
    """
    config = config.replaced(dropout=0.0)  # dropout would hide spikes that the trained network has
    with torch.device("meta"):
        whole = build(config)
        small = build(narrow := config.replaced(width=_narrow(config, whole)))
    if (parameters := _parameters(small)) > 4 * SMALL:
        raise ConfigError(f"model {config.model!r} has {parameters:,} parameters at any width; too many to estimate")
    torch.manual_seed(config.seed)
    return estimate(config, build(narrow), on_device(dataset.train, dataset.input, torch.device("cpu")), whole)


def _narrow(config: TrainConfig, whole: SpikingNetwork) -> float:
    """Return the width at which a network has about SMALL parameters, which grow with its square, or its own."""
    return max(config.width * min(1.0, math.sqrt(SMALL / max(_parameters(whole), 1))), 1e-3)


def _parameters(network: SpikingNetwork) -> int:
    return sum(weight.numel() for weight in network.parameters())


def estimate(
    config: TrainConfig, network: SpikingNetwork, samples: DeviceSplit, whole: SpikingNetwork | None = None
) -> Estimate:
    """Run one batch of the training split through an untrained network, without dropout, and measure what it does.

    `whole` is the network that is meant where the one that runs is a narrow one; its weights are not looked at.
    """
    taken = min(SAMPLES, len(samples))
    x = samples.as_input(samples.taken(slice(taken)))
    whole = whole or network
    layers = _layers(network, whole, x)
    companions = method_named(config.method).networks(config)
    networks = 1 + len(companions)
    learning = networks - sum(companion.frozen for companion in companions)
    grown = sum(layer.neurons for layer in layers) / sum(math.prod(layer.output_shape) for layer in network.layers)
    kept = _kept_bytes(network.train(), x) * grown / taken * config.batch_size
    bytes_of_weights = _parameters(whole) * BYTES_PER_FLOAT * (FLOATS_PER_PARAMETER * learning + (networks - learning))
    return Estimate(layers, networks, (bytes_of_weights + kept * learning) / 2**20, samples.held_bytes / 2**20)


@torch.no_grad()
def _layers(network: SpikingNetwork, whole: SpikingNetwork, x: Tensor) -> tuple[LayerEstimate, ...]:
    """Return a row for each layer of `whole`, measured in `network`: firing rates are the same, numbers of neurons grow."""
    network.train()  # untrained, only the batch's own statistics say how much fires
    spikes = {INPUT: network.with_time(x)}
    batch = spikes[INPUT].shape[1]
    rows = []
    for layer, meant in zip(network.layers, whole.layers, strict=True):
        grown = math.prod(meant.output_shape) / math.prod(layer.output_shape)
        operations = 0.0
        for source in dict.fromkeys(source for source, _ in layer.inputs):
            sources = math.prod(whole.shape(source)) / math.prod(network.shape(source))
            operations += _operations(layer, spikes, source, network.timesteps) * sources * grown
        fired = 0.0
        if not isinstance(layer, ReadOut):
            spikes[layer.name] = layer(spikes)
            fired = float(spikes[layer.name].sum(dtype=torch.float64)) * grown
        parameters = sum(weight.numel() for weight in meant.parameters())
        shape = meant.output_shape
        rows.append(LayerEstimate(meant.name, shape, parameters, math.prod(shape), fired / batch, operations / batch))
    return tuple(rows)


def _operations(layer: SpikingLayer | MaxPool | ReadOut, spikes: dict[str, Tensor], source: str, timesteps: int) -> float:
    """Return how many synapses the spikes, or values, of one source reach over all steps and samples."""
    names = [name for name, _ in layer.inputs]
    active = {name: repeated((spikes[name] != 0).to(torch.float32) * (name == source), timesteps) for name in names}
    reached = layer.current(active, [torch.ones_like(each.weight) for each in layer.synapses], pool_sums=True)
    joined = [each(active[name], 1.0) for name, each in layer.shortcuts.items()]
    return float(sum(each.sum(dtype=torch.float64) for each in (reached, *joined)))


def _kept_bytes(network: SpikingNetwork, x: Tensor) -> int:
    """Return the bytes that a forward pass keeps for the backward pass, weights aside, each storage once."""
    weights = {weight.untyped_storage().data_ptr() for weight in network.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = network(x)
    del logits
    return sum(kept.values())
