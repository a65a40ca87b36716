"""Tables of networks: delays and decays that differ are shown."""

import numpy as np

from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.network.text import span


def test_a_table_says_delays_and_decays_that_differ() -> None:
    conv = Layer("a", (Conv("input", np.ones((2, 1, 1, 1)), delay=3),), Lif((2, 2, 2), 1, [[[5]], [[700]]]))
    dense = Layer("b", (Dense("a", -np.ones((1, 8))), Dense("b", [[300]], 1)), Lif((1,), 1, 2048))
    shown = str(Network("n", 3, Input((1, 2, 2), 0, 1), (conv, dense), "spikes"))
    assert "conv 2x1x1x1 from input delay 3 " in shown
    assert "dense 1x8 from a + dense 1x1 from b delay 1 " in shown
    assert "-1..300" in shown
    assert "5..700" in shown


def test_a_span_is_one_number_or_the_two_ends() -> None:
    assert (span(2048), span(np.array([7, 3, 5])), span(0.5), span(np.array([0.5, 1 / 3]))) == (
        *("2048", "3..7", "0.5", "0.3333..0.5"),
    )
