"""Delays, cycles, decays of each neuron's own and wide weights: every simulator against loops over neurons."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_samples, seeds
from random_recurrence import random_recurrent_network, simulated_in_loops

from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator, simulate_bitsliced
from snnc.toolchain.simulate.bitsliced_cycles import CyclicLayers
from snnc.toolchain.simulate.frames import over_time
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.tensor import simulate_tensor
from snnc.toolchain.simulate.trace import Trace


def assert_same(trace: Trace, spikes: dict[str, np.ndarray], membranes: dict[str, np.ndarray]) -> None:
    for name, expected in spikes.items():
        assert np.array_equal(trace.spikes[name], expected), name
        assert np.array_equal(trace.membranes[name], membranes[name]), name


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_all_simulators_equal_loops_over_neurons(seed: int) -> None:
    network = random_recurrent_network(seed)
    samples = random_samples(network, 2, timed=seed % 3 > 0, seed=seed)
    expected = simulated_in_loops(network, over_time(network, samples))
    assert_same(simulate(network, samples), *expected)
    assert_same(simulate_tensor(network, samples), *expected)
    assert_same(simulate_bitsliced(network, samples), *expected)


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_outputs_alone_are_those_of_the_trace(seed: int) -> None:
    network = random_recurrent_network(seed)
    samples = random_samples(network, 6, timed=seed % 3 > 0, seed=seed)
    found = BitslicedSimulator(network).outputs(samples)
    assert np.array_equal(found, simulate(network, samples).outputs(network))


@pytest.mark.parametrize("cycles", [False, True])
def test_delays_stay_in_c_and_only_cycles_leave_it(cycles: bool) -> None:
    weight = np.ones((3, 3), int)
    back = (Dense("b", weight, delay=1),) if cycles else ()
    layers = [
        Layer("a", (Dense("input", weight, delay=2), *back), Lif((3,), 1, 2048)),
        Layer("b", (Dense("a", weight), Dense("input", weight, delay=1)), Lif((3,), 2, 2048)),
        Layer("c", (Dense("b", weight, delay=3), Dense("a", weight)), Lif((3,), 2, 2048)),
    ]
    simulator = BitslicedSimulator(Network("n", 6, Input((3,), 0, 1), tuple(layers), "spikes"))
    kinds = [type(runner).__name__ for _, runner in simulator.stages]
    assert kinds == (["CyclicLayers", "FusedLayer"] if cycles else ["FusedLayer"] * 3)
    assert any(isinstance(runner, CyclicLayers) for _, runner in simulator.layers) == cycles


def test_a_delay_longer_than_a_sample_brings_nothing() -> None:
    layer = Layer("a", (Dense("input", [[5]], delay=9),), Lif((1,), 1, 0))
    network = Network("n", 4, Input((1,), 1, 1), (layer,), "spikes")
    for run in (simulate, simulate_tensor, simulate_bitsliced):
        assert not run(network, np.ones((2, 1), int)).spikes["a"].any()
