"""Layers with several synapses: the reference's very numbers, in C alone wherever no sum can wrap."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from against_reference import assert_equal, usable_widths
from hypothesis import given, settings
from hypothesis import strategies as st
from random_joins import joined_network
from random_networks import random_samples, seeds

from snnc.toolchain.native.library import built
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Conv, Dense, Synapse
from snnc.toolchain.network.validation import frozen_array, frozen_field
from snnc.toolchain.simulate import bitsliced
from snnc.toolchain.simulate.bitsliced import BitslicedSimulator, GeneralLayer
from snnc.toolchain.simulate.bitsliced_fused import FusedLayer
from snnc.toolchain.simulate.bitsliced_layers import reach

pytestmark = pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")


@settings(max_examples=100, deadline=None)
@given(seeds, st.sampled_from(usable_widths() or [16]), st.integers(1, 4))
def test_random_joins_are_equal(seed: int, width: int, threads: int) -> None:
    assert_equal(*joined_network(seed), width, threads)


def test_random_joins_are_of_every_kind() -> None:
    """Else the test above would prove less than it says."""
    seen: Counter[str] = Counter()
    for seed in range(60):
        network, samples = joined_network(seed)
        seen["timed" if samples.ndim > 4 else "constant"] += 1
        for layer, runner in BitslicedSimulator(network).layers:
            seen[type(runner).__name__] += len(layer.synapses) > 1
            if isinstance(runner, FusedLayer) and runner.events.others:
                seen.update(
                    {type(fused).__name__ for _, fused in runner.events.others} | {f"last {type(runner.events.last).__name__}"}
                )
    assert min(seen.values()) > 5 and len(seen) == 8, seen


def residual_network(*, neuron: Lif | None = None, channels: int = 70) -> Network:
    """Two blocks as residual networks have them: a convolution of the last layer, and a shortcut of 1x1 from the one before."""
    rng = np.random.default_rng(channels)
    neuron = neuron or Lif((channels, 6, 6), 9, 2048, rng.integers(-3, 3, (channels, 1, 1)))

    def conv(source: str, incoming: int, size: int, limit: int = 1) -> Conv:
        weight = rng.integers(-limit, limit + 1, (channels, incoming, size, size))
        return Conv(source, weight, padding=(size // 2, size // 2))

    layers = (
        Layer("stem", (conv("input", 3, 3, 20),), replace(neuron, vth=1500)),
        Layer("block1", (conv("stem", channels, 3), conv("input", 3, 1, 9)), replace(neuron, vth=500)),
        Layer("block2", (conv("block1", channels, 3), Conv("stem", np.eye(channels)[..., None, None])), neuron),
    )
    return Network("residual", 4, Input((3, 6, 6), -128, 127), layers, "spikes")


@pytest.mark.parametrize("width", usable_widths())
@pytest.mark.parametrize("timed", [False, True])
def test_a_residual_network_never_leaves_c(timed: bool, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = residual_network()
    samples = random_samples(network, 9, timed=timed)
    assert_equal(network, samples, width)
    monkeypatch.setattr(lif, "run", None)  # the general way cannot run without
    simulator = BitslicedSimulator(network, width=width)
    assert all(isinstance(runner, FusedLayer) for _, runner in simulator.layers)
    runners = [runner for _, runner in simulator.layers if isinstance(runner, FusedLayer)]
    assert [(len(runner.events.others), len(runner.events.identities)) for runner in runners] == [(0, 0), (1, 0), (0, 1)]
    assert 0.01 < simulator.trace(samples).spikes["block2"].mean() < 0.9


@pytest.mark.parametrize("change", ["current memory", "one bias for each neuron"])
def test_neurons_that_the_kernels_do_not_have_take_the_general_way(change: str) -> None:
    biases = np.random.default_rng(0).integers(-3, 3, (5, 6, 6))
    neuron = Lif((5, 6, 6), 9, 9, du=77) if change == "current memory" else Lif((5, 6, 6), 9, 9, biases)
    network = residual_network(neuron=neuron, channels=5)
    assert all(isinstance(runner, GeneralLayer) for _, runner in BitslicedSimulator(network).layers)
    assert_equal(network, random_samples(network, 5))


def two(first: Synapse, second: Synapse, source: Input, outputs: int = 1) -> Network:
    return Network("n", 3, source, (Layer("a", (first, second), Lif((outputs,), 131071, 30)),), "spikes")


@pytest.mark.parametrize("width", usable_widths())
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("rest", "way"), [(7, FusedLayer), (8, GeneralLayer)])
def test_a_join_is_fused_up_to_the_largest_sum_that_cannot_wrap(rest: int, way: type, sign: int, width: int) -> None:
    """Each synapse alone stays far below 131071 = 2 * 516 * 127 + 7; at 131072 the current of both wraps."""
    weight = np.zeros((1, 520), int)
    weight[0, :516] = sign * 127
    more = weight.copy()
    more[0, 519] = sign * rest
    network = two(Dense("input", weight), Dense("input", more), Input((520,), 0, 1))
    assert isinstance(BitslicedSimulator(network).layers[0][1], way)
    assert_equal(network, np.ones((2, 520), int), width)


def test_sums_of_several_synapses_beyond_32_bits_each() -> None:
    up, down = np.full((1, 520), 127), np.full((1, 520), -127)
    up[0, :2], down[0, 0] = 126, -126
    network = two(Dense("input", up), Dense("input", down), Input((520,), 32766, 32767))
    assert abs(Dense("input", up).sums(np.full((1, 520), 32767))).max() > 2**31
    assert_equal(network, np.full((2, 520), 32767))


def wide(weight: np.ndarray) -> Dense:
    """Return synapses whose weights need more than 8 bits, which no constructor takes."""
    synapse = Dense("input", np.zeros(weight.shape))
    frozen_field(synapse, "weight", frozen_array(weight, np.int32))
    return synapse


BEYOND = [(2**15 - 1, 2, FusedLayer), (2**15, 2, GeneralLayer), (2**31 - 1, 1, GeneralLayer)]


@pytest.mark.parametrize("width", usable_widths())
@pytest.mark.parametrize(("weight", "high", "way"), BEYOND)
def test_weights_beyond_16_bits_take_the_general_way(weight: int, high: int, way: type, width: int) -> None:
    network = two(wide(np.array([[weight, 0]])), wide(np.array([[0, -weight]])), Input((2,), 0, high))
    assert isinstance(BitslicedSimulator(network, width=width).layers[0][1], way)
    assert_equal(network, np.array([[high, 0], [0, high], [high, high], [1, 0], [0, 0]]), width)


def test_the_reach_is_exact_as_far_as_a_network_lets_sums_go() -> None:
    weight = np.full((1, 2**6), 1 - 2**23, np.int32)
    assert reach((weight, -(2**23), 0), (-weight, 0, 2**22)) == 2**6 * (2**23 - 1) * (2**23 + 2**22) < 2**53


def test_the_sums_of_a_join_are_part_of_what_a_chunk_may_take() -> None:
    taps = np.ones((1, 1, 1, 3))  # one alone would be an identity, which needs no memory for its sums
    synapses = Conv("input", taps, padding=(0, 1)), Conv("input", -taps, padding=(0, 1))
    layers = (
        Layer("a", synapses, Lif((1, 200, 200), 2, 2048)),
        Layer("b", (Dense("a", np.ones((1, 40000))),), Lif((1,), 9, 9)),
    )
    network = Network("n", 4, Input((1, 200, 200), 0, 1), layers, "spikes")
    assert BitslicedSimulator(network)._chunk_size({"b"}) == 1
    plain = replace(network, layers=(replace(layers[0], synapses=synapses[:1]), layers[1]))
    assert BitslicedSimulator(plain)._chunk_size({"b"}) == bitsliced.CHUNK
    assert_equal(network, random_samples(network, 3))
