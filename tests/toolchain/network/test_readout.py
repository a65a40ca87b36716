"""The read-outs' rule against plain definitions: what decides, what ties do, and up to how many steps it is exact."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.network import Network
from snnc.toolchain.network.predictions import decisions
from snnc.toolchain.network.readout import MOST_BITS, READOUTS
from snnc.toolchain.simulate.reference import simulate
from snnc.toolchain.simulate.trace import Trace

trains = st.integers(1, MOST_BITS).flatmap(
    lambda steps: st.lists(st.lists(st.booleans(), min_size=steps, max_size=steps), min_size=1, max_size=6)
)
STEPS = 4


def first_to_spike(trains: list[list[bool]]) -> int:
    """Return the output that spikes first: step by step, those that spike leave behind those that do not."""
    left = list(range(len(trains)))
    for step in range(len(trains[0])):
        left = [output for output in left if trains[output][step]] or left
    return left[0]


def most_spikes(trains: list[list[bool]]) -> int:
    counts = [sum(train) for train in trains]
    return counts.index(max(counts))


def with_readout(readout: str, seed: int = 3, timesteps: int = STEPS) -> Network:
    return replace(random_network(seed), readout=readout, timesteps=timesteps)  # type: ignore[arg-type]


def decided(readout: str, trains: list[list[bool]]) -> int:
    spikes = np.array(trains).T[:, None, :]
    return int(READOUTS[readout].scores(spikes).argmax(axis=1)[0])


@given(trains)
def test_spikes_decide_as_the_plain_definitions_say(trains: list[list[bool]]) -> None:
    assert decided("first-spike", trains) == first_to_spike(trains)
    assert decided("spikes", trains) == most_spikes(trains)


@given(trains, st.integers(1, MOST_BITS))
def test_steps_to_come_do_not_change_who_is_ahead(trains: list[list[bool]], seen: int) -> None:
    begun = np.array([train[:seen] for train in trains]).T
    scores = READOUTS["first-spike"].scores(begun)
    ahead = np.flatnonzero(scores == scores.max())
    assert decided("first-spike", trains) in ahead


@pytest.mark.parametrize(
    ("trains", "chosen"),
    [
        ([[0, 1, 1, 1], [1, 0, 0, 0]], 1),  # the first spike wins, however many follow
        ([[0, 0, 0, 0], [0, 0, 0, 1]], 1),  # who never spikes is behind the last step
        ([[0, 1, 0, 0], [0, 1, 0, 1]], 1),  # a tie: the next spike decides
        ([[1, 0, 1, 0], [1, 1, 0, 0], [1, 0, 1, 1]], 1),
        ([[0, 1, 0, 1], [0, 1, 0, 1]], 0),  # the same steps: the first output
        ([[0, 0, 0, 0], [0, 0, 0, 0]], 0),  # no spike at all: the first output as well
    ],
)
def test_ties_and_silence(trains: list[list[int]], chosen: int) -> None:
    assert decided("first-spike", [[bool(spike) for spike in train] for train in trains]) == chosen


@pytest.mark.parametrize("readout", READOUTS)
def test_weights_say_the_same_as_steps(readout: str) -> None:
    rule, rng = READOUTS[readout], np.random.default_rng(0)
    values = rng.integers(0, 2, (MOST_BITS, 5, 2, 3)) if rule.spiking else rng.integers(-(2**23), 2**23, (30, 5, 2, 3))
    weights = np.array(rule.weights(len(values)))
    np.testing.assert_array_equal(rule.scores(values), np.tensordot(weights, values, 1))
    assert rule.scores(values).dtype == np.int64


@pytest.mark.parametrize("readout", READOUTS)
def test_a_trace_is_read_by_the_rule_of_its_network(readout: str) -> None:
    network = with_readout(readout)
    trace = simulate(network, random_samples(network, 5))
    last = network.layers[-1]
    values = trace.membranes[last.name] if readout == "membrane" else trace.spikes[last.name]
    weights = [8, 4, 2, 1] if readout == "first-spike" else [1] * STEPS
    expected = sum(weight * value.astype(int) for weight, value in zip(weights, values, strict=True))
    np.testing.assert_array_equal(trace.outputs(network), np.reshape(expected, (5, -1)))
    assert network.is_readout(last) == (readout == "membrane")


def test_floats_of_32_bits_hold_every_score_of_the_most_steps() -> None:
    rule = READOUTS["first-spike"]
    largest = int(rule.scores(np.ones((MOST_BITS, 1), bool))[0])
    assert largest == 2**24 - 1 == sum(rule.weights(MOST_BITS))
    assert np.float32(largest) != np.float32(largest - 1)
    assert np.float32(2 * largest + 1) == np.float32(2 * largest + 2)  # one step more


def test_more_steps_are_refused_with_a_remedy() -> None:
    assert with_readout("first-spike", timesteps=MOST_BITS).timesteps == 24
    with pytest.raises(NetworkError, match=r"25 time steps are more than the 24 .* use fewer steps, or the read-out 'spikes'"):
        with_readout("first-spike", timesteps=MOST_BITS + 1)
    assert with_readout("spikes", timesteps=MOST_BITS + 1).timesteps == 25


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_whole_networks_decide_by_the_trains_of_their_last_layer(seed: int) -> None:
    network = with_readout("first-spike", seed)
    trace: Trace = simulate(network, random_samples(network, 4, seed=seed))
    spikes = trace.spikes[network.layers[-1].name].reshape(STEPS, 4, -1)
    expected = [first_to_spike(spikes[:, sample].T.tolist()) for sample in range(4)]
    assert decisions(network, trace.outputs(network)).tolist() == expected


def test_more_steps_leave_a_logit_its_share_of_all_spikes() -> None:
    for kind in READOUTS:
        network = replace(with_readout(kind), logit_units=12)
        assert network.over(network.timesteps) == network
        assert network.over(10).logit_units == {"membrane": 12, "spikes": 12, "first-spike": 327}[kind]
    few = replace(with_readout("first-spike", timesteps=10), logit_units=12)
    assert few.over(1).logit_units == 1  # not 0, which says that it is unknown
    assert replace(few, logit_units=0).over(1).logit_units == 0
    with pytest.raises(NetworkError, match="25 time steps are more than the 24"):
        with_readout("first-spike").over(25)
