"""Currents are those that the neuron's own step leaves."""

import numpy as np
import pytest
from random_networks import random_samples
from random_recurrence import random_recurrent_network

from snnc.toolchain.network import lif
from snnc.toolchain.simulate.currents import currents
from snnc.toolchain.simulate.reference import simulate


@pytest.mark.parametrize("seed", range(6))
def test_membranes_follow_from_currents(seed: int) -> None:
    network = random_recurrent_network(seed)
    samples = random_samples(network, 2, seed=seed)
    trace = simulate(network, samples)
    for layer in network.layers:
        u, neuron = currents(network, layer, samples, trace), layer.neuron
        v = u[0] * 0
        for t in range(network.timesteps):
            v, spikes = lif.fire(lif.saturate(lif.decayed(v, neuron.dv) + u[t] + neuron.bias), neuron.vth)
            assert np.array_equal(v, trace.membranes[layer.name][t])
            assert np.array_equal(spikes, trace.spikes[layer.name][t])
