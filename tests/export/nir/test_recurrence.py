"""Loops through neurons become recurrent synapses of one step, and Delay nodes become delays, spike for spike."""

from pathlib import Path

import nir
import numpy as np
import pytest
from foreign_graphs import recurrent_snntorch
from hypothesis import given, settings
from hypothesis import strategies as st
from peers import skip_without

from snnc.export import TARGETS
from snnc.export.nir.dialects import NirOptions
from snnc.export.nir.importer import Imported, import_nir
from snnc.export.nir.interpreter import interpret
from snnc.export.nir.rules import Rules, writer_rules
from snnc.export.nir.runner import run_nir
from snnc.toolchain.errors import CannotExport, FileFormatError
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.toolchain.simulate.reference import simulate

DT = 1e-4


def lif(count: int, threshold: float = 2.0) -> nir.LIF:
    return nir.LIF(*(np.full(count, each) for each in (2 * DT, 2.0, 0.0, threshold, 0.0)))


def graph(nodes: dict[str, nir.NIRNode], edges: list[tuple[str, str]], inputs: int, outputs: int) -> nir.NIRGraph:
    ends = {"input": nir.Input(np.array([inputs])), "output": nir.Output(np.array([outputs]))}
    return nir.NIRGraph(ends | nodes, edges, type_check=False)


def whole(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(-1, 3, shape).astype(float)


def assert_equal(made: nir.NIRGraph, rng: np.random.Generator, inputs: int) -> Imported:
    imported = import_nir(made, 6, Rules())
    assert imported.rounded == []
    x = rng.integers(0, 2, (6, 30, inputs))
    theirs, ours = interpret(made, x, Rules()), simulate(imported.network, x)
    for layer, node in imported.nodes.items():
        assert np.array_equal(theirs[node].sent, ours.spikes[layer]), layer
    return imported


def test_a_loop_by_hand() -> None:
    nodes = {"w": nir.Linear(np.array([[3.0]])), "a": lif(1), "back": nir.Affine(np.array([[-2.0]]), np.array([1.0]))}
    edges = [("input", "w"), ("w", "a"), ("a", "back"), ("back", "a"), ("a", "output")]
    made = graph(nodes, edges, 1, 1)
    x = np.ones((5, 1, 1))
    v, spike, want = 0.0, 0.0, []
    for _ in range(5):  # the bias of the way back is there from the first step, what it brings is a step old
        v = v / 2 + 3 + (-2 * spike + 1)
        spike = float(v > 2)
        want.append(spike)
        v = 0.0 if spike else v
    assert interpret(made, x, Rules())["a"].sent.ravel().tolist() == want
    imported = import_nir(made, 5, Rules())
    assert simulate(imported.network, x.astype(int)).spikes["a"].ravel().tolist() == want
    assert [(each.source, each.delay) for each in imported.network.layers[0].synapses] == [("input", 0), ("a", 1)]


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_random_loops_and_delays(seed: int) -> None:
    rng = np.random.default_rng(seed)
    nodes: dict[str, nir.NIRNode] = {"w1": nir.Affine(whole(rng, 5, 4), whole(rng, 5)), "a": lif(5)}
    nodes |= {"w2": nir.Linear(np.abs(whole(rng, 3, 5))), "b": lif(3, 1.0)}
    edges = [("input", "w1"), ("w1", "a"), ("w2", "b"), ("b", "output")]
    steps = int(rng.integers(0, 4))
    if steps:
        nodes["late"] = nir.Delay(np.full(5, steps * DT))
        edges += [("a", "late"), ("late", "w2")]
    else:
        edges.append(("a", "w2"))
    if rng.random() < 0.6:
        nodes["own"] = nir.Affine(whole(rng, 5, 5) - 1, whole(rng, 5))
        edges += [("a", "own"), ("own", "a")]
    if rng.random() < 0.6:
        nodes["back"] = nir.Linear(whole(rng, 5, 3) - 1)
        edges += [("b", "back"), ("back", "a")]
    imported = assert_equal(graph(nodes, edges, 4, 3), rng, 4)
    delays = {(layer.name, each.source): each.delay for layer in imported.network.layers for each in layer.synapses}
    assert delays["b", "a"] == steps
    assert delays.get(("a", "a"), 1) == delays.get(("a", "b"), 1) == 1


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(3))
def test_recurrent_layers_of_snntorch(seed: int, capfd: pytest.CaptureFixture[str]) -> None:
    skip_without("snntorch")
    theirs = recurrent_snntorch(seed)
    capfd.readouterr()
    imported = import_nir(theirs.graph, len(theirs.samples), writer_rules(theirs.writer, theirs.stated))
    ours = simulate(imported.network, theirs.samples)
    for layer, real in zip(imported.network.layers, theirs.spikes, strict=True):
        assert np.array_equal(real.astype(bool), ours.spikes[layer.name])
        assert real.any()


def test_what_has_no_step_is_named() -> None:
    nodes = {"w": nir.Linear(np.eye(2)), "a": lif(2), "late": nir.Delay(np.array([DT, 2 * DT])), "b": lif(2)}
    edges = [("input", "w"), ("w", "a"), ("a", "late"), ("late", "b"), ("b", "output")]
    with pytest.raises(FileFormatError, match="node 'late': its delay is 1 to 2 time steps"):
        import_nir(graph(nodes, edges, 2, 2), 5, Rules())
    nodes["late"] = nir.Delay(np.full(2, DT / 3))
    with pytest.raises(FileFormatError, match=r"node 'late': its delay is 0.333333 to 0.333333 time steps"):
        import_nir(graph(nodes, edges, 2, 2), 5, Rules())
    shared = {"w": nir.Linear(np.eye(2)), "a": lif(2), "both": nir.Linear(np.eye(2)), "b": lif(2)}
    edges = [("input", "w"), ("w", "a"), ("a", "both"), ("both", "a"), ("both", "b"), ("b", "output")]
    with pytest.raises(CannotExport, match="node 'both' feeds neurons of a loop and others behind it"):
        import_nir(graph(shared, edges, 2, 2), 5, Rules())


def written(layers: tuple[Layer, ...]) -> Network:
    return Network("loops", 6, Input((4,), 0, 1), layers, "spikes")


def populations(rng: np.random.Generator) -> tuple[Layer, ...]:
    def population(name: str, count: int, *sources: tuple[str, int, int]) -> Layer:
        synapses = tuple(Dense(source, rng.integers(-1, 3, (count, fan_in)), delay) for source, fan_in, delay in sources)
        return Layer(name, synapses, Lif((count,), 1, 2048, rng.integers(0, 2, (count,))))

    first = population("a", 5, ("input", 4, 0), ("a", 5, int(rng.integers(1, 4))), ("b", 3, 1))
    return first, population("b", 3, ("a", 5, int(rng.integers(0, 3))), ("input", 4, 2))


@pytest.mark.parametrize("seed", range(4))
def test_loops_and_delays_are_written_and_read_back(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    network = written(populations(rng))
    TARGETS["nir"].write(network, tmp_path / "a.nir")
    assert TARGETS["nir"].read(tmp_path / "a.nir") == network
    x = rng.integers(0, 2, (6, 20, 4))
    ours, theirs = simulate(network, x), run_nir(network, x, file=tmp_path / "a.nir")
    for layer in network.layers:
        assert np.array_equal(ours.spikes[layer.name], theirs.spikes[layer.name])
        assert np.array_equal(ours.membranes[layer.name], theirs.membranes[layer.name])
        assert ours.spikes[layer.name].any()
    refused = [str(each) for each in TARGETS["nir"].violations(network, NirOptions("snntorch"))]
    assert any("which snntorch does not read; take --dialect spec" in each for each in refused)


def test_loops_that_could_be_read_in_another_order_are_refused() -> None:
    rng = np.random.default_rng(0)
    a, b = populations(rng)
    late = Layer("a", (Dense("b", rng.integers(-1, 2, (5, 3)), 1),), a.neuron)  # nothing but the loop leads to the first layer
    network = written((late, b))
    assert any("can be read in another order" in str(each) for each in TARGETS["nir"].violations(network))
