"""Passes leave all spikes as they are; relays make all paths equally long."""

import numpy as np
from hypothesis import given
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.passes import depths, insert_relays, is_relay
from snnc.toolchain.network.synapse import Conv, Dense
from snnc.toolchain.simulate.reference import simulate


def with_shortcuts() -> Network:
    """Three convolutions in a row, the input and the first joining at the third and at the output."""
    rng = np.random.default_rng(0)

    def layer(name: str, *sources: str) -> Layer:
        synapses = tuple(Conv(source, rng.integers(-1, 2, (2, 2, 3, 3)), padding=(1, 1)) for source in sources)
        return Layer(name, synapses, Lif((2, 4, 4), 1, 2048))

    output = Layer(
        "out", (Dense("c", rng.integers(-1, 2, (3, 32))), Dense("a", rng.integers(-1, 2, (3, 32)))), Lif((3,), 2, 2048)
    )
    layers = (layer("a", INPUT), layer("b", "a"), layer("c", "b", "a", INPUT), output)
    return Network("shortcuts", 4, Input((2, 4, 4), 0, 1), layers, "spikes")


def test_shortcuts_share_relays() -> None:
    network = with_shortcuts()
    relayed = insert_relays(network)
    assert depths(network) == {INPUT: 0, "a": 1, "b": 2, "c": 3, "out": 4}
    assert [layer.name for layer in relayed.layers] == ["a", "a-relay1", "a-relay2", "b", "c", "out"]
    assert [layer.name for layer in relayed.layers if is_relay(layer)] == ["a-relay1", "a-relay2"]
    assert [synapse.source for synapse in relayed.layers[4].synapses] == ["b", "a-relay1", INPUT]
    assert [synapse.source for synapse in relayed.layers[5].synapses] == ["c", "a-relay2"]
    assert insert_relays(relayed) == relayed


@given(seeds)
def test_relays_change_no_spike_and_make_paths_equal(seed: int) -> None:
    network = random_network(seed)
    relayed = insert_relays(network)
    samples = random_samples(network, 3, seed=seed)
    before, after = simulate(network, samples), simulate(relayed, samples)
    for layer in network.layers:
        np.testing.assert_array_equal(before.spikes[layer.name], after.spikes[layer.name])
        np.testing.assert_array_equal(before.membranes[layer.name], after.membranes[layer.name])
    depth = depths(relayed)
    assert all(depth[layer.name] == depths(network)[layer.name] for layer in network.layers)
    for layer in relayed.layers:
        hops = {depth[layer.name] - depth[synapse.source] for synapse in layer.synapses if synapse.source != INPUT}
        assert hops <= {1}


def test_relay_names_are_free() -> None:
    network = with_shortcuts()
    renamed = Network(
        "taken", 4, network.input, (*network.layers[:3], Layer("a-relay1", network.layers[3].synapses, Lif((3,), 2, 2048)))
    )
    assert len({layer.name for layer in insert_relays(renamed).layers}) == 6
