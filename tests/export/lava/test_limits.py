"""What Lava's stock processes cannot run is listed without Lava; what is split is whole again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lava_limits import AT_LIMIT
from random_networks import random_network, random_residual_network, seeds

from snnc.export.lava.limits import STOCK, split_bias, violations
from snnc.export.limits import split_weight
from snnc.toolchain.network.network import Lif

MOST = 2**23 - 1


@given(seeds)
def test_random_networks_break_no_limit(seed: int) -> None:
    assert violations(random_network(seed)) == violations(random_residual_network(seed)) == []


def test_every_limit_has_a_network_that_reaches_it() -> None:
    assert set(AT_LIMIT) == {limit.what for limit in STOCK.limits}


@pytest.mark.parametrize("what", AT_LIMIT)
def test_a_limit_may_be_reached_and_not_passed(what: str) -> None:
    assert violations(AT_LIMIT[what](0)) == []
    (found,) = violations(AT_LIMIT[what](1))
    assert found.problem.startswith(what) and found.remedy and found.source
    assert found.where in ("input", "layer 'a'")


def test_all_violations_are_listed_at_once() -> None:
    network = AT_LIMIT["threshold"](1)
    worse = replace(network.layers[0], neuron=Lif((2,), 2**20, 0, 2**18 + 1, 0))
    found = violations(replace(network, layers=(worse,)))
    assert [str(each).split(" is outside")[0] for each in found] == [
        "layer 'a': threshold 1048576",
        "layer 'a': bias mantissa 262145",
    ]


@given(st.lists(st.integers(-MOST, MOST), min_size=1, max_size=5))
def test_split_weights_sum_up(values: list[int]) -> None:
    parts = split_weight(np.array([values]))
    assert np.sum([part << 8 * i for i, part in enumerate(parts)], axis=0).tolist() == [values]
    assert all(part.min() >= -128 and part.max() <= 127 for part in parts)
    # Bounds of sums hold for the parts too: none is much more than twice as large as the whole.
    assert all((np.abs(part << 8 * i) <= 2.01 * np.abs(values)).all() for i, part in enumerate(parts))


def test_weights_of_8_bits_stay_whole() -> None:
    assert len(split_weight(np.arange(-128, 128)[None])) == 1
    assert len(split_weight(np.array([[128]]))) == len(split_weight(np.array([[-129]]))) == 2
    assert len(split_weight(np.zeros((2, 2), np.int64))) == 1


@given(st.lists(st.integers(-MOST, MOST), min_size=1, max_size=5))
def test_split_biases_are_the_bias(values: list[int]) -> None:
    mantissa, exponent = split_bias(np.array(values))
    assert (mantissa << exponent).tolist() == values
    assert exponent.min() >= 0 and exponent.max() <= 7
    # No other split has a smaller mantissa.
    assert ((mantissa % 2 != 0) | (exponent == 7)).all()
