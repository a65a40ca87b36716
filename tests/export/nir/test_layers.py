"""NIR graphs as layers that can be trained: what is read, and what is refused by the node's name."""

from typing import Any

import nir
import numpy as np
import pytest

from snnc.export.nir.layers import GraphLayer, LayerGraph, OrPool, layers_of
from snnc.export.nir.rules import Rules, writer_rules
from snnc.toolchain.errors import SnncError

rng = np.random.default_rng(0)
Edges = list[tuple[str, str]]


def array(*shape: int) -> np.ndarray:
    return rng.normal(size=shape).astype(np.float32)


def lif(*shape: int, tau: float = 2e-4, threshold: float = 2.0, kind: Any = nir.LIF) -> nir.NIRNode:
    one = np.ones(shape, np.float32)
    return kind(tau=tau * one, r=2 * one, v_leak=0 * one, v_threshold=threshold * one, v_reset=0 * one)


def pool(kind: Any, side: int, stride: int | None = None) -> nir.NIRNode:
    return kind(np.array([side, side]), np.array([stride or side] * 2), np.array([0, 0]))


def flatten(*shape: int) -> nir.NIRNode:
    return nir.Flatten({"input": np.array(shape)}, 0, -1)


def conv(out: int, source: int, side: int = 3, stride: int = 1, padding: Any = 1, groups: int = 1) -> nir.NIRNode:
    return nir.Conv2d(None, array(out, source // groups, side, side), stride, padding, 1, groups, array(out))


def nodes() -> dict[str, nir.NIRNode]:
    """A kernel, an average of 2 x 2, another kernel, a sum of 2 x 2, and a last layer without neurons."""
    return {
        "in": nir.Input(np.array([1, 9, 9])),
        "c1": conv(4, 1, 2, padding=0),
        "n1": lif(4, 8, 8, threshold=4.0),
        "avg": pool(nir.AvgPool2d, 2),
        "c2": conv(6, 4, padding="same"),
        "n2": lif(6, 4, 4),
        "sum": pool(nir.SumPool2d, 2),
        "flat": flatten(6, 2, 2),
        "fc": nir.Affine(array(3, 24), array(3)),
        "out": nir.Output(np.array([3])),
    }


def edges_of(parts: dict[str, nir.NIRNode], more: Edges) -> Edges:
    names = list(parts)
    return [*zip(names, names[1:], strict=False), *more]  # noqa: RUF007


def read(parts: dict[str, nir.NIRNode], edges: Edges, rules: Rules = Rules()) -> LayerGraph:  # noqa: B008
    return layers_of(nir.NIRGraph(parts, edges, type_check=False), rules)


def chained(parts: dict[str, nir.NIRNode], more: Edges = [], rules: Rules = Rules()) -> LayerGraph:  # noqa: B006, B008
    return read(parts, edges_of(parts, more), rules)


def weighted(graph: LayerGraph) -> list[GraphLayer]:
    return [layer for layer in graph.layers if isinstance(layer, GraphLayer)]


def shapes(graph: LayerGraph) -> list[list[object]]:
    """Where each layer's weights lead from, and how."""
    return [
        [(each.sources, each.kernel, each.padding, each.stride, each.pool) for each in la.weights] for la in weighted(graph)
    ]


def test_a_chain_in_thresholds_behind_averages() -> None:
    parts = nodes()
    graph = chained(parts)
    assert (graph.entry, graph.shape, graph.notes) == ("in", (1, 9, 9), ())
    assert [layer.node for layer in graph.layers] == ["n1", "n2", "fc"]
    assert [layer.keep for layer in weighted(graph)] == [0.5, 0.5, None]
    assert shapes(graph) == [[(("in",), 2, 0, 1, 1)], [(("n1",), 3, 1, 1, 2)], [(("n2",), None, 0, 1, 2)]]
    first, second, last = weighted(graph)
    assert np.array_equal(first.weights[0].weight, parts["c1"].weight.astype(float) / 4)  # r dt / tau is 1, the threshold 4
    assert np.array_equal(second.weights[0].weight, parts["c2"].weight.astype(float) / 2)
    assert np.array_equal(second.bias, parts["c2"].bias.astype(float) / 2 - 2**-21)  # only above the threshold it spikes
    assert np.array_equal(last.weights[0].weight, parts["fc"].weight.astype(float) * 4)  # a sum is 4 averages
    assert np.array_equal(last.bias, parts["fc"].bias.astype(float))


def test_other_resets_are_said_and_the_read_out_keeps_its_leak() -> None:
    parts = nodes()
    parts = dict(list(parts.items())[:-1]) | {"n3": lif(3, tau=4e-4), "out": parts["out"]}
    graph = chained(parts, rules=writer_rules("snntorch", {}))
    assert graph.layers[-1].node == "n3"
    assert weighted(graph)[-1].keep == 0.75
    assert "become resets to zero at once" in graph.notes[0]


def test_strides_and_leaks_of_each_layer() -> None:
    graph = chained(nodes() | {"c2": conv(6, 4, stride=2), "n2": lif(6, 2, 2, tau=4e-4), "sum": flatten(6, 2, 2)})
    assert shapes(graph)[1] == [(("n1",), 3, 1, 2, 2)]
    assert [layer.keep for layer in weighted(graph)] == [0.5, 0.75, None]


def residual() -> dict[str, nir.NIRNode]:
    """A block whose spikes are added in front of weights, one whose shortcut joins without weights, and one behind a kernel."""
    return {
        "in": nir.Input(np.array([1, 8, 8])),
        "c1": conv(4, 1),
        "n1": lif(4, 8, 8),
        "c2": conv(4, 4),
        "n2": lif(4, 8, 8),
        "c3": conv(4, 4),
        "n3": lif(4, 8, 8, threshold=4.0),
        "c4": conv(8, 4, stride=2),
        "n4": lif(8, 4, 4),
        "avg": pool(nir.AvgPool2d, 4),
        "flat": flatten(8, 1, 1),
        "fc": nir.Affine(array(3, 8), array(3)),
        "out": nir.Output(np.array([3])),
        "down": conv(8, 4, side=1, stride=2, padding=0),
    }


AROUND = [("n1", "c3"), ("n2", "n3"), ("n1", "down"), ("down", "n4"), ("out", "down")]


def test_spikes_are_added_in_front_of_weights_and_into_currents() -> None:
    parts = residual()
    graph = read(parts, [edge for edge in edges_of(parts, AROUND) if edge != ("out", "down")])
    assert shapes(graph)[2:] == [
        [(("n2", "n1"), 3, 1, 1, 1)],
        [(("n3",), 3, 1, 2, 1), (("n1",), 1, 0, 2, 1)],
        [(("n4",), None, 0, 1, 4)],
    ]
    assert [layer.shortcuts for layer in weighted(graph)] == [{}, {}, {"n2": 0.25}, {}, {}]
    third, fourth = weighted(graph)[2:4]
    assert np.array_equal(
        third.bias, parts["c3"].bias.astype(float) / 4 - 2**-21
    )  # once, though two bring spikes to the kernel
    assert np.array_equal(fourth.bias, (parts["c4"].bias.astype(float) + parts["down"].bias) / 2 - 2**-21)
    assert np.array_equal(fourth.weights[1].weight, parts["down"].weight.astype(float) / 2)


def or_pool(threshold: float) -> dict[str, nir.NIRNode]:
    one = nir.Conv2d(None, np.eye(4, dtype=np.float32)[:, :, None, None] * np.ones((2, 2)), 2, 0, 1, 1, np.zeros(4))
    neurons = {"or": lif(4, 4, 4, threshold=threshold), "c2": conv(6, 4)}
    parts = nodes() | {"avg": one}
    names = list(parts)
    place = names.index("avg") + 1
    return {name: parts[name] for name in names[:place]} | neurons | {name: parts[name] for name in names[place + 1 :]}


@pytest.mark.parametrize(("threshold", "compare", "ors"), [(0, ">", True), (1, ">=", True), (0.5, ">", True), (1, ">", False)])
def test_neurons_of_which_one_spike_is_enough_are_a_max_pool(threshold: float, compare: Any, ors: bool) -> None:
    graph = chained(or_pool(threshold), rules=Rules(compare=compare))
    assert (graph.layers[1] == OrPool("or", "n1", 2)) == ors  # else two are needed
    assert shapes(graph)[-2:] == [[(("or",), 3, 1, 1, 1)], [(("n2",), None, 0, 1, 2)]]


def cuba(n: int) -> nir.NIRNode:
    one = np.ones(n, np.float32)
    return nir.CubaLIF(one * 2e-4, one * 2e-4, one, one * 0, one, one * 0)


@pytest.mark.parametrize(
    ("change", "edges", "message"),
    [
        ({"n2": cuba(96)}, [], "node 'n2' is a CubaLIF; training has neurons without currents"),
        ({"flat": nir.Delay(np.full(24, 1e-4))}, [], "node 'flat' is a Delay, which training does not have"),
        ({}, [("n1", "c1")], "node 'n1' is part of a loop"),
        ({}, [("n1", "n2")], "node 'n2': its 96 neurons do not fit inputs of shape (6, 4, 4) and (4, 8, 8)"),
        ({}, [("avg", "n2")], "node 'n2': its 96 neurons do not fit inputs of shape (6, 4, 4) and (4, 4, 4)"),
        ({"c2": conv(6, 4, groups=2)}, [], "node 'c2': training has kernels without dilation and groups"),
        ({"c2": conv(6, 4, padding=(0, 1))}, [], "node 'c2': padding of 0 x 1; training has the same on all sides"),
        ({"avg": pool(nir.AvgPool2d, 2, 1)}, [], "node 'avg': training has square pools of patches side by side"),
        (
            {"c2": nir.Scale(np.ones(1)), "n2": lif(4, 4, 4), "fc": nir.Linear(array(3, 16))},
            [],
            "node 'n2' has no weights in front of it",
        ),
        ({}, [("n1", "flat")], "node 'fc' takes 24 inputs and gets (256,)"),
        ({"n1": lif(4, 8, 8, threshold=-1.0)}, [], "node 'n1': its threshold of -1 is not above 0"),
        ({"n2": nir.Threshold(np.ones(1))}, [], "node 'n2' is a Threshold, which has no counterpart"),
        ({"n2": nir.I(np.ones((6, 4, 4)))}, [], "node 'n2' is an integrator in the middle"),
        ({"fc": nir.Affine(array(3, 25), array(3))}, [], "node 'fc' takes 25 inputs and gets (24,)"),
        ({"flat": nir.Scale(np.ones(1)), "fc": conv(3, 6)}, [], "node 'fc': the last weights are a convolution"),
        ({"c2": conv(6, 5)}, [], "node 'c2'"),
    ],
)
def test_what_training_does_not_have_is_refused_by_name(change: dict[str, nir.NIRNode], edges: Edges, message: str) -> None:
    with pytest.raises(SnncError) as error:
        chained(nodes() | change, edges)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_one_layer_is_no_chain() -> None:
    parts = nodes()
    with pytest.raises(SnncError, match="needs a layer of spiking neurons and a last layer of weights"):
        chained({name: parts[name] for name in ("in", "c1", "n1")} | {"out": nir.Output(np.array([4, 8, 8]))})
    with pytest.raises(SnncError, match="needs a layer of spiking neurons and a last layer of weights"):
        chained({"in": parts["in"], "out": nir.Output(np.array([1, 9, 9]))})
