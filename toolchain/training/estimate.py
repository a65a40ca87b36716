"""The cost of a training, estimated from one batch: parameters, neurons, spikes, synaptic operations, memory."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod

import torch
from torch import Tensor

from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.layers.population import repeated
from snnc.toolchain.layers.spiking_layer import ReadOut
from snnc.toolchain.layers.spiking_network import SpikingNetwork
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.training.batches import DeviceSplit, on_device
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import method_named

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
    """Build the network that a configuration asks for, on the CPU, and estimate its training. Raises ConfigError, DataError."""
    torch.manual_seed(config.seed)
    network = build(config.replaced(dropout=0.0))  # dropout would hide spikes that the trained network has
    return estimate(config, network, on_device(dataset.train, dataset.input, torch.device("cpu")))


def estimate(config: TrainConfig, network: SpikingNetwork, samples: DeviceSplit) -> Estimate:
    """Run one batch of the training split through an untrained network, without dropout, and measure what it does."""
    taken = min(SAMPLES, len(samples))
    x = samples.as_input(samples.raw[:taken])
    layers = _layers(network, x)
    companions = method_named(config.method).networks(config)
    networks = 1 + len(companions)
    learning = networks - sum(companion.frozen for companion in companions)
    parameters = sum(layer.parameters for layer in layers)
    kept = _kept_bytes(network.train(), x) / taken * config.batch_size
    bytes_of_weights = parameters * BYTES_PER_FLOAT * (FLOATS_PER_PARAMETER * learning + (networks - learning))
    data = samples.raw.numel() * samples.raw.element_size()
    return Estimate(layers, networks, (bytes_of_weights + kept * learning) / 2**20, data / 2**20)


@torch.no_grad()
def _layers(network: SpikingNetwork, x: Tensor) -> tuple[LayerEstimate, ...]:
    network.train()  # untrained, only the batch's own statistics say how much fires
    spikes = {INPUT: network.with_time(x)}
    batch = spikes[INPUT].shape[1]
    rows = []
    for layer in network.layers:
        active = {source: repeated((spikes[source] != 0).to(torch.float32), network.timesteps) for source in layer.sources}
        reached = layer.current(active, [torch.ones_like(each.weight) for each in layer.synapses], pool_sums=True)
        operations = float(reached.sum(dtype=torch.float64))
        fired = 0.0
        if not isinstance(layer, ReadOut):
            spikes[layer.name] = layer(spikes)
            fired = float(spikes[layer.name].sum(dtype=torch.float64))
        parameters = sum(weight.numel() for weight in layer.parameters())
        shape = layer.output_shape
        rows.append(LayerEstimate(layer.name, shape, parameters, prod(shape), fired / batch, operations / batch))
    return tuple(rows)


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
