"""The current u of every neuron and step, computed again from what its sources did: traces do not keep it."""

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Layer, Network
from snnc.toolchain.simulate.frames import Samples, as_frames, delayed
from snnc.toolchain.simulate.trace import Trace


def currents(network: Network, layer: Layer, samples: Samples, trace: Trace) -> NDArray[np.int64]:
    """Return the currents `(T, B, *layer shape)` of a layer, in 1/64 weight units; `samples` are those of the trace."""
    a = inputs(network, layer, samples, trace)
    u, found = np.zeros(a.shape[1:], np.int64), []
    for t in range(network.timesteps):
        u, _ = lif.integrate(u, u * 0, a[t % len(a)], du=layer.neuron.du, dv=0, bias=0)
        found.append(u)
    return np.stack(found)


def inputs(network: Network, layer: Layer, samples: Samples, trace: Trace) -> NDArray[np.int64]:
    """Return the summed input `(F, B, *layer shape)` of a layer in weight units, F being T, or 1 where all steps are alike."""
    sources = trace.spikes | {INPUT: as_frames(network, samples)}
    a = np.zeros((), np.int64)
    for synapse in layer.synapses:
        sums = np.stack([synapse.sums(frame) for frame in sources[synapse.source]])
        a = a + delayed(sums, synapse.delay, network.timesteps)
    return a
