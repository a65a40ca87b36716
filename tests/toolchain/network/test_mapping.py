"""The mapping to cores: what is counted by formulas is what loops over every neuron count."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_residual_network, seeds

from snnc.toolchain.network.chips import CHIPS, Chip
from snnc.toolchain.network.mapping import ASSUMPTIONS, Mapping, mapping
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.partition import Cores, connections, fan_in, needed_bits, parts
from snnc.toolchain.network.synapse import Conv, Dense

LOIHI2 = CHIPS["loihi2"]


def mapped(network: Network, chip: Chip = LOIHI2) -> Mapping:
    found = mapping(network, chip)
    assert found
    return found


@settings(max_examples=40, deadline=None)
@given(seeds)
def test_synapses_are_counted_one_by_one(seed: int) -> None:
    network = random_network(seed)
    for layer in network.layers:
        for synapse in layer.synapses:
            shape = network.shapes[synapse.source]
            ones = np.ones(synapse.weight.shape, int)
            every = Dense(INPUT, ones) if isinstance(synapse, Dense) else Conv(INPUT, ones, synapse.stride, synapse.padding)
            inputs = every.sums(np.ones((1, *shape)))  # each neuron sums one per synapse
            assert connections(synapse, shape) == inputs.sum()
            assert fan_in(synapse, shape) >= inputs.max()


@settings(max_examples=60, deadline=None)
@given(seeds)
def test_parts_are_whole_and_fit_their_cores(seed: int) -> None:
    network = random_network(seed)
    rng = np.random.default_rng(seed)
    cores = Cores(
        1, int(rng.integers(1, 9)) if rng.random() < 0.7 else None, int(rng.integers(1, 200)), "us", int(rng.integers(0, 3))
    )
    for layer in network.layers:
        for storage in ("dense", "shared"):
            for bits in (2, 8):
                found = parts(layer, network.shapes, bits, storage, cores)
                assert [part.first for part in found] == [0, *(part.last + 1 for part in found[:-1])]
                assert found[-1].last == layer.neurons - 1
                for part in found:
                    count = part.last - part.first + 1
                    assert count <= (cores.neurons or layer.neurons)
                    assert count == 1 or part.bits <= 8 * cores.synapse_bytes
                roomy = replace(cores, neurons=None, synapse_bytes=10**9)
                assert len(parts(layer, network.shapes, bits, storage, roomy)) == 1


def test_a_layer_of_dense_synapses_is_cut_where_memory_ends() -> None:
    layer = Layer("fc", (Dense(INPUT, np.full((100, 1024), 100)),), Lif((100,), 1, 0))
    network = Network("n", 4, Input((1024,), 0, 1), (layer,), "spikes")
    cores = Cores(128, 8192, 32 * 1024, "us")
    found = parts(layer, network.shapes, 8, "dense", cores)
    assert [(part.first, part.last, part.bits) for part in found] == [
        (0, 31, 32 * 8192),
        (32, 63, 32 * 8192),
        (64, 95, 32 * 8192),
        (96, 99, 4 * 8192),
    ]
    assert len(parts(layer, network.shapes, 2, "dense", cores)) == 1


def test_a_kernel_is_stored_once_for_each_channel_of_a_core() -> None:
    layer = Layer("conv", (Conv(INPUT, np.full((8, 2, 3, 3), 5), padding=(1, 1)),), Lif((8, 10, 10), 1, 0))
    network = Network("n", 4, Input((2, 10, 10), 0, 1), (layer,), "spikes")
    (row,) = mapped(network).layers
    stored = {(way.storage, way.bits): way.bytes for way in row.options}
    assert stored["shared", 8] == 8 * 2 * 9
    assert stored["dense", 8] == 8 * 2 * (8 * 3 + 2 * 2) ** 2  # of each row and column: 8 with three taps, 2 with two
    assert [way.fits for way in row.options if way.bits == 2] == [False, False]
    two_channels = Cores(128, 8192, 2 * 18, "us")
    assert [(part.first, part.last) for part in parts(layer, network.shapes, 8, "shared", two_channels)] == [
        (0, 199),
        (200, 399),
        (400, 599),
        (600, 799),
    ]


@pytest.mark.parametrize(("values", "bits"), [([-1, 0, 1], 2), ([-2, 1, 0], 2), ([2, 0, 1], 8), ([-3, 0, 1], 8)])
def test_bits_that_weights_need(values: list[int], bits: int) -> None:
    assert needed_bits(Layer("fc", (Dense(INPUT, [values]),), Lif((1,), 1, 0))) == bits


def test_relays_and_times_are_those_of_the_pass() -> None:
    network = random_residual_network(3)
    found = mapped(network)
    relays = [layer for layer in found.layers if layer.relay]
    assert found.relays == len(relays) > 0
    assert found.relay_neurons == sum(layer.neurons for layer in relays)
    assert found.latency == network.timesteps + max(layer.depth for layer in found.layers)
    assert found.interval == network.timesteps
    assert found.cores == sum(len(layer.parts) for layer in found.layers)
    assert found.assumptions == ASSUMPTIONS
    assert [row["layer"] for row in found.rows()] == [layer.layer for layer in found.layers]
    assert all(row["cores"] == 1 and "spikes" not in row for row in found.rows())


def test_sparsity_and_footprint() -> None:
    first = Layer("a", (Dense(INPUT, [[1, 0, 0, 0]]),), Lif((1,), 1, 0))
    last = Layer("b", (Dense("a", [[100], [0], [3], [4]]),), Lif((4,), 1, 0))
    found = mapped(Network("n", 4, Input((4,), 0, 1), (first, last), "spikes"))
    assert found.connection_sparsity == 4 / 8
    assert found.footprint == 4 * 2 // 8 + 4


def test_a_chip_without_public_cores_has_no_mapping() -> None:
    assert mapping(random_network(1), Chip("secret", ())) is None


def test_many_cores_are_several_chips() -> None:
    layer = Layer("fc", (Dense(INPUT, np.full((300, 4), 100)),), Lif((300,), 1, 0))
    network = Network("n", 4, Input((4,), 0, 1), (layer,), "spikes")
    found = mapped(network, Chip("small", (), Cores(10, 20, 1000, "us")))
    assert (found.cores, found.chips) == (15, 2)
