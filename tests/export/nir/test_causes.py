"""Each rounding is charged with the spikes that it changes, and with no others."""

from itertools import pairwise

import nir
import numpy as np
import pytest

from snnc.export.nir.causes import causes
from snnc.export.nir.importer import import_nir
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.rules import Rules
from snnc.toolchain.network.network import INPUT
from snnc.toolchain.simulate.reference import simulate

RNG = np.random.default_rng(5)
WHOLE, FLOAT = RNG.integers(-2, 3, (12, 10)).astype(float), RNG.normal(size=(12, 10))


def lif(tau: float = 2e-4, threshold: float = 2.0) -> nir.LIF:
    return nir.LIF(*(np.full(12, each) for each in (tau, tau / 1e-4, 0, threshold, 0)))


def cuba() -> nir.CubaLIF:
    return nir.CubaLIF(*(np.full(12, each) for each in (4e-4, 4e-4, 4, 0, 2, 0, 4)))


CASES = [
    (WHOLE, 0.0, lif(), ">", set()),
    (WHOLE, 0.0, lif(1e-3), ">", {"leak"}),
    (FLOAT, 0.0, lif(), ">", {"weights"}),
    (WHOLE, 1.0, cuba(), ">", {"bias"}),
    (WHOLE, 0.0, lif(threshold=3.0), ">=", {">="}),
]


@pytest.mark.parametrize(("weight", "bias", "node", "compare", "expected"), CASES, ids=range(len(CASES)))
def test_what_is_charged(weight: np.ndarray, bias: float, node: nir.NIRNode, compare: str, expected: set[str]) -> None:
    nodes = {
        **{"input": nir.Input(np.array([10])), "w": nir.Affine(weight, np.full(12, bias))},
        **{"n": node, "output": nir.Output(np.array([12]))},
    }
    graph, rules, steps = nir.NIRGraph(nodes, list(pairwise(nodes))), Rules(compare=compare), 24  # type: ignore[arg-type]
    imported = import_nir(graph, steps, rules, bits=6)
    x = RNG.integers(0, 2, (steps, 400, 10))
    real, ours = interpret(graph, x, rules)["n"].sent, simulate(imported.network, x)
    found = causes(imported.real["n"], imported.network.layers[0], imported.factors["n"], {INPUT: x.astype(float)}, rules)
    assert expected <= found.keys()
    assert found.keys() - expected <= {"leak"}  # which every long run feels a little
    total = int((ours.spikes["n"] != real.astype(bool)).sum())
    assert (total > 0) == bool(found)
    if expected:
        assert max(found, key=lambda what: found[what]) in expected
        assert 0.3 * total < max(found.values()) < 3 * total
