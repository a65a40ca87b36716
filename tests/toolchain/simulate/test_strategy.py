"""Which way runs a layer: what the estimate counts, what it chooses, and that the choice changes no number."""

from itertools import product
from math import prod

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.native.library import built
from snnc.toolchain.network.grid import Grid
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate import bitsliced, strategy
from snnc.toolchain.simulate.bitsliced import WORTH, BitslicedSimulator
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_images import ImageSynapse
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.strategy import COSTS, Load, chances, prices

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")


def load(out: int, channels: int, side: int, rate: float, width: int = 64) -> Load:
    """Return a ternary 3x3 convolution's load, two thirds of its weights not 0."""
    weight = np.random.default_rng(0).integers(-1, 2, (out, channels, 3, 3), np.int8)
    synapse = ImageSynapse(Grid(weight, (channels, side, side), (1, 1), (1, 1)), 0, 1)
    return Load(synapse, width, timesteps=5, frames=5, rate=rate, ternary=True)


def faster_by_images(loads: list[Load], turned: list[bool], images: int) -> bool:
    """Tell which price is lower."""
    events, at_once = prices(loads, turned, images)
    return at_once < events


@pytest.mark.parametrize("patch", [1, 4, 9])
def test_the_chances_of_counts_are_those_of_all_patterns(patch: int) -> None:
    rate, expected = 0.25, np.zeros(patch.bit_length())  # whose powers floats hold exactly
    for pattern in product((0, 1), repeat=patch):
        likely = prod(rate if spike else 1 - rate for spike in pattern)
        expected += [likely * (sum(pattern) >> bit & 1) for bit in range(len(expected))]
    assert np.array_equal(chances(rate, patch), expected)


def test_narrow_layers_and_high_rates_go_by_images_wide_and_quiet_ones_by_events() -> None:
    assert faster_by_images([load(32, 16, 32, 0.1)], [True], 64)
    assert faster_by_images([load(256, 128, 16, 0.5)], [True], 64)
    assert not faster_by_images([load(256, 128, 16, 0.05)], [False], 64)
    assert not faster_by_images([load(32, 16, 32, 0.1)], [False], 4)


def test_turning_a_source_counts_for_the_other_way() -> None:
    both = [faster_by_images([load(64, 64, 8, 0.05)], [made], images) for images in range(8, 65) for made in (False, True)]
    alone, after = both[::2], both[1::2]
    assert all(second >= first for first, second in zip(alone, after, strict=True))
    assert alone != after


def test_a_shortcut_by_events_costs_a_part_of_the_neurons_and_no_convolution() -> None:
    weight = np.eye(64, dtype=np.int8)[:, :, None, None]
    synapse = ImageSynapse(Grid(weight, (64, 8, 8), (1, 1), (0, 0)), 0, 1)
    joins = Load(synapse, 64, 5, 5, 0.1, ternary=False, joins=True, neurons=False).by_events()
    alone = Load(synapse, 64, 5, 5, 0.1, ternary=True).by_events()
    assert joins.keys() == {"block"} and 0 < joins["block"] < alone["block"]


def test_the_synapses_of_a_layer_are_counted_by_their_kernels() -> None:
    """Two of one source: a convolution with the neurons, and a shortcut behind it."""
    rng = np.random.default_rng(0)
    taps, eye = rng.integers(-1, 2, (8, 8, 3, 3)), np.eye(8, dtype=int)[:, :, None, None]
    synapses = Conv(INPUT, eye), Conv(INPUT, taps, padding=(1, 1))
    network = Network("n", 2, Input((8, 4, 4), 0, 1), (Layer("a", synapses, Lif((8, 4, 4), 1, 2048)),), "spikes")
    runner = BitslicedSimulator(network).layers[0][1]
    assert isinstance(runner, FusedLayer)
    found = [(load.ternary, load.joins, load.neurons) for load in runner.loads(1, [0.1, 0.1])]
    assert found == [(False, True, False), (True, False, True)]


def test_windows_beyond_the_memory_are_not_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strategy, "WINDOW_BYTES", 1000)
    assert not faster_by_images([load(32, 16, 32, 0.1)], [True], 64)


@pytest.mark.parametrize("width", COSTS)
def test_every_width_has_costs_for_all_that_is_counted(width: int) -> None:
    own = load(32, 16, 8, 0.1, width)
    assert own.by_events().keys() | own.by_images().keys() <= set(vars(COSTS[width]))
    assert all(price > 0 for price in vars(COSTS[width]).values())


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_what_is_chosen_gives_the_same(seed: int) -> None:
    network = random_network(seed)
    samples = random_samples(network, WORTH * 2 + seed % 60, seed=seed)
    simulator = BitslicedSimulator(network, threads=2)
    trace, expected = simulator.trace(samples), simulate(network, samples)
    assert all(np.array_equal(trace.spikes[name], expected.spikes[name]) for name in expected.spikes)
    assert all(np.array_equal(trace.membranes[name], expected.membranes[name]) for name in expected.membranes)
    assert np.array_equal(simulator.outputs(samples), expected.outputs(network))


def narrow(bias: np.ndarray | int = 0) -> Network:
    """Return a network of two layers that is faster by images."""
    rng = np.random.default_rng(0)
    first = Layer("a", (Conv(INPUT, rng.integers(-1, 2, (8, 4, 3, 3)), padding=(1, 1)),), Lif((8, 16, 16), 1, 2048, bias))
    return Network(
        "n", 5, Input((4, 16, 16), 0, 1), (first, Layer("b", (Dense("a", rng.integers(-1, 2, (5, 2048))),), Lif((5,), 9, 9)))
    )


def test_a_plan_takes_as_many_images_as_all_threads_need() -> None:
    network = narrow()
    samples = random_samples(network, 540)
    simulator = BitslicedSimulator(network, threads=2)
    chosen, size = simulator.plan(samples[None], {"b"})
    assert "a" in chosen and size == 54  # ten parts of 54, not nine of 64: both threads end together
    assert simulator.plan(samples[None, : WORTH - 1], {"b"}) == (frozenset(), simulator._chunk_size({"b"}))


def test_an_input_was_made_by_no_layer_and_a_chosen_layer_turns_what_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[bool]] = []

    def watched(loads: list[Load], turned: list[bool], images: int) -> tuple[float, float]:
        asked.append(turned)
        return prices(loads, turned, images)

    network = narrow()
    samples, simulator = random_samples(network, 128), BitslicedSimulator(network, threads=2)
    monkeypatch.setattr(bitsliced, "prices", watched)
    chosen, _ = simulator.plan(samples[None], {"b"})
    assert "a" in chosen
    assert asked[0] == [False] and [True] in asked[1:]


def test_layers_that_numpy_runs_keep_a_network_with_events() -> None:
    network = narrow(np.arange(8 * 16 * 16).reshape(8, 16, 16))  # a bias for each neuron
    samples = random_samples(network, 200)
    assert BitslicedSimulator(network).plan(samples[None], {"b"})[0] == frozenset()


def test_a_small_gain_is_not_worth_many_images_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    network = narrow()
    samples, simulator = random_samples(network, 128), BitslicedSimulator(network, threads=2)
    assert simulator.plan(samples[None], {"b"})[0]
    monkeypatch.setattr(bitsliced, "GAIN", 0.01)
    assert simulator.plan(samples[None], {"b"}) == (frozenset(), simulator._chunk_size({"b"}))
