"""One neuron over time: the numbers of the definition, and neurons that are not there."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples

from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.frames import as_frames
from snnc.toolchain.simulate.reference import simulate
from snnc.verification.engines import samples_of
from snnc.verification.neuron import alike, layer_named, neuron_trace, place_of


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_a_replayed_neuron_is_the_one_that_ran(seed: int, timed: bool) -> None:
    network = random_network(seed)
    frames = as_frames(network, random_samples(network, 1, timed=timed))
    trace = simulate(network, samples_of(network, frames))
    for layer in network.layers:
        place = tuple(np.random.default_rng(seed).integers(0, layer.output_shape))
        found = neuron_trace(network, frames, trace, layer, place)
        vth = layer.neuron.vth << lif.UNIT_SHIFT
        assert tuple(0 if before > vth else before for before in found.before) == found.v
        assert tuple(int(before > vth) for before in found.before) == found.spikes
        assert len(found.a) == len(found.u) == network.timesteps


def test_sums_of_delayed_and_recurrent_synapses() -> None:
    synapses = (Dense("input", [[2]]), Dense("input", [[10]], delay=2), Dense("fc", [[100]], delay=1))
    network = Network("n", 4, Input((1,), 0, 1), (Layer("fc", synapses, Lif((1,), vth=1, dv=0)),), "spikes")
    frames = as_frames(network, np.array([[1]]))
    found = neuron_trace(network, frames, simulate(network, samples_of(network, frames)), network.layers[0], (0,))
    assert found.a == (2, 102, 112, 112) and found.spikes == (1, 1, 1, 1)
    assert found.as_dict()["u"] == [64 * a for a in found.a]


def test_engines_that_saw_the_same_are_one_group() -> None:
    network = random_network(9)
    frames = as_frames(network, random_samples(network, 1))
    layer = network.layers[0]
    place = (0,) * len(layer.output_shape)
    trace = simulate(network, samples_of(network, frames))
    right = neuron_trace(network, frames, trace, layer, place)
    trace.membranes[layer.name][(0, 0, *place)] += 1
    wrong = neuron_trace(network, frames, trace, layer, place)
    assert [len(group) for group in alike([right, wrong, right])] == [2, 1]


def test_neurons_are_named_by_index_or_coordinates() -> None:
    layer = next(layer for layer in random_network(9).layers if len(layer.output_shape) == 3)
    shape = layer.output_shape
    last = tuple(size - 1 for size in shape)
    for text in (str(layer.neurons - 1), ",".join(map(str, last)), f"({', '.join(map(str, last))})"):
        assert place_of(layer, text) == last
    for text in ("", "x", "1.5", str(layer.neurons), "-1", "0,0", f"0,0,{shape[2]}", "0,0,0,0", "0,-1,0", "9" * 30):
        with pytest.raises(ConfigError, match="allowed are a flat index 0.."):
            place_of(layer, text)
    with pytest.raises(ConfigError, match="layer 'x' is unknown; allowed are "):
        layer_named(random_network(9), "x")
