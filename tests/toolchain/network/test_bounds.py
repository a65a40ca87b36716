"""Bounds: what they promise is never broken, and what they warn of can happen."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_samples, seeds
from random_recurrence import random_recurrent_network

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.bounds import layer_bounds, overflows, prove
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


@pytest.mark.parametrize("draw", [random_network, random_recurrent_network])
@settings(max_examples=60, deadline=None)
@given(seeds)
def test_no_membrane_leaves_its_bounds(draw: Callable[[int], Network], seed: int) -> None:
    network = draw(seed)
    if any(overflows(network)):
        return
    trace = simulate(network, random_samples(network, 20, timed=True, seed=seed))
    for layer in network.layers:
        low, high = layer_bounds(layer, network.ranges, network.timesteps, network.shapes).v
        assert (trace.membranes[layer.name] >= np.minimum(low, 0)).all()
        assert (trace.membranes[layer.name] <= np.maximum(high, 0)).all()


def test_a_delayed_input_that_is_never_0_brings_0_at_first() -> None:
    layer = Layer("fc", (Dense("input", [[-1]], delay=1),), Lif((1,), 100, 0, 5))
    network = Network("n", 3, Input((1,), 9, 9), (layer,), "spikes")
    _, high = layer_bounds(layer, network.ranges, 3, network.shapes).v
    assert high.tolist() == [3 * 5 * 64]
    assert simulate(network, np.array([[9]])).membranes["fc"].max() == 5 * 64


def test_what_a_cycle_brings_is_spikes() -> None:
    layer = Layer("fc", (Dense("input", [[1, 1]] * 2), Dense("fc", [[5, -7], [1, 2]], 1)), Lif((2,), 100, 0))
    network = Network("n", 1, Input((2,), 0, 3), (layer,), "spikes")
    low, high = layer_bounds(layer, network.ranges, 1, network.shapes).a
    assert (low.tolist(), high.tolist()) == ([-7, 0], [6 + 5, 6 + 3])


def one_layer(weight: int, inputs: int, neuron: Lif, *, maximum: int = 1, timesteps: int = 1) -> Network:
    layer = Layer("fc", (Dense("input", np.full((1, inputs), weight)),), neuron)
    return Network("n", timesteps, Input((inputs,), 0, maximum), (layer,), "spikes")


def test_the_bound_of_the_input_is_reached() -> None:
    layer = Layer("conv", (Conv("input", np.array([[[[3, -2]]]]), padding=(0, 1)),), Lif((1, 1, 3), 0, 0))
    low, high = layer_bounds(layer, {"input": (-5, 11)}, 1, {"input": (1, 1, 2)}).a
    assert low.ravel().tolist() == [-22, -15 - 22, -15]
    assert high.ravel().tolist() == [10, 33 + 10, 33]


def test_a_current_that_can_wrap_is_named_with_its_input() -> None:
    network = one_layer(127, 1100, Lif((1,), 10, 0))
    message = (
        r"layer 'fc': current u of neuron \(0,\) can reach 8940800, the limit is 8388607; the bound takes 'input' at 1 where "
        r"the weight is positive and at 0 where it is negative at every step; train with smaller weights"
    )
    with pytest.raises(NetworkError, match=message):
        prove(network)


def test_a_membrane_that_can_saturate_is_named() -> None:
    neuron = Lif((1,), 131071, 0)
    assert not any(overflows(one_layer(127, 500, neuron, timesteps=2)))
    found = next(iter(overflows(one_layer(-127, 500, neuron, timesteps=3))))
    assert (found.what, found.value) == ("membrane v (before a reset)", -127 * 500 * 64 * 3)
    assert found.drive == "'input' at 0 where the weight is positive and at 1 where it is negative"


def test_a_readout_that_can_spike_is_refused() -> None:
    network = one_layer(1, 10, Lif((1,), 9, 0))
    assert not any(overflows(network))
    with pytest.raises(NetworkError, match="read-out membrane of neuron"):
        prove(replace(network, readout="membrane"))
    prove(replace(one_layer(1, 10, Lif((1,), 10, 0)), readout="membrane"))
