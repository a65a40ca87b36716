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
from snnc.toolchain.network.synapse import Conv, Synapse
from snnc.toolchain.simulate.frames import Samples, as_frames
from snnc.toolchain.simulate.trace import Trace


@torch.no_grad()
def simulate_tensor(network: Network, samples: Samples, device: str = "cpu") -> Trace:
    """Run the network as reference.simulate does, with the same results. Raises ConfigError for a device that is not there."""
    place = torch_device(device)
    sources = {INPUT: torch.from_numpy(as_frames(network, samples).astype(np.int64)).to(place)}
    largest = {name: max(abs(least), abs(most)) for name, (least, most) in network.ranges.items()}
    spikes: dict[str, NDArray[np.bool_]] = {}
    membranes: dict[str, NDArray[np.int32]] = {}
    with _plain_sums(place):
        for layer in network.layers:
            fired, after = _run(layer, sources, largest, network.timesteps)
            sources[layer.name] = fired
            spikes[layer.name] = fired.cpu().numpy()
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


def _run(layer: Layer, sources: dict[str, Tensor], largest: dict[str, int], timesteps: int) -> tuple[Tensor, Tensor]:
    neuron = layer.neuron
    a = torch.zeros((), dtype=torch.int64, device=sources[INPUT].device)
    for synapse in layer.synapses:
        source = sources[synapse.source]
        summed = synaptic_input(synapse, source.flatten(0, 1), largest[synapse.source])
        a = a + summed.reshape(*source.shape[:2], *neuron.shape)
    bias = torch.from_numpy(neuron.bias).to(a.device)
    steps = list(lif.run(a, timesteps, du=neuron.du, dv=neuron.dv, bias=bias, vth=neuron.vth))
    return torch.stack([fired for _, fired in steps]), torch.stack([after for after, _ in steps])


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
