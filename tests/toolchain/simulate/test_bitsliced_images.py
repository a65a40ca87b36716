"""Layers that run 64 images at a time: the reference's very numbers for every shape, weight, source and number of images."""

import numpy as np
import pytest
from against_reference import assert_equal, one_layer, usable_widths
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_samples, seeds

from snnc.toolchain.native.library import built
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator
from snnc.toolchain.simulate.reference import simulate

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")

widths = st.sampled_from(usable_widths() or [16])


@settings(max_examples=80, deadline=None)
@given(
    st.integers(1, 40),
    *(st.integers(1, size) for size in (20, 12, 12, 3, 3, 3, 3)),
    st.integers(0, 2),
    st.sampled_from([1, 3, 127, 2000]),
    st.booleans(),
    widths,
    seeds,
)
def test_every_geometry_and_weight(
    out: int, channels: int, high: int, wide: int, kh: int, kw: int, down: int, right: int, pad: int, limit: int, timed: bool,
    width: int, seed: int,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    kh, kw = min(kh, high), min(kw, wide)
    weight = rng.integers(-limit, limit + 1, (out, channels, kh, kw)) * (rng.random((out, channels, kh, kw)) < 0.6)
    source = (channels, high, wide)
    synapse = Conv(INPUT, weight, (down, right), (min(pad, kh - 1), min(pad, kw - 1)))
    shape = synapse.output_shape(source)
    largest = max(1, int(np.abs(weight).sum((1, 2, 3)).max()))
    span = (int(rng.integers(-3, 1)), int(rng.integers(1, 5))) if largest * 5 < 100_000 else (0, 1)
    bias = np.broadcast_to(rng.integers(-200, 200, out)[:, None, None], shape)
    neuron = Lif(shape, int(rng.integers(0, max(2, largest // 4))), int(rng.integers(0, 4096)), bias)
    network = one_layer(synapse, Input(source, *span), neuron, timesteps=int(rng.integers(1, 6)))
    images = int(rng.integers(1, 130))
    assert_equal(network, random_samples(network, images, timed=timed, seed=seed), width)


@pytest.mark.parametrize("width", usable_widths())
def test_every_sum_between_the_ends_of_the_range(width: int) -> None:
    """No neuron fires, so that membranes tell the sums: all of them, one image for each, up to 18 bits."""
    weight = np.array([[1 << k for k in range(16)], [-(1 << k) for k in range(16)], [(-3) ** k for k in range(8)] * 2])
    network = one_layer(Dense(INPUT, weight), Input((16,), 0, 1), Lif((3,), 131071, 4096 - 2048), timesteps=1)
    rng = np.random.default_rng(0)
    samples = np.concatenate([np.zeros((1, 16), int), np.ones((1, 16), int), rng.integers(0, 2, (190, 16))])
    assert_equal(network, samples, width)


@pytest.mark.parametrize("lists", [0, 1, 2, 3, 4, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 1023, 1024, 1100])
def test_lists_of_every_length(lists: int) -> None:
    """As many rows as the trees of adders take, and more, all at once and none."""
    weight = np.zeros((2, 1100), np.int8)
    weight[0, :lists], weight[1, :lists] = 1, -1
    network = one_layer(Dense(INPUT, weight), Input((1100,), 0, 1), Lif((2,), 131071, 2048), timesteps=2)
    rng = np.random.default_rng(lists)
    assert_equal(network, np.concatenate([np.ones((1, 1100), int), rng.integers(0, 2, (70, 1100))]))


def test_a_constant_and_a_spiking_source_meet() -> None:
    """The image is the same at all steps, the spikes are not: the lines of both have a word for every step."""
    rng = np.random.default_rng(1)
    first = Layer("a", (Conv(INPUT, rng.integers(-3, 4, (5, 2, 3, 3)), padding=(1, 1)),), Lif((5, 6, 7), 4, 1000))
    synapses = (
        Conv("a", rng.integers(-1, 2, (4, 5, 3, 3)), padding=(1, 1)),
        Conv(INPUT, rng.integers(-9, 10, (4, 2, 1, 1))),
    )
    network = Network("n", 5, Input((2, 6, 7), -7, 7), (first, Layer("b", synapses, Lif((4, 6, 7), 6, 2048))), "spikes")
    assert_equal(network, random_samples(network, 70, seed=3))


def test_images_beyond_one_word_and_threads_beyond_words() -> None:
    weight = np.random.default_rng(0).integers(-1, 2, (7, 9))
    network = one_layer(Dense(INPUT, weight), Input((9,), 0, 1), Lif((7,), 1, 2048))
    for images, threads in ((0, 1), (1, 5), (64, 1), (65, 2), (200, 3), (129, 16)):
        samples = random_samples(network, images, seed=images)
        simulator = BitslicedSimulator(network, threads=threads, by_images=True)
        assert np.array_equal(simulator.outputs(samples), simulate(network, samples).outputs(network))
