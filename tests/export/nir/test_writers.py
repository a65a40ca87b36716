"""Graphs that norse, snnTorch and spikingjelly write themselves: who wrote them, and every spike that they compute."""

from pathlib import Path

import nir
import numpy as np
import pytest
from foreign_graphs import FRAMEWORKS, NODES, Foreign, foreign
from peers import skip_without

from snnc.export.nir.file import read_graph
from snnc.export.nir.importer import Imported, import_nir
from snnc.export.nir.rules import Rules
from snnc.export.nir.writers import rules_for
from snnc.toolchain.errors import ConfigError
from snnc.toolchain.simulate.reference import simulate

PAGE = Path(__file__).parents[3] / "docs" / "foreign.md"


def differences(theirs: Foreign, folder: Path) -> tuple[Imported, list[str], list[tuple[int, int]]]:
    """Import a graph as its writer's own; return that, its notes, and for each layer how many spikes differ, of how many."""
    nir.write(folder / "a.nir", theirs.graph)
    graph = read_graph(folder / "a.nir")
    rules, notes = rules_for(graph, "auto", theirs.stated)
    imported, counts = import_nir(graph, len(theirs.samples), rules), []
    ours = simulate(imported.network, theirs.samples.reshape(*theirs.samples.shape[:2], *imported.network.input.shape))
    for layer, spikes in zip(imported.network.layers, theirs.spikes, strict=True):
        shape = layer.output_shape
        real = spikes[..., : shape[-2], : shape[-1]] if len(shape) == 3 else spikes
        counts.append((int((real.astype(bool) != ours.spikes[layer.name]).sum()), real.size))
        assert real.any()
    return imported, notes, counts


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("seed", range(4))
def test_an_imported_network_spikes_as_in_its_own_framework(
    framework: str, seed: int, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    skip_without(framework)
    theirs = foreign(framework, seed)
    capfd.readouterr()  # what they print
    imported, notes, counts = differences(theirs, tmp_path)
    assert any(f"conventions of {theirs.writer} explain" in note for note in notes)
    assert (framework == "norse") == any("1000 times too small" in note for note in notes)
    assert imported.rounded == []
    assert [differ for differ, _ in counts] == [0, 0, 0]


def table(folder: Path) -> str:
    """Measure the table of the page: 4 networks of each kind, 4 steps, 20 samples."""
    lines = ["| framework | node | whole weights | float weights |", "|---|---|---|---|"]
    for framework, nodes in NODES.items():
        both = [
            np.sum([differences(foreign(framework, seed, floats=floats), folder)[2] for seed in range(4)], axis=0)
            for floats in (False, True)
        ]
        for node, (exact, of), (rounded, _) in zip(nodes, *both, strict=True):
            assert exact == 0
            lines.append(f"| {framework} | {node} | exact: 0 of {of:,} differ | rounded: {rounded / of:.2%} differ |")
    return "\n".join(lines)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_the_page_says_what_is_measured(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for framework in FRAMEWORKS:
        skip_without(framework)
    measured = table(tmp_path)
    capfd.readouterr()
    assert measured in PAGE.read_text(encoding="utf-8"), measured


def lif(**parameters: object) -> nir.LIF:
    values = {"tau": 2e-4, "r": 2.0, "v_leak": 0.0, "v_threshold": 1.0, "v_reset": 0.0} | parameters
    return nir.LIF(**{name: np.full(2, value, getattr(value, "dtype", np.float32)) for name, value in values.items()})


def graph_of(node: nir.NIRNode) -> nir.NIRGraph:
    nodes = {"input": nir.Input(np.array([2])), "w": nir.Linear(np.eye(2)), "n": node, "output": nir.Output(np.array([2]))}
    return nir.NIRGraph(nodes, [("input", "w"), ("w", "n"), ("n", "output")], type_check=False)


ONE, TWO = np.ones(2, np.float32), np.full(2, 2.0)


@pytest.mark.parametrize(
    ("node", "writer"),
    [
        (lif(tau=2e-3 * ONE, r=ONE, v_threshold=ONE), "norse"),
        (lif(tau=2e-6 * ONE, r=ONE, v_threshold=ONE), "norse"),
        (lif(tau=2e-4 * ONE, r=2 * ONE, v_threshold=ONE), "snntorch"),
        (lif(tau=TWO * 1e-4, r=TWO, v_threshold=TWO), "spikingjelly"),
        (lif(tau=TWO * 1e-4, r=TWO / 2, v_threshold=TWO), "spikingjelly"),
        (lif(tau=20 * ONE, r=ONE, v_threshold=ONE), "sinabs"),
    ],
)
def test_writers_are_known_by_their_marks(node: nir.LIF, writer: str) -> None:
    _, notes = rules_for(graph_of(node), "auto", {})
    assert f"only the conventions of {writer} explain" in notes[0]


def test_where_several_explain_a_graph_or_none_that_is_said() -> None:
    with pytest.raises(ConfigError, match="norse and sinabs explain the graph equally well; choose with --writer"):
        rules_for(graph_of(nir.IF(r=ONE, v_threshold=ONE, v_reset=0 * ONE)), "auto", {})
    with pytest.raises(ConfigError, match="no writer's conventions explain the graph"):
        rules_for(graph_of(lif(r=7 * ONE, v_threshold=ONE)), "auto", {})
    with pytest.raises(ConfigError, match="writer 'brian' is unknown"):
        rules_for(graph_of(lif()), "brian", {})


def only_layer(node: nir.NIRNode, rules: Rules) -> Imported:
    return import_nir(graph_of(node), 5, rules)


def test_sinabs_gain_is_chosen() -> None:
    node = lif(tau=2 * ONE, r=ONE, v_threshold=ONE)
    stated = {"reset": "zero"}
    unit = only_layer(node, rules_for(graph_of(node), "sinabs", stated)[0])
    normalized = only_layer(node, rules_for(graph_of(node), "sinabs", stated | {"gain": "normalized"})[0])
    ratios = [
        each.network.layers[0].neuron.vth / each.network.layers[0].synapses[0].weight.max() for each in (unit, normalized)
    ]
    assert ratios == pytest.approx([1, 1 / (1 - np.exp(-0.5))], rel=0.03)
