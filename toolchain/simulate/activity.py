"""Measures how active a network is on samples, from a trace: spikes and effective synaptic operations, as NeuroBench counts."""

import numpy as np

from snnc.toolchain.network.activity import Activity
from snnc.toolchain.network.network import INPUT, Network
from snnc.toolchain.simulate.frames import Samples, over_time
from snnc.toolchain.simulate.trace import Trace
from snnc.toolchain.simulate.transposed import fan_out


def measure(network: Network, samples: Samples, trace: Trace) -> Activity:
    """Return what the network does on the samples of a trace, per sample; samples are as for `simulate`.

    Raises DataError for samples that do not fit the network.

    Example:
        >>> import numpy as np, snnc
        >>> from snnc.toolchain.simulate.activity import measure
        >>> layer = snnc.Layer("fc", (snnc.Dense("input", [[1, 1], [1, 0]]),), snnc.Lif((2,), vth=0, dv=2048))
        >>> network = snnc.Network("example", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
        >>> samples = np.array([[1, 0], [0, 1]])
        >>> found = measure(network, samples, snnc.simulate(network, samples))
        >>> found.spikes["fc"], found.operations["fc"], found.activation_sparsity
        (4.5, 4.5, 0.25)
    """
    active = {INPUT: over_time(network, samples) != 0} | trace.spikes
    sent = {name: values.sum(axis=(0, 1), dtype=np.int64) for name, values in active.items()}
    done: dict[str, dict[str, int]] = {}  # operations of each layer by source
    for layer in network.layers:
        done[layer.name] = dict.fromkeys(active, 0)
        for synapse in layer.synapses:
            last = sent[synapse.source]
            if synapse.delay:  # what is sent in the last steps arrives after them
                last = active[synapse.source][: max(network.timesteps - synapse.delay, 0)].sum(axis=(0, 1), dtype=np.int64)
            done[layer.name][synapse.source] += int((last * fan_out(synapse, network.shapes[synapse.source])).sum())
    graded = 0 if network.input.binary else sum(of_layer[INPUT] for of_layer in done.values())
    operations = {name: sum(of_layer.values()) for name, of_layer in done.items()}
    count = trace.samples
    return Activity(
        samples=count,
        spikes={name: int(spikes.sum()) / count for name, spikes in sent.items()},
        operations={name: total / count for name, total in operations.items()},
        effective_macs=graded / count,
        effective_acs=(sum(operations.values()) - graded) / count,
        activation_sparsity=_sparsity(network, trace),
    )


def _sparsity(network: Network, trace: Trace) -> float:
    spiking = [trace.spikes[layer.name] for layer in network.layers if not network.is_readout(layer)]
    outputs = sum(spikes.size for spikes in spiking)
    return 1 - sum(int(spikes.sum()) for spikes in spiking) / outputs if outputs else 0.0
