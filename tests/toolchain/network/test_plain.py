"""The plain form: every field of a network, there and back, in the digest and in the difference."""

import json
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from random_networks import random_network, seeds
from random_recurrence import random_recurrent_network

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.plain import difference, digest, from_plain, to_plain
from snnc.toolchain.network.synapse import Conv, Dense

SMALL_DIGEST = "29179f38970d4e232be6352441a6c92f6949a58995ca9b48c520806ceca13d7c"  # as snnc wrote it before there were delays


@given(seeds)
def test_networks_survive_json_and_arrays(seed: int) -> None:
    network = random_network(seed)
    values, arrays = to_plain(network)
    again = from_plain(Network, json.loads(json.dumps(values)), arrays)
    assert again == network
    assert difference(network, again) is None
    assert [array.dtype for array in to_plain(again)[1].values()] == [array.dtype for array in arrays.values()]


@given(seeds)
def test_delays_and_decays_of_each_neuron_survive(seed: int) -> None:
    network = random_recurrent_network(seed)
    values, arrays = to_plain(network)
    again = from_plain(Network, json.loads(json.dumps(values)), arrays)
    assert again == network
    assert [type(layer.neuron.dv) for layer in again.layers] == [type(layer.neuron.dv) for layer in network.layers]


def test_a_delay_counts_in_the_digest_and_none_is_left_out_of_it() -> None:
    values, _ = to_plain(Dense("input", [[1]]))
    assert "delay" not in values  # so that networks of earlier versions keep their digests
    assert to_plain(Dense("input", [[1]], 2))[0]["delay"] == 2
    assert difference(Dense("input", [[1]]), Dense("input", [[1]], 2)) is not None
    assert small().digest() == SMALL_DIGEST


def test_a_decay_that_all_neurons_share_is_one_number() -> None:
    assert digest(Lif((3,), 1, [7, 7, 7], du=[9, 9, 9])) == digest(Lif((3,), 1, 7, du=9))
    assert digest(Lif((3,), 1, [7, 7, 8])) != digest(Lif((3,), 1, 7))


def small() -> Network:
    conv = Layer("a-b", (Conv("input", np.ones((2, 1, 1, 1))),), Lif((2, 3, 3), 4, 2048))
    dense = Layer("out", (Dense(conv.name, np.ones((2, 18))), Dense("input", np.ones((2, 9)))), Lif((2,), 5, 0))
    return Network("small", 3, Input((1, 3, 3), -1, 1), (conv, dense), "spikes", ("no", "yes"))


def changed(network: Network, what: str) -> Network:
    neuron: Callable[..., Lif] = Lif
    first, layer = network.layers
    key = what.rsplit("/", 1)[-1]
    if key in ("vth", "du", "dv", "bias_mantissa"):
        return replace(network, layers=(first, replace(layer, neuron=neuron(**{**vars(layer.neuron), key: 7}))))
    if what == "layers/out/synapses":
        return replace(network, layers=(first, replace(layer, synapses=layer.synapses[:1])))
    if what == "input/zero_point":
        return replace(network, input=replace(network.input, zero_point=1))
    return replace(network, timesteps=4) if what == "timesteps" else replace(network, readout="membrane")


@pytest.mark.parametrize(
    "what",
    [
        *("timesteps", "readout", "input/zero_point", "layers/out/synapses"),
        *(f"layers/out/neuron/{key}" for key in ("vth", "du", "dv", "bias_mantissa")),
    ],
)
def test_every_number_is_in_the_digest_and_in_the_difference(what: str) -> None:
    network = small()
    other = changed(network, what)
    assert network.digest() != other.digest()
    found = difference(network, other)
    assert found is not None
    assert found.startswith(what)


def test_arrays_differ_at_a_place_and_lists_in_length() -> None:
    network = small()
    weight = np.ones((2, 18))
    weight[1, 4] = 0
    layer = network.layers[1]
    other = replace(network, layers=(network.layers[0], replace(layer, synapses=(Dense("a-b", weight), layer.synapses[1]))))
    assert difference(network, other) == "layers/out/synapses/0/weight at (1, 4): 1 and 0"
    assert difference(network, changed(network, "layers/out/synapses")) == "layers/out/synapses: 2 and 1"
    assert difference(network, replace(network, name="x"), ignored=("name",)) is None


def test_a_new_field_needs_no_other_code() -> None:
    @dataclass(frozen=True)
    class Delayed(Input):
        delay: int = 0

    one, other = Delayed((3,), 0, 1), Delayed((3,), 0, 1, delay=2)
    assert digest(one) != digest(other)
    assert difference(one, other) == "delay: 0 and 2"
    assert from_plain(Delayed, *to_plain(other)) == other
    assert {field.name for field in fields(Delayed)} < set(to_plain(one)[0])


@pytest.mark.parametrize(
    ("place", "value"),
    [((), {}), (("layers",), 3), (("layers", 0, "synapses", 0, "type"), "Sparse"), (("input",), None), (("layers", 0), [])],
)
def test_other_forms_are_refused(place: tuple[Any, ...], value: object) -> None:
    values, arrays = to_plain(small())
    if not place:
        values = value
    else:
        inner = values
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value
    with pytest.raises(FileFormatError):
        from_plain(Network, values, arrays)
