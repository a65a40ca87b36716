"""Which layers run together, and what sources a layer may have."""

import pytest

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.order import is_recurrent, stages
from snnc.toolchain.network.synapse import Dense


def layer(name: str, *sources: tuple[str, int]) -> Layer:
    return Layer(name, tuple(Dense(source, [[1]], delay) for source, delay in sources), Lif((1,), 1, 0))


def network(*layers: Layer) -> Network:
    return Network("n", 3, Input((1,), 0, 1), layers, "spikes")


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        ([layer("a", ("input", 2)), layer("b", ("a", 0), ("input", 1))], [("a", False), ("b", False)]),
        ([layer("a", ("input", 0), ("a", 1)), layer("b", ("a", 0))], [("a", True), ("b", False)]),
        (
            [layer("a", ("input", 0)), layer("b", ("a", 0), ("c", 1)), layer("c", ("b", 0)), layer("d", ("c", 0))],
            [("a", False), ("bc", True), ("d", False)],
        ),
        (  # cycles that overlap, and one within another
            [layer("a", ("b", 2)), layer("b", ("a", 0), ("d", 1)), layer("c", ("c", 1)), layer("d", ("b", 0))],
            [("abcd", True)],
        ),
    ],
)
def test_layers_that_feed_an_earlier_one_run_together(layers: list[Layer], expected: list[tuple[str, bool]]) -> None:
    found = stages(network(*layers).layers)
    assert [("".join(each.name for each in stage), is_recurrent(stage)) for stage in found] == expected


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([layer("a", ("a", 0))], "layer 'a': source 'a' is the layer itself, so its synapses need a delay of at least 1"),
        ([layer("a", ("b", 0)), layer("b", ("a", 0))], "layer 'a': source 'b' comes later, so its synapses need a delay"),
        ([layer("a", ("c", 1))], "layer 'a': source 'c' is unknown; allowed are 'input', 'a'"),
        ([layer("a", ("input", 0)), layer("a", ("input", 0))], "layer name 'a' is used twice"),
    ],
)
def test_a_source_that_cannot_be_is_refused(layers: list[Layer], message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        network(*layers)


@pytest.mark.parametrize("delay", [-1, 1.5, 2**31])
def test_a_delay_is_a_count_of_steps(delay: float) -> None:
    with pytest.raises(NetworkError, match=r"delay .* is outside 0\.\.2147483647"):
        Dense("input", [[1]], delay)  # type: ignore[arg-type]
