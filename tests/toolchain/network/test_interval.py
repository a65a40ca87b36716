"""Interval iteration: what it says of each step is what a loop over every value says."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnc.toolchain.network import lif
from snnc.toolchain.network.interval import LONGEST, driven
from snnc.toolchain.network.network import Lif

decays = st.sampled_from([0, 1, 1000, 2048, 4000, 4095])


@settings(max_examples=80, deadline=None)
@given(
    st.integers(-9, 9),
    st.integers(0, 3),
    st.integers(0, 12),
    decays,
    decays,
    st.integers(-200, 200),
    st.integers(1, 5),
    st.booleans(),
)
def test_the_ends_of_every_interval_hold_all_sequences_of_inputs(
    low: int, width: int, vth: int, du: int, dv: int, bias: int, timesteps: int, readout: bool
) -> None:
    neuron = Lif((1,), vth, dv, bias, 0, du)
    found = driven(np.array([low]), np.array([low + width]), neuron, timesteps, readout=readout)
    sequences = np.array(list(product(range(low, low + width + 1), repeat=timesteps)), np.int64).T
    u = v = np.zeros(sequences.shape[1], np.int64)
    spikes = []
    for a in sequences:
        u, whole = lif.integrate(u, v, a, du=neuron.du, dv=neuron.dv, bias=int(neuron.bias[0]))
        v, fired = lif.fire(whole, vth)
        spikes.append(fired)
        for values, (least, most) in ((u, found.u), (whole, found.v)):
            assert least[0] <= values.min()
            assert values.max() <= most[0]
    assert found.spikes[0][0] <= np.min(spikes)
    assert np.max(spikes) <= found.spikes[1][0]
    if width == 0:  # one sequence only: all is exact
        assert (found.spikes[0][0], found.spikes[1][0]) == (np.min(spikes), np.max(spikes))


@settings(max_examples=40, deadline=None)
@given(st.integers(-300, 300), st.integers(0, 300), decays, decays, st.integers(0, 4000), st.integers(1, 300))
def test_what_holds_for_any_time_holds_for_each(low: int, width: int, du: int, dv: int, vth: int, timesteps: int) -> None:
    neuron = Lif((1,), vth, dv, 3, 0, du)
    some = driven(np.array([low]), np.array([low + width]), neuron, timesteps)
    every = driven(np.array([low]), np.array([low + width]), neuron, None)
    if every.broken[0]:  # it stops there
        assert some.broken[0] in ((0,) if timesteps < every.broken[0] else (every.broken[0],))
        return
    assert every.settled or dv == 0
    assert not some.broken[0]
    for ends in ("u", "v"):
        assert getattr(every, ends)[0][0] <= getattr(some, ends)[0][0]
        assert getattr(some, ends)[1][0] <= getattr(every, ends)[1][0]
    assert every.spikes[0][0] <= some.spikes[0][0]
    assert some.spikes[1][0] <= every.spikes[1][0]


def test_a_neuron_that_repeats_itself_is_settled_although_it_never_rests() -> None:
    found = driven(np.array([2]), np.array([2]), Lif((1,), vth=5, dv=0), None)  # spikes at every third step
    assert found.settled
    assert (found.v[1][0], found.spikes[0][0], found.spikes[1][0]) == (6 * 64, 0, 1)


@pytest.mark.parametrize(("weight", "steps"), [(-131071, 2), (-1000, 132), (-4, 32768), (-3, 0)])
def test_the_first_step_at_which_a_membrane_saturates(weight: int, steps: int) -> None:
    found = driven(np.array([weight]), np.array([0]), Lif((1,), vth=5, dv=0), None)
    assert found.broken[0] == steps
    assert steps or LONGEST * 3 * 64 < 2**23


def test_numbers_beyond_64_bits_are_outside_and_no_error() -> None:
    found = driven(np.array([-(2**50)]), np.array([2**50]), Lif((1,), vth=5, dv=0), 40)
    assert found.broken[0] == 1
    assert (found.spikes[0][0], found.spikes[1][0]) == (0, 1)


@pytest.mark.parametrize(
    ("low", "high", "vth", "bias", "du"),
    [(-1, 1, 200, 0, 50), (-2, 3, 300, -90, 50), (0, 0, 100, 60, 50), (-3, 0, 4, 30, 50), (-1, 1, 200, 0, 4095)],
)
def test_what_takes_long_to_settle_is_settled_by_a_formula(low: int, high: int, vth: int, bias: int, du: int) -> None:
    neuron = Lif((1,), vth, 16, bias, 0, du)  # the last spikes only after hundreds of steps
    every = driven(np.array([low]), np.array([high]), neuron, None)
    some = driven(np.array([low]), np.array([high]), neuron, 3000)
    assert every.settled
    assert not every.broken[0]
    for name in ("u", "v"):
        (least, most), (lowest, highest) = getattr(some, name), getattr(every, name)
        assert lowest[0] <= least[0] <= most[0] <= highest[0]
        assert (highest - lowest)[0] <= 1.2 * (most - least)[0] + 6400  # and not far from what is reached
    assert every.spikes[1][0] >= some.spikes[1][0]
