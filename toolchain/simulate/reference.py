"""The reference simulator: the integer network in plain numpy, written to be obviously right."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.simulate.frames import Samples, as_frames, delayed
from snnc.toolchain.simulate.trace import Trace

Sources = dict[str, NDArray[Any]]
Spikes = dict[str, NDArray[np.bool_]]
Membranes = dict[str, NDArray[np.int32]]


def simulate(network: Network, samples: Samples) -> Trace:
    """Run the network in exact integers and return every spike and membrane.

    Args:
        network: the integer network.
        samples: chip values (raw value minus `network.input.zero_point`), integers `(B, *input.shape)`, the same at every time
            step, or time first `(T, B, *input.shape)`. Every sample starts from rest (u = v = 0).

    Returns:
        A `Trace` with spikes and membranes `(T, B, *layer shape)` of each layer, by its name.

    Raises:
        DataError: for samples of another type, shape or range.

    Example:
        >>> import numpy as np, snnc
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> snnc.simulate(network, np.array([[1, 1], [1, 0]])).spikes["fc"][:, :, 0].astype(int).tolist()
        [[0, 0], [1, 0], [0, 0]]
    """
    sources: Sources = {INPUT: as_frames(network, samples)}
    spikes: Spikes = {}
    membranes: Membranes = {}
    for stage in stages(network.layers):
        for layer in stage:
            shape = (network.timesteps, sources[INPUT].shape[1], *layer.output_shape)
            spikes[layer.name], membranes[layer.name] = np.zeros(shape, bool), np.zeros(shape, np.int32)
        if is_recurrent(stage):
            run_together(stage, sources | spikes, spikes, membranes)
        else:  # one layer may run over all time steps before the next
            _run(stage[0], sources, spikes[stage[0].name], membranes[stage[0].name])
        sources |= spikes
    return Trace("reference", spikes, membranes)


def _run(layer: Layer, sources: Sources, spikes: NDArray[np.bool_], membranes: NDArray[np.int32]) -> None:
    timesteps, neuron = len(spikes), layer.neuron
    a = np.zeros((), np.int64)
    for synapse in layer.synapses:
        a = a + delayed(np.stack([synapse.sums(frame) for frame in sources[synapse.source]]), synapse.delay, timesteps)
    steps = lif.run(a, timesteps, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth)
    for t, (after, fired) in enumerate(steps):
        spikes[t], membranes[t] = fired, after


def run_together(stage: Sequence[Layer], sources: Sources, spikes: Spikes, membranes: Membranes) -> None:
    """Run layers step by step. Each reads from `sources`, which hold `spikes` too, what this step or an earlier one wrote."""
    timesteps = len(spikes[stage[0].name])
    states = {layer.name: (np.zeros((), np.int64), np.zeros((), np.int64)) for layer in stage}
    for t in range(timesteps):
        for layer in stage:
            neuron, name = layer.neuron, layer.name
            a = np.zeros(spikes[name].shape[1:], np.int64)
            for synapse in layer.synapses:
                if t >= synapse.delay:
                    source = sources[synapse.source]
                    a += synapse.sums(source[(t - synapse.delay) % len(source)])  # an input of one frame is always the same
            u, v = states[name]
            u, v, fired = lif.step(u, v, a, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth)
            states[name], spikes[name][t], membranes[name][t] = (u, v), fired, v
