"""When each layer runs, without Lava: a clockwork in which every synapse takes one step gives the reference's spikes."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_residual_network, random_samples, seeds

from snnc.export.lava.schedule import Schedule, schedule
from snnc.toolchain.network import lif
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate


def chain(*sources: tuple[str, ...]) -> Network:
    """Layers a, b, c ... of one neuron each, fed from the given sources."""
    layers = (
        Layer(name, tuple(Dense(source, [[1]]) for source in found), Lif((1,), 0, 0))
        for name, found in zip("abcd", sources, strict=False)
    )
    return Network("chain", 2, Input((1,), 0, 9), tuple(layers), "spikes")


def clockwork(timed: Schedule, frames: np.ndarray) -> dict[str, np.ndarray]:
    """Run all layers step by step, each fed with what its sources sent one step before, as Lava does."""
    network, count = timed.network, frames.shape[1]
    sent = {layer.name: np.zeros((1, *layer.output_shape), np.int64) for layer in network.layers}
    state = {layer.name: (0 * sent[layer.name], 0 * sent[layer.name]) for layer in network.layers}
    streams: dict[int, np.ndarray] = {}
    recorded: dict[str, list[np.ndarray]] = {name: [] for name in sent}
    for step in range(timed.steps(count)):
        before = dict(sent)
        for layer in network.layers:
            a = np.zeros((), np.int64)
            for synapse in layer.synapses:
                late = timed.late(synapse, layer.name)
                assert late == 0 or synapse.source == INPUT
                stream = streams.setdefault(late, timed.stream(frames, late))
                source = before[synapse.source] if synapse.source != INPUT else stream[step - 1 : step]
                a = a + synapse.sums(source) if len(source) else a
            u, v = state[layer.name]
            if (step + 1) % network.timesteps == timed.reset_offset(layer.name) % network.timesteps:
                u, v = 0 * u, 0 * v
            neuron = layer.neuron
            u, v, fired = lif.step(u, v, a + 0 * u, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth)
            state[layer.name], sent[layer.name] = (u, v), fired.astype(np.int64)
            recorded[layer.name].append(v[0])
    return {name: timed.samples_of(name, np.stack(values).astype(np.int32)) for name, values in recorded.items()}


def test_layers_start_as_late_as_their_longest_path() -> None:
    timed = schedule(chain((INPUT,), ("a",), ("b", "a", INPUT)))
    assert timed.starts == {INPUT: 0, "a": 1, "a-relay1": 2, "b": 2, "c": 3}
    assert [timed.reset_offset(name) for name in "abc"] == [2, 3, 4]
    last = timed.network.layers[-1]
    assert [(synapse.source, timed.late(synapse, "c")) for synapse in last.synapses] == [("b", 0), ("a-relay1", 0), (INPUT, 2)]
    assert timed.steps(samples=5) == 2 * 5 + 3


@pytest.mark.parametrize("once", [True, False])
def test_samples_are_fed_back_to_back_and_late(once: bool) -> None:
    timed = schedule(chain((INPUT,), ("a", INPUT)))
    frames = np.array([[[1], [2], [3]]] if once else [[[1], [2], [3]], [[4], [5], [6]]])
    expected = [1, 1, 2, 2, 3, 3] if once else [1, 4, 2, 5, 3, 6]
    assert timed.stream(frames, late=0).ravel().tolist() == [*expected, 0, 0]
    assert timed.stream(frames, late=1).ravel().tolist() == [0, *expected, 0]


@given(seeds)
@settings(max_examples=30, deadline=None)
def test_every_synapse_may_take_a_step(seed: int) -> None:
    for network in (random_network(seed), random_residual_network(seed)):
        samples = random_samples(network, 3, timed=True, seed=seed)
        membranes = clockwork(schedule(network), samples)
        for name, expected in simulate(network, samples).membranes.items():
            np.testing.assert_array_equal(membranes[name], expected, err_msg=name)
