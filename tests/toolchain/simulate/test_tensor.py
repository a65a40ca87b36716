"""The PyTorch engine: the reference's very numbers in either float type, and devices that are not there."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from random_models import random_model
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.lower import lower
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.tensor import simulate_tensor, synaptic_input


def assert_equal(network: Network, samples: np.ndarray) -> None:
    ours, theirs = simulate_tensor(network, samples), simulate(network, samples)
    for layer in network.layers:
        assert np.array_equal(ours.spikes[layer.name], theirs.spikes[layer.name])
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
        assert ours.membranes[layer.name].dtype == np.int32


@settings(max_examples=60, deadline=None)
@given(seeds, st.booleans())
def test_random_networks_are_equal(seed: int, timed: bool) -> None:
    network = random_network(seed)
    assert_equal(network, random_samples(network, 5, timed=timed, seed=seed))


@settings(max_examples=20, deadline=None)
@given(seeds)
def test_lowered_models_are_equal(seed: int) -> None:
    network = lower(random_model(seed))
    assert_equal(network, random_samples(network, 5, seed=seed))


@pytest.mark.parametrize("largest", [1, 127, 2**15, 2**20])
def test_sums_beyond_float32_are_exact(largest: int) -> None:
    synapse = Dense("input", np.array([[127, -1, 1], [1, 1, 1]]))
    source = np.array([[largest, 1, 0], [largest, largest - 1, 1]])
    assert np.array_equal(synaptic_input(synapse, torch.from_numpy(source), largest).numpy(), synapse.sums(source))


def test_wrapping_currents_are_equal() -> None:
    layer = Layer("a", (Dense("input", np.full((1, 2), 127)),), Lif((1,), 131071, 0, du=1000))
    network = Network("n", 5, Input((2,), -40000, 40000), (layer,), "spikes")
    assert_equal(network, np.array([[40000, 30000], [-40000, 1], [520, 520]]))


@pytest.mark.parametrize("device", ["quantum", "meta"])
def test_a_device_that_is_not_there_is_refused(device: str) -> None:
    network = random_network(3)
    with pytest.raises(ConfigError, match=f"device '{device}' cannot be used: .*; try cpu"):
        simulate_tensor(network, random_samples(network, 1), device)
