"""Traces: the read-out by membranes and by spikes."""

from dataclasses import replace

import numpy as np
from random_networks import random_network, random_samples

from snnc.toolchain.simulate.reference import simulate


def test_the_readout_sums_over_time() -> None:
    network = random_network(3)
    trace = simulate(network, random_samples(network, 3))
    last = network.layers[-1]
    counts = trace.spikes[last.name].reshape(network.timesteps, 3, -1).sum(0)
    membranes = trace.membranes[last.name].reshape(network.timesteps, 3, -1).sum(0)
    assert np.array_equal(trace.outputs(network), counts)
    assert np.array_equal(trace.outputs(replace(network, readout="membrane")), membranes)


def test_equal_readouts_give_the_first_class() -> None:
    network = random_network(3)
    trace = simulate(network, random_samples(network, 2))
    silent = replace(trace, spikes={name: np.zeros_like(array) for name, array in trace.spikes.items()})
    assert list(silent.outputs(network).argmax(1)) == [0, 0]


def test_first_cuts_samples_not_steps() -> None:
    network = random_network(3)
    trace = simulate(network, random_samples(network, 3)).first(2)
    for layer in network.layers:
        assert trace.spikes[layer.name].shape[:2] == trace.membranes[layer.name].shape[:2] == (network.timesteps, 2)
