"""NIR graphs that users brought, through `snnc import` as they type it, against spikes written out in numpy."""

import json
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest
from click.testing import CliRunner, Result

import snnc
from snnc.cli.main import main

SINGLE = np.float32


def imported(path: Path, graph: nir.NIRGraph, *options: object, suffix: str = ".net") -> tuple[Result, snnc.Network]:
    """Write a graph, import it with a step of 0.1 ms, and return what was printed and the network."""
    source, output = path / "a.nir", path / f"a{suffix}"
    nir.write(source, graph)
    arguments = ["import", str(source), "--dt", "1e-4", "-o", str(output), *map(str, options)]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result, snnc.read_network(output)


def graph_of(*nodes: tuple[str, nir.NIRNode]) -> nir.NIRGraph:
    return nir.NIRGraph(dict(nodes), list(pairwise(name for name, _ in nodes)))


def lif(shape: int | tuple[int, ...], tau: float, r: float, threshold: float) -> nir.LIF:
    one = np.ones(shape, SINGLE)
    return nir.LIF(
        tau=one * SINGLE(tau), r=one * SINGLE(r), v_leak=one * 0, v_threshold=one * SINGLE(threshold), v_reset=one * 0
    )


def ends(first: tuple[int, ...], last: int) -> tuple[tuple[str, nir.Input], tuple[str, nir.Output]]:
    return ("input", nir.Input(np.array(first))), ("output", nir.Output(np.array([last])))


@pytest.mark.parametrize(
    ("tau", "threshold", "weights", "steps"),
    [(0.0025, 0.1, [[-1, 2, 1], [1, 1, -1]], 200), (0.0002, 0.1, [[1, 2, -1], [1, 1, 1]], 40)],
)
def test_a_threshold_in_float32_loses_no_unit(
    tmp_path: Path, tau: float, threshold: float, weights: list[list[int]], steps: int
) -> None:
    w = np.array(weights, SINGLE)
    first, last = ends((3,), 2)
    graph = graph_of(first, ("w", nir.Affine(w, np.zeros(2, SINGLE))), ("lif", lif(2, tau, 1, threshold)), last)
    _, network = imported(tmp_path, graph, "-T", steps)
    x = np.random.default_rng(1).integers(0, 2, (steps, 64, 3))
    v, want = np.zeros((64, 2)), np.zeros((steps, 64, 2), bool)
    for t in range(steps):  # Euler's step of NIR's definition, in float64
        v = v + 1e-4 / float(SINGLE(tau)) * (x[t] @ w.T.astype(float) - v)
        want[t] = v > float(SINGLE(threshold))
        v[want[t]] = 0
    assert want.sum() > 3000
    assert np.array_equal(snnc.simulate(network, x).spikes["lif"], want)


def test_an_exact_graph_agrees_to_all_of_it(tmp_path: Path) -> None:
    w = np.random.default_rng(2).integers(-1, 3, (5, 6)).astype(SINGLE)
    first, last = ends((6,), 5)
    graph = graph_of(first, ("w", nir.Linear(w)), ("lif", lif(5, 2e-4, 2, 3)), last)
    result, _ = imported(tmp_path, graph, "-T", 5, "--json")
    printed = json.loads(result.output)
    assert printed["layers"][0]["agreement"] == 1
    assert printed["layers"][0]["spikes"] > 50
    assert printed["rounded"] == []
    assert printed["notes"] == ["layer 'lif': read as decay 0.5 (stored 0.499999987)"]


def test_float_biases_reach_a_net_file(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    first, last = ends((16,), 5)
    nodes: list[tuple[str, nir.NIRNode]] = [first]
    for name, out, fan_in, spread in (("l1", 24, 16, 0.4), ("l2", 5, 24, 0.5)):
        weight, bias = rng.normal(0, spread, (out, fan_in)), rng.normal(0, 0.3, out)
        nodes += [("w" + name, nir.Affine(weight.astype(SINGLE), bias.astype(SINGLE))), (name, lif(out, 2e-4, 2, 1))]
    for suffix in (".net", ".onnx"):
        result, network = imported(tmp_path, graph_of(*nodes, last), "-T", 7, "--json", suffix=suffix)
        printed = json.loads(result.output)
        assert all(layer["agreement"] > 0.985 for layer in printed["layers"])
        assert any("biases were rounded" in line for line in printed["rounded"])
        assert any(layer["causes"] for layer in printed["layers"])
        whole = all((layer.neuron.bias % 64 == 0).all() for layer in network.layers)
        assert whole == (suffix == ".net")


def test_a_current_based_neuron_is_the_chips_own(tmp_path: Path) -> None:
    w = np.random.default_rng(2).integers(-1, 3, (5, 6))
    one = np.ones(5)
    cuba = nir.CubaLIF(2e-4 * one, 2e-4 * one, 2 * one, 0 * one, 3 * one, 0 * one, 2 * one)
    first, last = ends((6,), 5)
    _, network = imported(tmp_path, graph_of(first, ("w", nir.Linear(w.astype(SINGLE))), ("cuba", cuba), last), "-T", 6)
    assert network.layers[0].neuron.du == 2047
    x = np.random.default_rng(0).integers(0, 2, (6, 64, 6))
    i, v, want = np.zeros((64, 5)), np.zeros((64, 5)), []
    for now in x:
        i = 0.5 * i + now @ w.T
        v = 0.5 * v + i
        want.append(v > 3)
        v = np.where(want[-1], 0, v)
    assert np.array_equal(snnc.simulate(network, x).spikes["cuba"], np.stack(want))


def test_a_pool_of_an_image_of_side_5(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    k, w = rng.integers(-1, 2, (3, 2, 2, 2)), rng.integers(-1, 2, (4, 12))
    two = np.array([2, 2])
    nodes = [
        ("conv", nir.Conv2d((6, 6), k.astype(SINGLE), 1, 0, 1, 1, np.zeros(3, SINGLE))),
        *(("l1", lif((3, 5, 5), 2e-4, 2, 1)), ("pool", nir.AvgPool2d(two, two, 0 * two))),
        ("flat", nir.Flatten({"input": np.array([3, 2, 2])}, 0, -1)),
        *(("w", nir.Linear(w.astype(SINGLE))), ("l2", lif(4, 2e-4, 2, 0.5))),
    ]
    first, last = ends((2, 6, 6), 4)
    _, network = imported(tmp_path, graph_of(first, *nodes, last), "-T", 6)
    x = rng.integers(0, 2, (6, 32, 2, 6, 6))
    v1, v2, want = np.zeros((32, 3, 5, 5)), np.zeros((32, 4)), []
    for now in x:
        patches = np.lib.stride_tricks.sliding_window_view(now, (2, 2), axis=(2, 3))  # type: ignore[call-overload]
        v1 = 0.5 * v1 + np.einsum("bchwij,ocij->bohw", patches, k)
        s1 = v1 > 1
        v1 = np.where(s1, 0, v1)
        v2 = 0.5 * v2 + s1[:, :, :4, :4].reshape(32, 3, 2, 2, 2, 2).mean((3, 5)).reshape(32, -1) @ w.T
        want.append(v2 > 0.5)
        v2 = np.where(want[-1], 0, v2)
    assert np.array_equal(snnc.simulate(network, x).spikes["l2"], np.stack(want))
