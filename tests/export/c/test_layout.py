"""Weights and spikes as C stores them come back as they were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.export.c.layout import bits_of, channels_first, packed, pixels_first, unpacked, weight_bits
from snnc.toolchain.network.grid import Grid
from snnc.toolchain.network.synapse import Dense


@given(st.integers(0, 2**32 - 1), st.integers(1, 20), st.booleans())
def test_packed_weights_come_back(seed: int, channels: int, ternary: bool) -> None:
    most = 1 if ternary else 300
    weight = np.random.default_rng(seed).integers(-most, most + 1, (3, channels, 2, 1))
    bits = 2 if ternary else bits_of(weight)
    stored = packed(Grid(weight.astype(np.int32), (channels, 4, 4), (1, 1), (0, 0)), bits)
    assert np.array_equal(unpacked(stored, weight.shape, bits), weight)
    if ternary:
        assert stored.size == 3 * 2 * 2 * -(-channels // 8)


@pytest.mark.parametrize(("values", "bits"), [([-128, 127], 8), ([-129, 0], 16), ([0, 128], 16), ([40000, 0], 32)])
def test_the_smallest_type_is_taken(values: list[int], bits: int) -> None:
    assert bits_of(np.array(values)) == bits


def test_two_bits_are_for_spikes() -> None:
    assert [weight_bits(Dense(source, [[-1, 0, 1]])) for source in ("a", "input")] == [2, 8]
    assert weight_bits(Dense("a", [[-1, 0, 2]])) == 8


@pytest.mark.parametrize("shape", [(6,), (2, 3, 4)])
def test_neurons_go_pixel_by_pixel(shape: tuple[int, ...]) -> None:
    values = np.arange(np.prod(shape)).reshape(shape)
    assert np.array_equal(channels_first(pixels_first(values, shape), shape), values)
