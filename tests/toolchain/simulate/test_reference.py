"""The reference simulator against a simulation in plain Python, neuron by neuron."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_samples, seeds

from snnc.toolchain.errors import DataError
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import Layer, Network
from snnc.toolchain.network.synapse import Conv
from snnc.toolchain.simulate.reference import simulate


def plain_input(
    layer: Layer, place: tuple[int, ...], spikes: dict[str, dict[tuple[int, ...], int]], shapes: dict[str, tuple[int, ...]]
) -> int:
    total = 0
    for synapse in layer.synapses:
        source = spikes[synapse.source]
        if isinstance(synapse, Conv):
            out, y, x = place
            for channel, dy, dx in np.ndindex(synapse.weight.shape[1:]):
                at = (channel, y * synapse.stride[0] + dy - synapse.padding[0], x * synapse.stride[1] + dx - synapse.padding[1])
                total += int(synapse.weight[out, channel, dy, dx]) * source.get(at, 0)
        else:
            for i, at in enumerate(np.ndindex(*shapes[synapse.source])):
                total += int(synapse.weight[place[0], i]) * source[at]
    return total


def plain_simulation(network: Network, sample: np.ndarray) -> dict[str, list[dict[tuple[int, ...], tuple[int, int]]]]:
    """Return (spike, membrane) by layer, step and neuron, computed with Python ints only."""
    state = {layer.name: dict.fromkeys(np.ndindex(layer.output_shape), (0, 0)) for layer in network.layers}
    shapes = {"input": network.input.shape} | {layer.name: layer.output_shape for layer in network.layers}
    seen: dict[str, list[dict[tuple[int, ...], tuple[int, int]]]] = {layer.name: [] for layer in network.layers}
    for _ in range(network.timesteps):
        spikes = {"input": {p: int(sample[p]) for p in np.ndindex(network.input.shape)}}
        for layer in network.layers:
            neuron, now = layer.neuron, {}
            for place, (u, v) in state[layer.name].items():
                a = plain_input(layer, place, spikes, shapes)
                bias = int(neuron.bias_mantissa[place]) << neuron.bias_exponent
                u, v, s = lif.step(u, v, a, du=neuron.du, dv=neuron.dv, bias=bias, vth=neuron.vth)
                state[layer.name][place], now[place] = (u, v), (int(s), v)
            spikes[layer.name] = {place: s for place, (s, _) in now.items()}
            seen[layer.name].append(now)
    return seen


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_it_equals_plain_python(seed: int) -> None:
    network = random_network(seed)
    samples = random_samples(network, 2, seed=seed)
    trace = simulate(network, samples)
    for number, sample in enumerate(samples):
        expected = plain_simulation(network, sample)
        for layer, t in product(network.layers, range(network.timesteps)):
            for place, (spike, membrane) in expected[layer.name][t].items():
                assert trace.spikes[layer.name][(t, number, *place)] == spike
                assert trace.membranes[layer.name][(t, number, *place)] == membrane


@settings(max_examples=25, deadline=None)
@given(seeds)
def test_samples_do_not_disturb_each_other(seed: int) -> None:
    network = random_network(seed)
    samples = random_samples(network, 4, timed=True, seed=seed)
    together = simulate(network, samples)
    for number in range(4):
        alone = simulate(network, samples[:, number : number + 1])
        for layer in network.layers:
            assert np.array_equal(together.membranes[layer.name][:, number], alone.membranes[layer.name][:, 0])


def test_an_image_is_repeated_at_every_step() -> None:
    network = random_network(3)
    samples = random_samples(network, 2)
    repeated = np.repeat(samples[None], network.timesteps, axis=0)
    assert np.array_equal(simulate(network, samples).outputs(network), simulate(network, repeated).outputs(network))


def test_what_the_network_does_not_take_is_refused() -> None:
    network = random_network(3)
    samples = random_samples(network, 2)
    with pytest.raises(DataError, match=r"samples of shape .*; allowed are \(B, "):
        simulate(network, samples[..., :-1])
    timed = random_samples(network, network.timesteps + 1, timed=True)
    with pytest.raises(DataError, match="time comes first: swap the first two axes"):
        simulate(network, timed.swapaxes(0, 1))
    with pytest.raises(DataError, match="samples of type float64; the chip takes integers, so round them first"):
        simulate(network, samples + 0.9)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="the network takes .*subtract the zero point first"):
        simulate(network, samples + 1000)


def test_no_samples_give_no_outputs() -> None:
    for seed in range(5):
        network = random_network(seed)
        none = random_samples(network, 1)[:0]
        assert simulate(network, none).outputs(network).shape == (0, network.layers[-1].neurons)
