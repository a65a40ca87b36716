"""Real-number semantics of every node, against sums written out by hand or by PyTorch, and the rules that files leave open."""

from typing import Any

import nir
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from random_networks import random_nir_network, random_samples, seeds

from snnc.export.nir.flat import flat_graph
from snnc.export.nir.graph import nir_graph, node_names
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.neurons import Activity, real_neurons, run
from snnc.export.nir.rules import Rules
from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.simulate.reference import simulate

RNG = np.random.default_rng(0)


def whole(*shape: int) -> np.ndarray:
    """Draw whole numbers, whose sums are exact in any order."""
    return RNG.integers(-9, 10, shape).astype(float)


DIALECT_RULES = {
    "spec": Rules(dt=2**-13),
    "norse": Rules(dt=1e-3, gain="normalized"),
    "snntorch": Rules(),
    "spikingjelly": Rules(compare=">="),
}


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_every_dialect_gives_the_very_spikes_under_its_rules(seed: int) -> None:
    network = random_nir_network(seed)
    samples = random_samples(network, 3, timed=True, seed=seed)
    reference, names = simulate(network, samples), node_names(layer.name for layer in network.layers)
    for dialect, rules in DIALECT_RULES.items():
        done = interpret(nir_graph(network, dialect), samples, rules)
        for layer in network.layers:
            assert np.array_equal(done[names[layer.name]].sent, reference.spikes[layer.name]), dialect


def through(node: nir.NIRNode, x: np.ndarray) -> np.ndarray:
    graph = nir.NIRGraph(
        {"input": nir.Input(np.array(x.shape[2:])), "node": node, "output": nir.Output(np.array([1]))},
        [("input", "node"), ("node", "output")],
        type_check=False,
    )
    return interpret(graph, x, Rules())["output"].sent


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("stride", "padding", "dilation"), [(1, 0, 1), ((2, 1), (1, 2), 1), (1, (2, 2), (2, 1))])
def test_convolutions_are_those_of_pytorch(groups: int, stride: Any, padding: Any, dilation: Any) -> None:
    x, weight, bias = whole(2, 3, 4, 9, 8), whole(6, 4 // groups, 3, 3), whole(6)
    node = nir.Conv2d(None, weight, stride, padding, dilation, groups, bias)
    theirs = F.conv2d(
        *(torch.from_numpy(x.reshape(6, 4, 9, 8)), torch.from_numpy(weight), torch.from_numpy(bias)),
        *(stride, padding, dilation, groups),
    )
    assert np.array_equal(through(node, x).reshape(theirs.shape), theirs.numpy())


def test_one_dimensional_convolutions_and_named_paddings() -> None:
    x, weight, bias = whole(2, 3, 4, 9), whole(6, 4, 3), whole(6)
    theirs = F.conv1d(torch.from_numpy(x.reshape(6, 4, 9)), torch.from_numpy(weight), torch.from_numpy(bias), 2, 1, 2)
    ours = through(nir.Conv1d(None, weight, 2, 1, 2, 1, bias), x)
    assert np.array_equal(ours.reshape(theirs.shape), theirs.numpy())
    assert through(nir.Conv1d(None, weight, 1, "same", 1, 1, bias), x).shape[-1] == 9
    assert through(nir.Conv1d(None, weight, 1, "valid", 1, 1, bias), x).shape[-1] == 7
    with pytest.raises(FileFormatError, match="node 'node': padding 'same' of an even kernel or a stride"):
        through(nir.Conv1d(None, whole(6, 4, 2), 1, "same", 1, 1, bias), x)


def test_pools_scales_and_matrices() -> None:
    x = whole(2, 3, 4, 8, 8)
    flat = torch.from_numpy(x.reshape(6, 4, 8, 8))
    average = through(nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])), x)
    assert np.array_equal(average.reshape(6, 4, 4, 4), F.avg_pool2d(flat, 2).numpy())
    scalar = through(nir.SumPool2d(np.array(2), np.array(2), np.array(0)), x)  # sizes as scalars, as some writers have them
    assert np.array_equal(scalar, 4 * average)
    assert np.array_equal(through(nir.Scale(np.array(3.0)), x), 3 * x)
    weight = whole(5, 8)
    assert np.array_equal(through(nir.Linear(weight), x), x @ weight.T)
    assert np.array_equal(through(nir.Flatten({"input": np.array([4, 8, 8])}, 0, 2), x), x.reshape(2, 3, -1))


def neurons(node: nir.NIRNode, inputs: np.ndarray, rules: Rules) -> Activity:
    return run(real_neurons(node, rules), inputs, rules)


def lif(**parameters: float) -> nir.LIF:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | parameters
    return nir.LIF(**{name: np.array([value]) for name, value in values.items()})


DRIVE = np.array([1.0, 0.0, 0.0, 3.0, 0.0, 0.0]).reshape(6, 1, 1)
CASES = [
    (Rules(), {}, [0, 0, 0, 1, 0, 0], [1, 0.5, 0.25, 0, 0, 0]),
    (Rules(compare=">="), {}, [1, 0, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0]),
    (Rules(reset="subtract"), {}, [0, 0, 0, 1, 1, 0], [1, 0.5, 0.25, 2.125, 0.0625, 0.03125]),
    (Rules(reset_delay=1), {}, [0, 0, 0, 1, 1, 0], [1, 0.5, 0.25, 3.125, 0, 0]),
    (Rules(gain="normalized"), {}, [0, 0, 0, 1, 0, 0], [0.5, 0.25, 0.125, 0, 0, 0]),
    (Rules(dt=2e-4), {"r": 1.0}, [0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]),
    (Rules(), {"v_leak": 0.5}, [1, 0, 0, 1, 0, 0], [0, 0.25, 0.375, 0, 0.25, 0.375]),
    (Rules(), {"v_reset": -1.0}, [0, 0, 0, 1, 0, 0], [1, 0.5, 0.25, -1, -0.5, -0.25]),
]


@pytest.mark.parametrize(("rules", "parameters", "spikes", "membranes"), CASES, ids=range(len(CASES)))
def test_what_a_file_leaves_open_changes_the_spikes(
    rules: Rules, parameters: dict[str, float], spikes: list[int], membranes: list[float]
) -> None:
    activity = neurons(lif(**parameters), DRIVE, rules)
    assert activity.membranes is not None
    assert activity.sent.ravel().tolist() == spikes
    assert activity.membranes.ravel().tolist() == membranes


def test_exponential_decay() -> None:
    kept = real_neurons(lif(), Rules(decay="exponential")).keep
    assert kept.tolist() == pytest.approx([np.exp(-0.5)], rel=1e-15)


def test_integrators() -> None:
    rules = Rules(dt=0.5)
    node = nir.IF(r=np.array([2.0]), v_threshold=np.array([2.0]), v_reset=np.array([0.0]))
    assert neurons(node, np.ones((4, 1, 1)), rules).sent.ravel().tolist() == [0, 0, 1, 0]
    leaky = nir.LI(tau=np.array([1.0]), r=np.array([2.0]), v_leak=np.array([0.0]))
    assert neurons(leaky, np.ones((3, 1, 1)), rules).sent.ravel().tolist() == [1, 1.5, 1.75]


def nested() -> nir.NIRGraph:
    inner = nir.NIRGraph(
        {"in": nir.Input(np.array([2])), "w": nir.Linear(np.eye(2)), "out": nir.Output(np.array([2]))},
        [("in", "w"), ("w", "out")],
    )
    edges = [("input", "block"), ("block", "n"), ("n", "output")]
    outer = {"input": nir.Input(np.array([2])), "block": inner, "n": lif_pair(), "output": nir.Output(np.array([2]))}
    return nir.NIRGraph(outer, edges, type_check=False)


def lif_pair() -> nir.LIF:
    two = np.ones(2)
    return nir.LIF(tau=2e-4 * two, r=2 * two, v_leak=0 * two, v_threshold=two, v_reset=0 * two)


def test_nested_graphs_are_opened() -> None:
    flat = flat_graph(nested())
    assert next(iter(flat.nodes)) == "input"
    assert flat.sources["n"] == ["block.out"]
    done = interpret(nested(), np.full((2, 1, 2), 3.0), Rules())
    assert done["output"].sent.tolist() == [[[1, 1]], [[1, 1]]]


def test_what_is_no_spiking_network_is_named() -> None:
    loop = nested()
    loop.nodes["block"].edges.append(("w", "w"))
    with pytest.raises(FileFormatError, match="form a loop without neurons"):
        flat_graph(loop)
    lost = nested()
    lost.edges.append(("n", "nowhere"))
    with pytest.raises(FileFormatError, match="an edge names the node 'nowhere'"):
        flat_graph(lost)
    alone = nested()
    alone.nodes["spare"] = lif_pair()
    with pytest.raises(FileFormatError, match="node 'spare' has no source"):
        interpret(alone, np.zeros((1, 1, 2)), Rules())
    with pytest.raises(FileFormatError, match="node 'node' is a Threshold"):
        through(nir.Threshold(np.array([1.0])), np.zeros((1, 1, 1)))
