"""Compares the bit-sliced simulator with the reference, number by number, on every vector width that runs here."""

import numpy as np

from snnc.toolchain.native.library import built, load_kernel
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Synapse
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.reference import simulate


def usable_widths() -> list[int]:
    """Return the vector widths that were built and that this processor can run."""
    plain = load_kernel(16) if built() else None
    return [width for width in built() if plain and plain.processor_has(width)]


def assert_equal(network: Network, samples: np.ndarray, width: int | None = None, threads: int = 2) -> None:
    """Compare all spikes, membranes and the read-out, event by event and 64 images at a time."""
    reference = simulate(network, samples)
    for by_images in (False, True):
        simulator = BitslicedSimulator(network, width=width, threads=threads, by_images=by_images)
        trace = simulator.trace(samples)
        for layer in network.layers:
            assert np.array_equal(trace.spikes[layer.name], reference.spikes[layer.name]), (layer.name, by_images)
            assert np.array_equal(trace.membranes[layer.name], reference.membranes[layer.name]), (layer.name, by_images)
        assert np.array_equal(simulator.outputs(samples), reference.outputs(network))


def one_layer(synapse: Synapse, source: Input, neuron: Lif, timesteps: int = 3) -> Network:
    """Return a network of one layer."""
    return Network("n", timesteps, source, (Layer("a", (synapse,), neuron),), "spikes")
