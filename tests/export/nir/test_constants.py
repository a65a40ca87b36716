"""Float32 constants are read as the numbers that were meant, and no other number is changed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from snnc.export.nir.constants import common_unit, computed, decays, is_whole, settled, stored

SINGLE = np.float32


@pytest.mark.parametrize("meant", [0.1, 0.0025, 3.0, 1 / 3, 127 / 7, 0.7, 1234.0, 0.75, 2.5e-4, -0.3, 1e-4])
def test_what_float32_stores_is_read_as_it_was_meant(meant: float) -> None:
    assert float(stored(SINGLE(meant))) == pytest.approx(meant, rel=1e-15)
    assert common_unit(np.array([meant, 2 * meant])) == pytest.approx(abs(meant), rel=1e-12)


def test_equal_numbers_are_read_as_one_is() -> None:
    for value in (SINGLE(0.1), np.nextafter(SINGLE(1), SINGLE(0)), 0.3):
        read = stored(np.full((2, 3), value))
        assert read.shape == (2, 3) and read.dtype == np.float64 and set(read.ravel()) == {float(stored(value))}


@pytest.mark.parametrize("whole", [1, 2, 3, 100])
def test_the_next_float32_is_another_number(whole: int) -> None:
    below = np.nextafter(SINGLE(whole), SINGLE(0))
    assert float(stored(below)) == float(below) < whole


@given(st.integers(0, 2**32 - 1))
def test_random_weights_keep_their_float32(seed: int) -> None:
    weights = np.random.default_rng(seed).normal(size=50).astype(SINGLE)
    assert np.array_equal(stored(weights).astype(SINGLE), weights)
    assert common_unit(stored(weights)) is None


def test_an_array_is_read_as_a_whole_or_not_at_all() -> None:
    mixed = np.array([0.1, np.pi], SINGLE)
    assert np.array_equal(stored(mixed), mixed.astype(np.float64))


@pytest.mark.parametrize("tau", [2e-4, 4e-4, 1e-3, 2.5e-3, 0.02])
def test_decays_that_went_through_float32(tau: float) -> None:
    assert float(decays(1 - 1e-4 / np.float64(SINGLE(tau)))) == pytest.approx(1 - 1e-4 / tau, rel=1e-15)


@pytest.mark.parametrize("beta", [0.5, 0.75, 0.9, 0.95, 0.99])
def test_decays_from_a_float32_beta_and_the_gain_beside_them(beta: float) -> None:
    tau = SINGLE(1e-4) / (1 - SINGLE(beta))
    assert float(decays(1 - 1e-4 / np.float64(tau))) == pytest.approx(beta, rel=1e-15)
    assert float(computed(np.float64(tau / SINGLE(1e-4)) * 1e-4 / np.float64(tau))) == 1


def test_units() -> None:
    assert common_unit(np.array([0.5, 0.75])) == 0.25
    assert common_unit(np.zeros(3)) == 1
    odd = np.array([0.0, 0.1234567, 0.2469134])
    assert common_unit(odd) is None
    assert common_unit(odd, loose=True) == pytest.approx(0.1234567)
    assert settled(3 - 1e-15) == 3
    assert settled(3 - 1e-7) != 3
    assert is_whole(np.array([1e6 + 0.1]))
    assert not is_whole(np.array([1.1]))
