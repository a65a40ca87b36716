"""The integer network in PyTorch on any device: exact sums in floats, neurons in int64, the same numbers as the reference.

A float32 sum of integers is exact while no partial sum reaches 2**24, and a float64 sum up to 2**53; the smaller type that
is safe for a synapse is taken. On CUDA, cuDNN is left out: its Winograd and FFT convolutions are no plain sums.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from snnc.toolchain.device import torch_device
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.simulate.frames import Samples, as_frames
from snnc.toolchain.simulate.trace import Trace

Stage = tuple[Layer, ...]
Largest = dict[str, int]  # the largest magnitude that each source can send


@torch.no_grad()
def simulate_tensor(network: Network, samples: Samples, device: str = "cpu") -> Trace:
    """Run the network as reference.simulate does, with the same results. Raises ConfigError for a device that is not there."""
    place = torch_device(device)
    sources = {INPUT: torch.from_numpy(as_frames(network, samples).astype(np.int64)).to(place)}
    largest = {name: max(abs(least), abs(most)) for name, (least, most) in network.ranges.items()}
    spikes: dict[str, NDArray[np.bool_]] = {}
    membranes: dict[str, NDArray[np.int32]] = {}
    with _plain_sums(place):
        for stage in stages(network.layers):
            for layer in stage:
                shape = (network.timesteps, sources[INPUT].shape[1], *layer.output_shape)
                sources[layer.name] = torch.zeros(shape, dtype=torch.bool, device=place)
            for layer, after in (_run_together if is_recurrent(stage) else _run)(stage, sources, largest, network.timesteps):
                spikes[layer.name] = sources[layer.name].cpu().numpy()
                membranes[layer.name] = after.to(torch.int32).cpu().numpy()
    return Trace("tensor", spikes, membranes)


def synaptic_input(synapse: Synapse, source: Tensor, largest: int) -> Tensor:
    """Return the exact sums `(N, ...)` as int64 that a source `(N, ...)` of magnitudes up to `largest` gives."""
    reach = int(np.abs(synapse.weight.astype(np.int64)).reshape(len(synapse.weight), -1).sum(1).max()) * largest
    kind = torch.float32 if reach < 2**24 else torch.float64
    weight, x = torch.tensor(synapse.weight, dtype=kind, device=source.device), source.to(kind)
    if isinstance(synapse, Conv):
        sums = F.conv2d(x, weight, stride=synapse.stride, padding=synapse.padding)
    else:
        sums = F.linear(x.flatten(1), weight)
    return sums.to(torch.int64)


def _run(stage: Stage, sources: dict[str, Tensor], largest: Largest, timesteps: int) -> list[tuple[Layer, Tensor]]:
    """Run one layer over all steps at once; write its spikes into `sources` and return its membranes."""
    (layer,) = stage
    a = torch.zeros((), dtype=torch.int64, device=sources[INPUT].device)
    for synapse in layer.synapses:
        source = sources[synapse.source]
        summed = synaptic_input(synapse, source.flatten(0, 1), largest[synapse.source])
        a = a + _delayed(summed.reshape(*source.shape[:2], *layer.output_shape), synapse.delay, timesteps)
    steps = list(lif.run(a, timesteps, **_constants(layer, a.device)))
    sources[layer.name] = torch.stack([fired for _, fired in steps])
    return [(layer, torch.stack([after for after, _ in steps]))]


def _run_together(stage: Stage, sources: dict[str, Tensor], largest: Largest, timesteps: int) -> list[tuple[Layer, Tensor]]:
    """Run layers that feed each other step by step; write their spikes into `sources` and return their membranes."""
    constants = {layer.name: _constants(layer, sources[INPUT].device) for layer in stage}
    membranes = {layer.name: torch.zeros_like(sources[layer.name], dtype=torch.int64) for layer in stage}
    currents = {layer.name: torch.zeros_like(sources[layer.name][0], dtype=torch.int64) for layer in stage}
    for t in range(timesteps):
        for layer in stage:
            name = layer.name
            a = torch.zeros_like(currents[name])
            for synapse in layer.synapses:
                if t >= synapse.delay:
                    source = sources[synapse.source]
                    a += synaptic_input(synapse, source[(t - synapse.delay) % len(source)], largest[synapse.source])
            before = membranes[name][t - 1] if t else torch.zeros_like(a)
            stepped = lif.step(currents[name], before, a, **constants[name])
            currents[name], membranes[name][t], sources[name][t] = stepped
    return [(layer, membranes[layer.name]) for layer in stage]


def _constants(layer: Layer, device: torch.device) -> dict[str, int | Tensor]:
    neuron = layer.neuron
    each = {"du": neuron.du, "dv": neuron.dv, "bias": neuron.bias}
    arrays = {name: value if isinstance(value, int) else torch.tensor(value, device=device) for name, value in each.items()}
    return {**arrays, "vth": neuron.vth}


def _delayed(sums: Tensor, delay: int, timesteps: int) -> Tensor:
    """Return the sums `(F, ...)` so many steps later, as frames.delayed does."""
    if not delay:
        return sums
    later = sums.new_zeros(timesteps, *sums.shape[1:])
    later[delay:] = sums[: max(timesteps - delay, 0)]
    return later


@contextmanager
def _plain_sums(device: torch.device) -> Iterator[None]:
    """Keep CUDA from rounding float32 to the 11 bits of TF32, and from convolutions that are no plain sums."""
    if device.type != "cuda":
        yield
        return
    precision = torch.get_float32_matmul_precision()
    torch.set_float32_matmul_precision("highest")
    try:
        with torch.backends.cudnn.flags(enabled=False):
            yield
    finally:
        torch.set_float32_matmul_precision(precision)
