"""The reference simulator: the integer network in plain numpy, written to be obviously right."""

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.simulate.trace import Trace


def simulate(network: Network, samples: NDArray[np.integer]) -> Trace:
    """Run the network on integers `(B, *input.shape)`, the same at every step, or `(T, B, *input.shape)`.

    Every sample starts from rest (u = v = 0). Raises DataError for samples of another type, shape or range.
    """
    inputs = over_time(network, samples)
    spikes, membranes = {INPUT: inputs}, {}
    for layer in network.layers:  # feed-forward, so one layer may run over all steps before the next
        spikes[layer.name], membranes[layer.name] = _run(layer, spikes)
    del spikes[INPUT]
    return Trace("reference", {name: array.astype(bool) for name, array in spikes.items()}, membranes)


def over_time(network: Network, samples: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the samples as int64 `(T, B, *input.shape)`. Raises DataError for another type, shape or range."""
    expected, once = network.input, check_shape(network, samples)
    if samples.dtype.kind not in "iub":
        raise DataError(f"samples of type {samples.dtype}; the chip takes integers, so round them first")
    if samples.size and not expected.minimum <= samples.min() <= samples.max() <= expected.maximum:
        raise DataError(
            f"samples hold {samples.min()}..{samples.max()}, the network takes {expected.minimum}..{expected.maximum}; "
            "subtract the zero point first (datasets.chip_input)"
        )
    whole = np.asarray(samples, np.int64)
    return np.broadcast_to(whole, (network.timesteps, *whole.shape)) if once else whole


def check_shape(network: Network, samples: NDArray[np.integer]) -> bool:
    """Return whether samples `(B, ...)` hold one frame each, not `(T, B, ...)`. Raises DataError for any other shape."""
    expected, sizes = network.input.shape, ", ".join(map(str, network.input.shape))
    once = samples.ndim > 0 and samples.shape[1:] == expected
    if not once and (samples.shape[2:] != expected or samples.ndim < 2 or len(samples) != network.timesteps):
        raise DataError(f"samples of shape {samples.shape}; allowed are (B, {sizes}) and ({network.timesteps}, B, {sizes})")
    return once


def _run(layer: Layer, sources: dict[str, NDArray[np.int64]]) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    timesteps, batch = sources[layer.synapses[0].source].shape[:2]
    neuron = layer.neuron
    u = v = np.zeros((batch, *neuron.shape), np.int64)
    spikes, membranes = [], []
    for t in range(timesteps):
        a = sum((synapse.sums(sources[synapse.source][t]) for synapse in layer.synapses), np.int64(0))
        u, v, fired = lif.step(u, v, a, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth)
        spikes.append(fired)
        membranes.append(v)
    return np.stack(spikes).astype(np.int64), np.stack(membranes).astype(np.int32)
