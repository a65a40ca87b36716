"""The fast simulator: the reference's very numbers, on every shape, width, thread count and path."""

import os
import re
import signal
import time
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from against_reference import assert_equal, one_layer, usable_widths
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.errors import DataError, EngineError
from snnc.toolchain.native import library
from snnc.toolchain.native.library import built, load_kernel
from snnc.toolchain.network.grid import Grid, grid_of
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.readout import READOUTS, ReadOutKind
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator, simulate_bitsliced
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_layers import Graded, Ternary, fused_kind, reach
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.signals import packed, unpacked

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")


def lowered(seed: int) -> Network:
    """Return a random trained model as a network; where torch is missing (make core), the test is skipped."""
    pytest.importorskip("torch")
    from random_models import random_model

    from snnc.toolchain.lower import lower

    return lower(random_model(seed))


@settings(max_examples=100, deadline=None)
@given(seeds, st.booleans(), st.sampled_from(usable_widths() or [16]), st.integers(1, 3))
def test_random_networks_are_equal(seed: int, timed: bool, width: int, threads: int) -> None:
    network = random_network(seed)
    assert_equal(network, random_samples(network, 6, timed=timed, seed=seed), width, threads)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("seed", range(4))
def test_read_outs_alone_are_those_of_the_trace(readout: ReadOutKind, seed: int) -> None:
    network = replace(random_network(seed), readout=readout)
    samples = random_samples(network, 70, seed=seed)
    simulator = BitslicedSimulator(network)
    expected = simulate(network, samples).outputs(network)
    np.testing.assert_array_equal(simulator.outputs(samples), expected)
    np.testing.assert_array_equal(simulator.trace(samples).outputs(network), expected)


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_lowered_models_are_equal(seed: int) -> None:
    network = lowered(seed)
    assert_equal(network, random_samples(network, 5, seed=seed))


WIDE = [
    # channels in and out, height, width, kernel, stride, padding, firing rate: around the 64 of a word and the 256 of a block
    (24, 40, 13, 11, (5, 5), (2, 2), (1, 1), 0.2),
    (3, 10, 7, 9, (3, 2), (3, 1), (2, 0), 0.5),
    (65, 513, 4, 5, (1, 3), (1, 1), (0, 2), 0.4),
    (130, 257, 5, 5, (3, 3), (1, 1), (1, 1), 0.2),
    (64, 64, 3, 3, (7, 7), (1, 1), (3, 3), 0.3),
    (1, 1, 5, 5, (3, 3), (1, 1), (1, 1), 0.5),
    (16, 300, 6, 6, (3, 3), (1, 1), (4, 4), 0.0),
    (128, 256, 4, 4, (3, 3), (1, 1), (1, 1), 1.0),
    (70, 20, 12, 12, (4, 4), (4, 4), (0, 0), 0.2),
]


@pytest.mark.parametrize("width", usable_widths())
@pytest.mark.parametrize("shape", WIDE, ids=lambda shape: f"{shape[0]}to{shape[1]}")
def test_shapes_around_words_and_blocks(shape: tuple[Any, ...], width: int) -> None:
    channels, out, height, columns, kernel, stride, padding, rate = shape
    rng = np.random.default_rng(channels)
    synapse = Conv("input", rng.integers(-1, 2, (out, channels, *kernel)), stride, padding)
    population = synapse.output_shape((channels, height, columns))
    bias = rng.integers(-30, 30, (out, 1, 1))
    network = one_layer(synapse, Input((channels, height, columns), 0, 1), Lif(population, 20, 300, bias))
    events = (rng.random((3, 5, channels, height, columns)) < rate).astype(int)
    assert_equal(network, events, width)


def pooled_network(seed: int) -> tuple[Network, np.ndarray]:
    """A pooled layer of any size, with membranes up to the limit and any decay, and spikes for it."""
    rng = np.random.default_rng(seed)
    pool = int(rng.integers(1, 5))
    channels, out = int(rng.integers(1, 70 // pool)), int(rng.choice([3, 65, 300, 1030], p=[0.4, 0.3, 0.2, 0.1]))
    kernel, padding = int(rng.integers(1, 4)), int(rng.integers(0, 2))
    weight = rng.integers(-1, 2, (out, channels, kernel, kernel)).repeat(pool, 2).repeat(pool, 3)
    synapse = Conv("input", weight, (pool, pool), (padding * pool, padding * pool))
    side = pool * int(rng.integers(kernel, kernel + 3))
    shape = synapse.output_shape((channels, side, side))
    mantissa = rng.integers(-4096, 4096, (out, 1, 1)) if rng.random() < 0.5 else rng.integers(-9, 9, (out, 1, 1))
    neuron = Lif(
        shape, int(rng.choice([0, 5, 131071])), int(rng.choice([0, 1, 2048, 4095, int(rng.integers(0, 4096))])), mantissa, 7
    )
    network = one_layer(synapse, Input((channels, side, side), 0, 1), neuron, timesteps=9)
    rate = rng.choice([0.02, 0.5, 1.0])
    return network, (rng.random((9, 2, channels, side, side)) < rate).astype(int)


@settings(max_examples=30, deadline=None)
@given(seeds, st.sampled_from(usable_widths() or [16]))
def test_pools_decays_and_membranes_up_to_the_limit(seed: int, width: int) -> None:
    assert_equal(*pooled_network(seed), width)


@pytest.mark.parametrize("width", usable_widths())
@pytest.mark.parametrize("inputs", [32767, 32768, 40000, 100_000])
@pytest.mark.parametrize("sign", [1, -1])
def test_sums_beyond_16_bits(inputs: int, sign: int, width: int) -> None:
    weight = np.full((70, inputs), sign)
    weight[::3] *= -1
    weight[1::7, ::2] = 0
    network = one_layer(Dense("input", weight), Input((inputs,), 0, 1), Lif((70,), 30000, 30))
    assert_equal(network, np.random.default_rng(0).integers(0, 2, (2, inputs)) | 1, width)


EDGES = [
    Lif((4,), 131071, 0, [4095, -4096, 0, 1], 7),  # never reached, membranes piling up
    Lif((4,), 0, 4095, [1, -1, 0, 4095], 0),  # nearly always reached
    Lif((4,), 131071, 0, [4095, -4096, 0, 1], du=1000),  # current memory
    Lif((4,), 5, 1, 3, 6),
]


@pytest.mark.parametrize("neuron", EDGES, ids=range(len(EDGES)))
@pytest.mark.parametrize("sign", [1, -1])
def test_wrapping_currents_saturating_membranes_and_thresholds_at_the_edge(neuron: Lif, sign: int) -> None:
    weight = np.array([[127, 127], [-128, -128], [-128, 3], [100, 0]])
    network = one_layer(Dense("input", weight), Input((2,), -40000, 40000), neuron, timesteps=6)
    assert_equal(network, sign * np.array([[520, 520], [515, 300], [1, 0], [40000, -40000], [32768, 1], [0, 0]]))


def test_currents_that_wrap_under_16_bit_inputs() -> None:
    weight = np.array([[127, 127], [-128, -128], [127, -128], [1, 0]])
    network = one_layer(Dense("input", weight), Input((2,), -32767, 32767), Lif((4,), 5, 300), timesteps=4)
    samples = np.array([[516, 516], [32767, 32767], [-32767, -32767], [600, 500], [1033, 0]])
    assert np.abs(network.layers[0].synapses[0].sums(samples)).max() > 131071
    assert_equal(network, samples)


def test_sums_of_several_synapses_beyond_32_bits_each() -> None:
    up, down = np.full((1, 520), 127), np.full((1, 520), -127)
    up[0, :2], down[0, 0] = 126, -126
    layer = Layer("a", (Dense("input", up), Dense("input", down)), Lif((1,), 131071, 0))
    network = Network("n", 2, Input((520,), 32766, 32767), (layer,), "spikes")
    assert abs(Dense("input", up).sums(np.full((1, 520), 32767))).max() > 2**31
    assert_equal(network, np.full((2, 520), 32767))


def test_a_field_that_32_bit_offsets_cannot_address_takes_another_way() -> None:
    kernel = load_kernel()
    huge = np.broadcast_to(np.ones((), np.int8), (1, 64, 1, 2**31 // 64 // kernel.width + 1))
    grid = Grid(huge, (64, 1, huge.shape[3]), (1, 1), (0, 0))
    assert fused_kind(grid, kernel, 0, 1) is Graded
    assert fused_kind(replace(grid, weight=huge[..., :1000]), kernel, 0, 1) is Ternary


def test_large_images_go_through_one_by_one() -> None:
    synapse = Conv("input", np.ones((1, 1, 1, 1)))
    network = one_layer(synapse, Input((1, 200, 200), 0, 1), Lif((1, 200, 200), 2, 2048), timesteps=4)
    assert BitslicedSimulator(network)._chunk_size({"a"}) == 1
    assert_equal(network, random_samples(network, 3))


@given(seeds, st.integers(-300, 300), st.integers(0, 300))
def test_no_sum_goes_beyond_its_reach(seed: int, low: int, span: int) -> None:
    rng = np.random.default_rng(seed)
    synapse = Conv("input", rng.integers(-128, 128, (3, 2, 3, 3)), padding=(1, 1))
    values = rng.integers(low, low + span + 1, (4, 2, 4, 4))
    values[0] = np.where(synapse.weight[0, :, 1:2, 1:2] > 0, low + span, low)
    assert np.abs(synapse.sums(values)).max() <= reach((synapse.weight, low, low + span))
    sharp = Dense("input", synapse.weight.reshape(3, -1))
    up = np.where(sharp.weight > 0, max(low + span, 0), min(low, 0))
    down = np.where(sharp.weight < 0, max(low + span, 0), min(low, 0))
    sharpest = np.abs([np.diag(sharp.sums(up)), np.diag(sharp.sums(down))]).max()
    assert reach((sharp.weight, low, low + span)) == sharpest


def test_folded_pooling_is_found_and_undone() -> None:
    rng = np.random.default_rng(1)
    taps = rng.integers(-1, 2, (6, 3, 3, 3))
    folded = Conv("input", taps.repeat(2, 2).repeat(2, 3), (2, 2), (2, 2))
    grid = grid_of(folded, (3, 8, 8), pooling=True)
    assert (grid.pool, grid.weight.shape, grid.stride, grid.padding) == (2, (6, 3, 3, 3), (1, 1), (1, 1))
    assert grid_of(Conv("input", taps), (3, 8, 8), pooling=True).pool == 1
    dense = Dense("input", rng.integers(-1, 2, (6, 3, 4, 4)).repeat(2, 2).repeat(2, 3).reshape(6, -1))
    assert grid_of(dense, (3, 8, 8), pooling=True).weight.shape == (6, 3, 4, 4)
    for synapse in (folded, dense):
        neuron = Lif(synapse.output_shape((3, 8, 8)), 3, 2048)
        network = one_layer(synapse, Input((3, 8, 8), 0, 1), neuron)
        assert_equal(network, random_samples(network, 6, timed=True))


def test_the_ways_are_chosen_as_described() -> None:
    first = BitslicedSimulator(lowered(0)).layers[0][1]
    assert isinstance(first, FusedLayer) and isinstance(first.events.last, Graded)
    spikes = one_layer(Dense("input", np.eye(3, dtype=int)), Input((3,), 0, 1), Lif((3,), 0, 0))
    first = BitslicedSimulator(spikes).layers[0][1]
    assert isinstance(first, FusedLayer) and isinstance(first.events.last, Ternary)


@given(st.integers(1, 200), seeds)
def test_packing_is_undone_by_unpacking(channels: int, seed: int) -> None:
    spikes = np.random.default_rng(seed).random((2, 3, channels)) < 0.5
    assert np.array_equal(unpacked(packed(spikes), channels), spikes)


def test_more_threads_than_work_and_no_samples() -> None:
    network = random_network(3)
    assert_equal(network, random_samples(network, 1), threads=16)
    assert BitslicedSimulator(network).outputs(random_samples(network, 1)[:0]).shape == (0, network.layers[-1].neurons)


def test_a_forked_child_can_go_on() -> None:
    network = random_network(3)
    samples = random_samples(network, 40)
    expected = simulate_bitsliced(network, samples)
    child = os.fork()
    if child == 0:
        equal = np.array_equal(simulate_bitsliced(network, samples).outputs(network), expected.outputs(network))
        os._exit(0 if equal else 1)
    deadline = time.monotonic() + 30
    while (done := os.waitpid(child, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
        time.sleep(0.02)
    if done == (0, 0):
        os.kill(child, signal.SIGKILL)
    assert done == (child, 0)


def test_the_callers_samples_are_checked_as_the_reference_does() -> None:
    network = random_network(3)
    with pytest.raises(DataError, match="samples of type float64"):
        simulate_bitsliced(network, random_samples(network, 1) + 0.5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="the network takes"):
        simulate_bitsliced(network, random_samples(network, 1) + 1000)
    for wrong in (np.zeros((2, 3), int), np.zeros((), int)):
        with pytest.raises(DataError, match=re.escape(f"samples of shape {wrong.shape}; allowed are")):
            BitslicedSimulator(network).outputs(wrong)


def test_without_a_kernel_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    load_kernel.cache_clear()
    monkeypatch.setattr(library, "built", dict)
    with pytest.raises(EngineError, match="its C kernel was not built; install a C compiler"):
        load_kernel()
    monkeypatch.undo()
    load_kernel.cache_clear()
    with pytest.raises(EngineError, match="no kernel of 8-byte vectors runs here; allowed are"):
        load_kernel(8)


def test_a_changed_network_is_noticed() -> None:
    """The comparison itself must be able to fail: one weight off is another trace."""
    network = one_layer(Dense("input", np.eye(3, dtype=int)), Input((3,), 0, 1), Lif((3,), 0, 0))
    other = replace(network, layers=(replace(network.layers[0], synapses=(Dense("input", np.ones((3, 3))),)),))
    samples = np.array([[1, 0, 0]])
    assert not np.array_equal(simulate(network, samples).spikes["a"], simulate_bitsliced(other, samples).spikes["a"])
