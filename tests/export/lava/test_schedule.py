"""When each layer runs, without Lava: a clockwork in which every synapse takes one step gives the reference's spikes."""

import numpy as np
import pytest
from hypothesis import given, settings
from random_networks import random_network, random_residual_network, random_samples, seeds
from random_recurrence import random_recurrent_network

from snnc.export.lava.limits import silence, violations
from snnc.export.lava.schedule import Schedule, apart, schedule
from snnc.toolchain.errors import NetworkError
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
    """Run all layers step by step, each fed with what its sources sent one step before or longer ago, as Lava does."""
    network, count = timed.network, frames.shape[1]
    sent = {layer.name: [np.zeros((1, *layer.output_shape), np.int64)] for layer in network.layers}  # step -1, 0, 1 ...
    state = {layer.name: (0 * sent[layer.name][0], 0 * sent[layer.name][0]) for layer in network.layers}
    recorded: dict[str, list[np.ndarray]] = {name: [] for name in sent}
    for step in range(timed.steps(count)):
        for layer in network.layers:
            a = np.zeros((1, *layer.output_shape), np.int64)
            if timed.silenced(layer) and step and timed.outside(layer.name, count)[step]:
                a -= silence(timed, layer)
            for synapse in layer.synapses:
                late = timed.late(synapse, layer.name)
                assert late == 0 or synapse.source == INPUT or (isinstance(synapse, Dense) and synapse.delay)
                if synapse.source == INPUT:
                    a += synapse.sums(timed.stream(frames, late)[step - 1 : step]) if step else 0
                elif step >= late:
                    a += synapse.sums(sent[synapse.source][step - late])
            u, v = state[layer.name]
            if (step + 1) % timed.period == timed.reset_offset(layer.name) % timed.period:
                u, v = 0 * u, 0 * v
            neuron = layer.neuron
            u, v, fired = lif.step(u, v, a, du=neuron.du, dv=neuron.dv, bias=neuron.bias, vth=neuron.vth)
            state[layer.name] = (u, v)
            sent[layer.name].append(fired.astype(np.int64))
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


@given(seeds)
@settings(max_examples=60, deadline=None)
def test_delays_and_cycles_keep_to_their_sample(seed: int) -> None:
    network = random_recurrent_network(seed)
    if violations(network):
        return
    samples = random_samples(network, 3, timed=True, seed=seed)
    membranes = clockwork(schedule(network), samples)
    for name, expected in simulate(network, samples).membranes.items():
        np.testing.assert_array_equal(membranes[name], expected, err_msg=name)


def delayed(*layers: tuple[str, list[tuple[str, int]]], timesteps: int = 5) -> Network:
    made = (Layer(name, tuple(Dense(source, [[1]], d) for source, d in sources), Lif((1,), 0, 0)) for name, sources in layers)
    return Network("delayed", timesteps, Input((1,), 0, 9), tuple(made), "spikes")


def test_a_delay_makes_up_for_hops() -> None:
    timed = schedule(delayed(("a", [(INPUT, 0)]), ("b", [("a", 0), ("d", 3)]), ("c", [("b", 0)]), ("d", [("c", 0), ("a", 4)])))
    assert timed.starts == {INPUT: 0, "a": 5, "b": 6, "c": 7, "d": 8}
    assert timed.period == 5 + 4
    held = {
        (synapse.source, layer.name): timed.late(synapse, layer.name)
        for layer in timed.network.layers
        for synapse in layer.synapses
    }
    assert held == {(INPUT, "a"): 4, ("a", "b"): 0, ("d", "b"): 0, ("b", "c"): 0, ("c", "d"): 0, ("a", "d"): 6}
    assert [layer.name for layer in timed.network.layers if timed.silenced(layer)] == ["a", "d"]


def test_a_cycle_of_more_hops_than_delays_is_a_violation_and_no_error_elsewhere() -> None:
    network = delayed(("a", [(INPUT, 0)]), ("b", [("a", 0), ("c", 1)]), ("c", [("b", 0)]), ("d", [("c", 0)]))
    assert [each.where for each in violations(network)] == ["layer 'b'"]
    with pytest.raises(NetworkError, match="layer 'b': it lies on a cycle of more hops than steps of delay"):
        schedule(network)


def test_a_delay_longer_than_a_sample_pauses_no_longer_than_that() -> None:
    assert schedule(delayed(("a", [(INPUT, 0), (INPUT, 900)]))).period == 5 + 6


def test_parts_that_share_no_synapse_with_the_last_layer_are_found() -> None:
    ring = [("a", [("b", 2)]), ("b", [("a", 0)]), ("c", [(INPUT, 0)]), ("d", [("c", 0)]), ("e", [(INPUT, 0), ("d", 1)])]
    assert apart(delayed(*ring)) == ["a"]
    assert apart(delayed(*ring[:3])) == ["a"]
    assert apart(delayed(*ring[:2])) == []
