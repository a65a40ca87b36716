"""The integer description: what it refuses, when two are equal, and what it prints."""

from collections.abc import Callable
from dataclasses import FrozenInstanceError, replace

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, seeds

from snnc.toolchain.errors import NetworkError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense

PIXELS = Input((1, 4, 4), 0, 1)


def layer(name: str = "fc", source: str = "input", inputs: int = 16, out: int = 3) -> Layer:
    return Layer(name, (Dense(source, np.ones((out, inputs), int)),), Lif((out,), vth=2, dv=2048))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Lif((1,), 2**23 + 1, 0), "vth 8388609 is outside 0..8388608"),
        (lambda: Lif((1,), 0.5, 0), "vth 0.5 is outside"),  # type: ignore[arg-type]
        (lambda: Lif((1,), 0, 4097), "dv 4097 is outside 0..4096"),
        (lambda: Lif((1,), 0, 0, du=-2), "du -2 is outside -1..4095"),
        (lambda: Lif((1,), 0, 0, 2**17), "bias mantissa 131072 is outside -131071..131071; a bias has 24 bits at most"),
        (lambda: Lif((1,), 0, 0, 0, 24), "bias_exponent 24 is outside 0..23"),
        (lambda: Lif((2,), 0, 0, [1, 2, 3]), r"bias mantissa of shape \(3,\) does not broadcast to \(2,\)"),
        (lambda: Lif((0,), 0, 0), "population size 0 is outside 1"),
        (lambda: Lif((1,), float("nan"), 0), "vth nan is outside"),  # type: ignore[arg-type]
        (lambda: Lif((1,), "a", 0), "vth a is outside"),  # type: ignore[arg-type]
        (lambda: Lif((), 0, 0), r"population of shape \(\) is empty"),
        (lambda: Input((1,), 2, 1), "minimum 2 is above maximum 1"),
        (lambda: Input((1,), 0.5, 1), "input minimum 0.5 is outside -8388608..8388608"),  # type: ignore[arg-type]
        (lambda: Input((1,), 0, 2**58), "input maximum 288230376151711744 is outside"),
        (lambda: layer("input"), "layer name 'input' is not allowed"),
        (lambda: layer("a/b"), "layer name 'a/b' is not allowed"),
        (lambda: Layer("a", (), Lif((1,), 0, 0)), "layer 'a' has no synapses"),
        (lambda: Network("n", 0, PIXELS, (layer(),)), "timesteps 0 is outside 1..32768"),
        (lambda: Network("n", 1, PIXELS, ()), "the network has no layers"),
        (lambda: Network("n", 1, PIXELS, (layer(), layer())), "layer name 'fc' is used twice"),
        (lambda: Network("n", 1, PIXELS, (layer(source="later"),)), "source 'later' is unknown; allowed are 'input', 'fc'"),
        (lambda: Network("n", 1, PIXELS, (layer(inputs=15),)), r"layer 'fc': dense synapses of weight \(3, 15\)"),
        (lambda: Network("n", 1, PIXELS, (layer(),), "volts"), "readout 'volts' is unknown; allowed are membrane, spikes"),  # type: ignore[arg-type]
        (lambda: Network("n", 1, PIXELS, (layer(),), labels=("a",)), "got 1 labels for 3 outputs"),
        (
            lambda: Network("n", 1, PIXELS, (replace(layer(), neuron=Lif((4,), 0, 0)),)),
            r"layer 'fc': synapses from 'input' give shape \(3,\), the neurons have \(4,\)",
        ),
    ],
)
def test_what_no_chip_can_run_is_refused(make: object, message: str) -> None:
    with pytest.raises(NetworkError, match=message):
        make()  # type: ignore[operator]


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_equal_networks_have_one_digest(seed: int) -> None:
    assert random_network(seed) == random_network(seed)
    assert hash(random_network(seed)) == hash(random_network(seed))


def changed(network: Network, **changes: object) -> Network:
    neuron: Callable[..., Lif] = Lif
    first = replace(network.layers[0], neuron=neuron(**{**vars(network.layers[0].neuron), **changes}))
    return replace(network, layers=(first, *network.layers[1:]))


def test_every_number_counts_for_equality() -> None:
    weight = np.zeros((2, 1, 1, 1), int)
    conv = Layer("conv", (Conv("input", weight, (1, 1), (0, 0)),), Lif((2, 4, 4), 3, 100, 1))
    network = Network("n", 3, PIXELS, (conv,), "spikes")
    weight[0, 0, 0, 0] = 1
    others = [
        replace(network, name="m"),
        replace(network, timesteps=4),
        replace(network, readout="membrane"),
        replace(network, input=Input((1, 4, 4), 0, 2)),
        replace(network, input=Input((1, 4, 4), 0, 1, zero_point=1)),
        changed(network, vth=4),
        changed(network, dv=101),
        changed(network, du=0),
        changed(network, bias_mantissa=2),
        changed(network, bias_exponent=5),
        replace(network, layers=(replace(conv, name="other"),)),
        replace(network, layers=(replace(conv, synapses=(Conv("input", weight),)),)),
        replace(network, layers=(replace(conv, synapses=conv.synapses * 2),)),
    ]
    assert len({network, *others}) == len(others) + 1
    assert network != "n"


def test_a_network_cannot_be_changed() -> None:
    network = random_network(1)
    with pytest.raises(FrozenInstanceError):
        network.name = "other"  # type: ignore[misc]
    with pytest.raises(ValueError, match="read-only"):
        network.layers[0].neuron.bias_mantissa[...] = 1


def test_a_shortcut_is_two_synapses() -> None:
    both = Layer("sum", (Dense("fc", np.ones((2, 3))), Dense("input", np.ones((2, 16)))), Lif((2,), 2, 0))
    assert Network("n", 1, PIXELS, (layer(), both)).layers[1].neurons == 2


@pytest.mark.parametrize(
    ("dv", "timesteps", "bias_exponent", "free"),
    [
        (2048, 7, 6, True),
        (2048, 8, 6, False),
        (3072, 4, 6, True),
        (3072, 5, 6, False),
        (0, 100, 6, True),
        (100, 2, 6, False),
        (2048, 6, 5, True),  # the bias is half a weight unit, and the last bit has 5 steps left
        (2048, 7, 5, False),
        (0, 100, 0, True),
        (1024, 4, 6, True),  # a decay of 3/4 moves the last bit by 2 as one of 1/4 does
        (1024, 5, 6, False),
        (4095, 1, 0, True),  # nothing is ever kept for another step
    ],
)
def test_truncation_free(dv: int, timesteps: int, bias_exponent: int, free: bool) -> None:
    neuron = Lif((3,), vth=2, dv=dv, bias_mantissa=1, bias_exponent=bias_exponent)
    network = Network("n", timesteps, PIXELS, (replace(layer(), neuron=neuron),))
    assert network.truncation_free is free


def test_the_table_names_every_layer() -> None:
    both = Layer("sum", (Dense("fc", np.ones((2, 3))), Dense("input", np.ones((2, 16)))), Lif((2,), 2, 0))
    text = str(Network("two", 1, PIXELS, (layer(), both)))
    assert text.splitlines()[0] == "two: 1 time steps, input 1x4x4 in 0..1, readout membrane"
    assert "dense 2x3 from fc + dense 2x16 from input" in text


@pytest.mark.parametrize(
    "change", [{"name": "a\udcff"}, {"data": "\ud800"}, {"labels": ("a", "b", "\udfff")}, {"layers": (layer("\udcff"),)}]
)
def test_a_name_that_no_file_can_hold_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(NetworkError, match="no file can hold the name '.*; rename what it names"):
        replace(Network("n", 1, PIXELS, (layer(),)), **change)  # type: ignore[arg-type]
