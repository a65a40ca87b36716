"""The reference simulator: the integer network in plain numpy, written to be obviously right."""

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.simulate.frames import Samples, as_frames
from snnc.toolchain.simulate.trace import Trace


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
    sources: dict[str, NDArray[np.generic]] = {INPUT: as_frames(network, samples)}
    spikes, membranes = {}, {}
    for layer in network.layers:  # feed-forward, so one layer may run over all time steps before the next
        spikes[layer.name], membranes[layer.name] = _run(layer, sources, network.timesteps)
        sources[layer.name] = spikes[layer.name]
    return Trace("reference", spikes, membranes)


def _run(layer: Layer, sources: dict[str, NDArray[np.generic]], timesteps: int) -> tuple[NDArray[np.bool_], NDArray[np.int32]]:
    a = np.zeros((), np.int64)
    for synapse in layer.synapses:
        a = a + np.stack([synapse.sums(frame) for frame in sources[synapse.source]])
    neuron = layer.neuron
    steps = list(lif.run(a, timesteps, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth))
    return np.stack([fired for _, fired in steps]), np.stack([after.astype(np.int32) for after, _ in steps])
