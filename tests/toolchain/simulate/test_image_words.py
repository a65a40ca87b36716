"""64 images to a word: turned there and back, and weights split into digits."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import seeds

from snnc.toolchain.native.library import built
from snnc.toolchain.network.grid import Grid
from snnc.toolchain.simulate.bitsliced_images import ImageSynapse
from snnc.toolchain.simulate.image_words import digits_of, in_order, planes_of, rows_of
from snnc.toolchain.simulate.signals import Pixels, Spikes, packed

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")

sizes = st.tuples(st.integers(1, 64), st.integers(1, 6), st.integers(1, 5), st.integers(1, 9), st.integers(1, 130))


@settings(max_examples=60, deadline=None)
@given(sizes, seeds)
def test_spikes_turn_there_and_back(shape: tuple[int, int, int, int, int], seed: int) -> None:
    images, _, height, width, channels = shape
    spikes = np.random.default_rng(seed).random(shape) < 0.4
    words = Spikes(channels, packed(spikes)).words
    assert (words.shape, words.frames, words.images) == ((channels, height, width), shape[1], images)
    bit = words.words[0, ..., None] >> np.arange(images, dtype=np.uint64) & np.uint64(1)  # (H, C, W, T, images)
    assert np.array_equal(bit.transpose(4, 3, 0, 2, 1), spikes)
    assert np.array_equal(Spikes(channels, words).bits, packed(spikes))
    assert np.array_equal(Spikes(channels, words).values, spikes)


@settings(max_examples=60, deadline=None)
@given(sizes, st.integers(-300, 0), st.integers(0, 300), seeds)
def test_the_planes_of_numbers_add_up_to_them(shape: tuple[int, int, int, int, int], low: int, high: int, seed: int) -> None:
    values = np.random.default_rng(seed).integers(low, high + 1, shape).astype(np.int16)
    words = Pixels(values, low, high).words
    assert (words.negative, len(words.words)) == (low < 0, planes_of(low, high))
    bits = (words.words[..., None] >> np.arange(shape[0], dtype=np.uint64) & np.uint64(1)).astype(np.int64)
    weights = 2 ** np.arange(len(bits))
    weights[-1] *= -1 if low < 0 else 1
    assert np.array_equal(np.tensordot(weights, bits, 1).transpose(4, 3, 0, 2, 1), values)


@pytest.mark.parametrize(
    ("low", "high", "planes"), [(0, 0, 1), (0, 1, 1), (0, 255, 8), (-1, 0, 2), (-255, 255, 9), (-256, 255, 9)]
)
def test_the_planes_are_as_few_as_hold_the_range(low: int, high: int, planes: int) -> None:
    assert planes_of(low, high) == planes


def test_lanes_come_back_in_the_order_of_images() -> None:
    """Lane 8*r + i of images.c is image 8*i + r."""
    lanes = np.array([8 * (lane % 8) + lane // 8 for lane in range(64)], np.int32)
    assert np.array_equal(in_order(lanes.reshape(1, 1, 1, 1, 64), 64).ravel(), np.arange(64))
    assert in_order(lanes.reshape(1, 1, 1, 1, 64), 5).shape == (5, 1, 1, 1, 1)


@given(st.lists(st.integers(-(2**20), 2**20), min_size=1, max_size=20))
def test_digits_add_up_to_the_weights_and_are_never_neighbors(weights: list[int]) -> None:
    digits = digits_of(np.array(weights))
    assert np.array_equal(sum(digit.astype(np.int64) << level for level, digit in enumerate(digits)), weights)
    for lower, upper in pairwise(digits):
        assert not (lower.astype(bool) & upper.astype(bool)).any()
    assert digits_of(np.array([1, 0, -1]))[0].tolist() == [1, 0, -1]
    assert len(digits_of(np.array([1, 0, -1]))) == 1


@given(st.lists(st.integers(-(2**23), 2**23), min_size=1, max_size=20))
def test_digits_are_counted_without_making_them(weights: list[int]) -> None:
    synapse = ImageSynapse(Grid(np.array(weights).reshape(-1, 1, 1, 1), (1, 1, 1), (1, 1), (0, 0)), 0, 1)
    digits = digits_of(synapse.grid.weight)
    assert synapse.rows == sum(int(np.count_nonzero(digit)) for digit in digits)
    assert synapse.levels == len(digits)


def test_rows_are_listed_by_channel_sign_and_level() -> None:
    offsets, starts = rows_of(digits_of(np.array([[3, -1, 0], [0, 1, -2]])), np.array([10, 20, 30]))
    lists = [offsets[a:b].tolist() for a, b in pairwise(starts)]
    # 3 = 4 - 1: minus lists of levels 0, 1, 2 and then plus lists, channel by channel
    assert lists == [[10, 20], [], [], [], [], [10], [], [30], [], [20], [], []]
