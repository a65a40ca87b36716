"""Limits of chips are rows, all violations come at once; a Network itself refuses only what cannot be computed."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from snnc.toolchain.errors import CannotExport, NetworkError
from snnc.toolchain.network.chips import CHIPS, Chip, Limit, violations
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.network.violation import Violation, refuse


def test_there_are_chips_and_every_limit_says_where_it_is_from() -> None:
    assert CHIPS
    for chip in CHIPS.values():
        assert chip.limits
        for limit in chip.limits:
            assert limit.source
            assert limit.remedy
            assert limit.status in ("published", "derived", "assumed")


def too_much() -> Network:
    neuron = Lif((2,), vth=2**17, dv=2048, bias_mantissa=[5000, -3], bias_exponent=9)
    layer = Layer("fc", (Dense("input", [[1, -129, 0], [3, 200, 1]]),), neuron)
    return Network("too much", 4, Input((3,), -(2**16), 5), (layer,), "spikes")


def test_all_violations_come_at_once() -> None:
    found = violations(too_much(), CHIPS["loihi2"])
    assert [str(each).split(";")[0] for each in found] == [
        "layer 'fc': weight 200 is outside -128..127",
        "layer 'fc': threshold 131072 is outside 0..131071",
        "layer 'fc': bias mantissa 5000 is outside -4096..4095",
        "layer 'fc': bias exponent 9 is outside 0..7",
        "input: input value -65536 is outside -32768..32767",
    ]
    assert all(each.source and each.status == "published" and each.value is not None for each in found)


def test_a_delay_beyond_the_chip_is_a_violation_and_no_error() -> None:
    layer = Layer("fc", (Dense("input", [[1]], 62), Dense("input", [[1]], 63)), Lif((1,), 1, 0))
    (found,) = violations(Network("n", 99, Input((1,), 0, 1), (layer,), "spikes"), CHIPS["loihi2"])
    assert str(found).startswith("layer 'fc', synapses from 'input': delay 63 is outside 0..62; ")


@pytest.mark.parametrize("name", CHIPS)
def test_a_small_network_fits_every_chip(name: str) -> None:
    layer = Layer("fc", (Dense("input", [[1, -1]]),), Lif((1,), 2, 2048))
    assert violations(Network("small", 2, Input((2,), 0, 1), (layer,), "spikes"), CHIPS[name]) == []


def test_a_row_is_all_that_a_new_chip_needs() -> None:
    def layers(network: Network, least: int, most: int) -> Iterator[tuple[str, int]]:
        yield "network", len(network.layers)

    few = Limit("number of layers", 0, 0, layers, "us", "assumed", "remove some")
    (found,) = violations(too_much(), Chip("tiny", (few,)))
    assert (found.where, found.value, found.status) == ("network", 1, "assumed")


def test_what_the_arithmetic_cannot_compute_is_refused_when_made() -> None:
    network = too_much()
    with pytest.raises(NetworkError, match="weight 8388608 is outside"):
        Dense("input", [[2**23]])
    with pytest.raises(NetworkError, match="bias mantissa 16384 is outside -16383..16383"):
        Lif((2,), 1, 0, bias_mantissa=2**14, bias_exponent=9)
    with pytest.raises(NetworkError, match="vth 8388609 is outside"):
        Lif((2,), 2**23 + 1, 0)
    wide = Layer("fc", (Dense("input", np.full((2, 300), 2**23 - 1)),), Lif((2,), 1, 0))
    with pytest.raises(NetworkError, match="layer 'fc': its sums can reach .* allowed is below"):
        replace(network, input=Input((300,), 0, 2**23), layers=(wide,))


def test_a_target_refuses_with_the_first_and_the_number_of_others() -> None:
    refuse([], "nothing")
    one = Violation("layer 'a'", "is blue", "paint it red")
    with pytest.raises(CannotExport, match=r"^cannot be a \.net file: layer 'a': is blue; paint it red$"):
        refuse([one], "cannot be a .net file")
    with pytest.raises(CannotExport, match="and 2 more: see `snnc inspect`"):
        refuse([one, one, one], "cannot be a .net file")
