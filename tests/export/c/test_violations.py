"""What C source cannot hold is said; prefixes are names."""

import pytest
from random_networks import residual_network

from snnc.export import TARGETS
from snnc.export.c.violations import COptions
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense


def test_sums_beyond_32_bits_are_refused() -> None:
    layer = Layer("a", (Dense("input", [[2**20]]), Dense("input", [[2**20]])), Lif((1,), 1, 0))
    network = Network("n", 1, Input((1,), 0, 9), (layer,), "spikes")
    (found,) = TARGETS["c"].violations(network)
    assert str(found).startswith(f"layer 'a': its sums can reach {18 * 2**20}, 32-bit arithmetic takes {2**24}; ")
    assert not TARGETS["c"].violations(residual_network(1))


@pytest.mark.parametrize(
    ("name", "prefix"), [("cifarnet", "cifarnet"), ("A b-c", "a_b_c"), ("7x", "snn_7x"), ("äö", "snn"), ("", "snn")]
)
def test_the_name_is_the_prefix(name: str, prefix: str) -> None:
    layer = Layer("a", (Dense("input", [[1]]),), Lif((1,), 1, 0))
    assert COptions().chosen(Network(name, 1, Input((1,), 0, 9), (layer,), "spikes")) == prefix


def test_a_prefix_that_c_does_not_allow_is_refused() -> None:
    with pytest.raises(ConfigError, match="prefix '1a' cannot begin names in C; take a letter"):
        COptions("1a")
