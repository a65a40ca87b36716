"""What read-outs say about classes."""

from dataclasses import replace

import numpy as np
import pytest

from snnc.toolchain.errors import DataError, NetworkError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.plain import to_plain
from snnc.toolchain.network.predictions import committee, decisions, logits_of, probabilities, softmax, unscaled
from snnc.toolchain.network.synapse import Dense

OUTPUTS = np.array([[0, 64, 640, 0], [-64, 64, 0, 0]])


def network(members: int = 2, units: int = 64) -> Network:
    layer = Layer("readout", (Dense("input", np.ones((4, 3), int)),), Lif((4,), vth=100, dv=2048))
    return Network("", 2, Input((3,), 0, 1), (layer,), logit_units=units, members=members)


def test_softmax_of_large_logits_is_finite() -> None:
    assert softmax(np.array([1e6, 0.0])).tolist() == [1.0, 0.0]
    assert np.allclose(softmax(np.array([[0.0, np.log(3)]])), [[0.25, 0.75]])


def test_a_committee_averages_probabilities_and_not_logits() -> None:
    found = probabilities(network(), OUTPUTS)
    expected = (softmax(OUTPUTS[:, :2] / 64) + softmax(OUTPUTS[:, 2:] / 64)) / 2
    assert np.allclose(found, expected)
    assert decisions(network(), OUTPUTS).tolist() == [0, 1]
    assert logits_of(network(), OUTPUTS).shape == (2, 2, 2)
    averaged_logits = (OUTPUTS[:1, :2] + OUTPUTS[:1, 2:]).argmax(1)
    assert averaged_logits == [0]
    sure, unsure = np.array([[0, 700, 128, 0]]), network()  # the logits' mean says 1, the probabilities' 1 as well
    assert decisions(unsure, sure) == [1]
    assert decisions(
        unsure,
        np.array(
            [
                [
                    0,
                    32,
                    256,
                    0,
                ]
            ]
        ),
    ) == [0]


def test_members_of_several_files_say_what_they_say_side_by_side() -> None:
    layer = Layer("readout", (Dense("input", np.ones((2, 3), int)),), Lif((2,), vth=100, dv=2048))
    one = Network("", 2, Input((3,), 0, 1), (layer,), logit_units=64)
    outputs = np.vstack([OUTPUTS, [[0, 64, -64, 0]]])
    for networks in ([one, one], [network()]):
        found = committee(networks, outputs)
        assert found.decisions.tolist() == decisions(network(), outputs).tolist() == [0, 1, 1]
        assert np.array_equal(found.probabilities, probabilities(network(), outputs))
        assert found.of_members.tolist() == [[1, 1, 1], [0, 0, 1]] and found.votes.tolist() == [1, 1, 2]
    overruled = committee([one, one, one], np.array([[64, 0, 0, 64, 0, 64]]))  # the first member, by the two others
    assert (overruled.decisions.tolist(), overruled.votes.tolist()) == ([1], [2])
    with pytest.raises(DataError, match=r"outputs of shape \(2, 4\) for members with 2 outputs"):
        committee([one], OUTPUTS)
    with pytest.raises(DataError, match=r"for members with 2 \+ 4 outputs; give those of one member after the other"):
        committee([one, network(1)], np.hstack([OUTPUTS, OUTPUTS[:, :2]]))


def test_one_network_decides_by_integers_alone() -> None:
    assert decisions(network(1, 0), OUTPUTS).tolist() == [2, 1]


def test_a_network_without_a_unit_has_no_probabilities() -> None:
    with pytest.raises(NetworkError, match="does not say how many units of its read-out make a logit"):
        probabilities(network(1, 0), OUTPUTS)
    assert np.allclose(unscaled(network(1, 0), OUTPUTS)[0] * OUTPUTS.std(), OUTPUTS)


def test_units_and_members_are_checked() -> None:
    with pytest.raises(NetworkError, match="4 outputs are not those of 3 members"):
        network(3)
    with pytest.raises(NetworkError, match="members 5 is outside 1..4"):
        network(5)
    with pytest.raises(NetworkError, match="logit_units -1 is outside"):
        network(1, -1)
    with pytest.raises(NetworkError, match="got 4 labels for 2 outputs"):
        replace(network(), labels=("a", "b", "c", "d"))
    assert replace(network(), labels=("a", "b")).classes == 2


def test_the_plain_form_of_other_networks_stays_as_it_was() -> None:
    assert not {"logit_units", "members"} & set(to_plain(network(1, 0))[0])
    assert {"logit_units", "members"} <= set(to_plain(network())[0])
