"""NIR graphs as chains that can be trained: what is read, and what is refused by the node's name."""

from typing import Any

import nir
import numpy as np
import pytest

from snnc.export.nir.chain import Chain, chain_of
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


def chained(parts: dict[str, nir.NIRNode], more: Edges = [], rules: Rules = Rules()) -> Chain:  # noqa: B006, B008
    names = list(parts)
    return chain_of(nir.NIRGraph(parts, [*zip(names, names[1:], strict=False), *more], type_check=False), rules)  # noqa: RUF007


def test_a_chain_in_thresholds_behind_averages() -> None:
    parts = nodes()
    chain = chained(parts)
    assert (chain.shape, chain.keep, chain.notes) == ((1, 9, 9), 0.5, ())
    assert [(each.node, each.kernel, each.padding, each.pool) for each in chain.layers] == [
        ("n1", 2, 0, 1),
        ("n2", 3, 1, 2),
        ("fc", None, 0, 2),
    ]
    assert np.allclose(chain.layers[0].weight, parts["c1"].weight / 4)  # r dt / tau is 1, the threshold 4
    assert np.allclose(chain.layers[1].bias, parts["c2"].bias / 2)
    assert np.allclose(chain.layers[2].weight, parts["fc"].weight * 4)  # a sum is 4 averages
    assert np.allclose(chain.layers[2].bias, parts["fc"].bias)


def test_other_resets_and_another_leak_of_the_read_out_are_said() -> None:
    parts = nodes()
    parts = dict(list(parts.items())[:-1]) | {"n3": lif(3, tau=4e-4), "out": parts["out"]}
    chain = chained(parts, rules=writer_rules("snntorch", {}))
    assert chain.layers[-1].node == "n3"
    assert "become resets to zero at once" in chain.notes[0]
    assert "'n3' becomes the read-out, which keeps 0.5" in chain.notes[1]


def cuba(n: int) -> nir.NIRNode:
    one = np.ones(n, np.float32)
    return nir.CubaLIF(one * 2e-4, one * 2e-4, one, one * 0, one, one * 0)


@pytest.mark.parametrize(
    ("change", "edges", "message"),
    [
        ({"n2": cuba(96)}, [], "node 'n2' is a CubaLIF; training has neurons without currents"),
        ({"flat": nir.Delay(np.full(24, 1e-4))}, [], "node 'flat' is a Delay, which training does not have"),
        ({}, [("n1", "c1")], "node 'n1' is part of a loop"),
        ({}, [("n1", "n2")], "node 'n1' sends to 2 nodes; training takes chains without shortcuts"),
        ({"c2": conv(6, 4, stride=2)}, [], "node 'c2': training has square kernels without stride, dilation and groups"),
        ({"c2": conv(6, 4, groups=2)}, [], "node 'c2': training has square kernels"),
        ({"c2": conv(6, 4, padding=(0, 1))}, [], "node 'c2': padding of (0, 1); training has the same on all sides"),
        ({"avg": pool(nir.AvgPool2d, 2, 1)}, [], "node 'avg': training has square pools of patches side by side"),
        ({"c2": nir.Scale(np.ones(1))}, [], "node 'n2' has no weights in front of it"),
        ({"n2": lif(6, 4, 4, tau=4e-4)}, [], "node 'n2' keeps 0.75 of its membrane and 'n1' keeps 0.5; training has one beta"),
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
