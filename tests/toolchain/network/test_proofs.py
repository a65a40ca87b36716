"""Proofs: brute force over all inputs of tiny networks agrees, and nothing random goes beyond them, whatever T is."""

from collections.abc import Callable
from dataclasses import replace
from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_samples, seeds
from random_recurrence import random_recurrent_network

from snnc.toolchain.network import lif
from snnc.toolchain.network.bounds import network_bounds
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.proofs import proofs
from snnc.toolchain.network.readout import MOST_BITS
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.overflow import overflowing
from snnc.toolchain.simulate.reference import simulate


def tiny_network(seed: int) -> Network:
    """Draw two layers, the second of which may feed the first, of so few inputs that all can be tried."""
    rng = np.random.default_rng(seed)
    scale = int(rng.choice([1, 9, 2**14]))  # the last overflows now and then
    low = int(rng.integers(-1, 2))
    pixels = Input((2,), low, low + 1)

    def layer(name: str, *synapses: Dense) -> Layer:
        bias = rng.integers(-4 * scale // 10 - 1, 4 * scale // 10 + 2, 2).clip(-(2**13), 2**13)
        vth = min(int(rng.integers(0, 4 * scale)), lif.VTH_MAX)
        return Layer(
            name, synapses, Lif((2,), vth, int(rng.choice([0, 1000, 2048, 4095])), bias, 6, int(rng.choice([4095, 2000])))
        )

    weights = [rng.integers(-4 * scale, 4 * scale + 1, (2, 2)) for _ in range(3)]
    back = [Dense("b", weights[2], 1)] if rng.random() < 0.5 else []
    first = layer("a", Dense(INPUT, weights[0], int(rng.integers(0, 2))), *back)
    return Network(f"tiny {seed}", 3, pixels, (first, layer("b", Dense("a", weights[1]))), "spikes")


def all_inputs(network: Network) -> np.ndarray:
    """Return every input of every step, `(T, B, *input.shape)`."""
    values = range(network.input.minimum, network.input.maximum + 1)
    shape = (network.timesteps, *network.input.shape)
    return np.array(list(product(values, repeat=prod(shape)))).reshape(-1, *shape).swapaxes(0, 1)


@settings(max_examples=120, deadline=None)
@given(seeds)
def test_no_input_of_all_breaks_what_is_proved(seed: int) -> None:
    network = tiny_network(seed)
    samples = all_inputs(network)
    trace = simulate(network, samples)
    found = overflowing(network, samples, trace)
    proved = proofs(network)
    assert not (proved.holds and found)
    bounds = network_bounds(network)
    for layer in network.layers:
        spikes = trace.spikes[layer.name].reshape(-1, *layer.output_shape)
        least, most = bounds[layer.name].spikes
        assert (spikes.min(axis=0) >= least).all()
        assert (spikes.max(axis=0) <= most).all()
        if proved.holds:
            low, high = bounds[layer.name].v
            membranes = trace.membranes[layer.name]
            assert (membranes >= low).all()
            assert (membranes <= high).all()


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_an_extreme_of_one_layer_is_reached(seed: int) -> None:
    """Of a layer that the input drives, the lowest membrane and both ends of the current are no bounds but values."""
    network = tiny_network(seed)
    network = replace(network, layers=network.layers[:1]) if len(network.layers[0].synapses) == 1 else network
    if len(network.layers) > 1 or network.layers[0].synapses[0].delay or not proofs(network).holds:
        return
    samples, layer = all_inputs(network), network.layers[0]
    a = layer.synapses[0].sums(samples.reshape(-1, 2))
    low, high = network_bounds(network)["a"].a
    assert (a.min(axis=0) == low).all()
    assert (a.max(axis=0) == high).all()


@pytest.mark.parametrize("draw", [random_network, random_recurrent_network])
@settings(max_examples=25, deadline=None)
@given(seeds)
def test_what_holds_for_more_steps_holds_in_the_simulator(draw: Callable[[int], Network], seed: int) -> None:
    network = draw(seed)
    largest = proofs(network).largest_timesteps
    if largest == 0:
        return
    longer = replace(network, timesteps=min(largest or 40, 40))
    samples = random_samples(longer, 4, timed=True, seed=seed)
    assert not overflowing(longer, samples, simulate(longer, samples))


def one_layer(weight: int, dv: int, timesteps: int, vth: int = 1000) -> Network:
    layer = Layer("fc", (Dense(INPUT, [[weight]]),), Lif((1,), vth, dv))
    return Network("n", timesteps, Input((1,), 0, 1), (layer,), "spikes")


@pytest.mark.parametrize(("weight", "dv", "largest"), [(-1000, 0, 131), (-1000, 2048, None), (-3, 0, None), (100, 0, None)])
def test_the_largest_number_of_steps(weight: int, dv: int, largest: int | None) -> None:
    """Without a leak negative input adds up; positive input is reset, and what leaks ends somewhere."""
    assert proofs(one_layer(weight, dv, 4)).largest_timesteps == largest
    if largest:
        assert proofs(one_layer(weight, dv, largest)).holds
        assert not proofs(one_layer(weight, dv, largest + 1)).holds


@pytest.mark.parametrize("weight", [100, -1000, -30000])
def test_no_more_steps_are_proposed_than_the_read_out_can_have(weight: int) -> None:
    counts = one_layer(weight, 0, 2)
    largest = proofs(counts).largest_timesteps
    assert proofs(replace(counts, readout="first-spike")).largest_timesteps == min(largest or MOST_BITS, MOST_BITS)


def test_what_never_spikes_brings_nothing() -> None:
    first = Layer("a", (Dense(INPUT, [[1], [5]]),), Lif((2,), 3, 4095))
    last = Layer("b", (Dense("a", [[7, 2]]),), Lif((1,), 100, 0, 3))
    found = proofs(Network("n", 4, Input((1,), 0, 2), (first, last), "spikes"))
    assert found.silent == {"a": 1, "b": 1}
    assert next(row for row in found.rows if row.layer == "b").most == 2  # what neuron 0 would bring is not in it


def test_what_always_spikes_is_counted_and_brings_as_much_at_least() -> None:
    first = Layer("a", (Dense(INPUT, [[5]]),), Lif((1,), 3, 4095))
    last = Layer("b", (Dense("a", [[7]]),), Lif((1,), 100, 0, 3))
    found = proofs(Network("n", 4, Input((1,), 1, 2), (first, last), "spikes"))
    assert found.busy == {"a": 1, "b": 0}
    assert [(row.least, row.most) for row in found.rows if row.quantity == "input a"] == [(5, 10), (7, 7)]


def test_a_broken_limit_is_a_violation() -> None:
    network = one_layer(-131071, 0, 3)
    (found,) = proofs(network).violations
    assert found.where == "layer 'fc'"
    assert found.value == -131071 * 64 * 3
    assert found.limit == "-8388607..8388607"
    assert [row.used > 1 for row in proofs(network).rows] == [False, False, True]
