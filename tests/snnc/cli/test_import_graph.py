"""snnc import as a user types it."""

import json
from pathlib import Path

import nir
import numpy as np
import pytest
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.export import TARGETS, read_network


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A graph as spikingjelly might write it: dense layers of +-1, hard reset."""
    rng = np.random.default_rng(0)
    first, second = (rng.integers(-1, 2, shape).astype(np.float32) for shape in ((12, 64), (5, 12)))
    nodes: dict[str, nir.NIRNode] = {"input": nir.Input(np.array([64]))}
    for name, weight in (("1", first), ("2", second)):
        size = len(weight)
        nodes["fc" + name] = nir.Affine(weight, np.zeros(size, np.float32))
        zero, one = np.zeros(size, np.float32), np.ones(size, np.float32)
        nodes["lif" + name] = nir.LIF(tau=2e-4 * one, r=2 * one, v_leak=zero, v_threshold=2 * one, v_reset=zero)
    nodes["output"] = nir.Output(np.array([5]))
    names = list(nodes)
    nir.write(tmp_path / "graph.nir", nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False))))  # noqa: RUF007
    return tmp_path / "graph.nir"


@pytest.mark.parametrize("suffix", [target.suffix for target in TARGETS.values()])
def test_an_imported_graph_is_written_and_agrees(foreign: Path, suffix: str) -> None:
    output = foreign.with_name("model" + suffix)
    result = snnc("import", foreign, "-T", 5, "--writer", "spikingjelly", "-o", output)
    assert result.exit_code == 0, result.output
    assert "all equal" in result.output
    assert "written, read back and equal" in result.output
    assert read_network(output).timesteps == 5
    report = json.loads(snnc("import", foreign, "-T", 5, "--writer", "spikingjelly", "-o", output, "--json").output)
    assert [layer["layer"] for layer in report["layers"]] == ["lif1", "lif2"]
    assert all(layer["agreement"] == 1 for layer in report["layers"])
    assert sum(layer["spikes"] for layer in report["layers"]) > 100
    assert report["rounded"] == []


def test_conventions_that_are_stated_win(foreign: Path) -> None:
    refused = snnc("import", foreign, "-T", 5, "--writer", "snntorch", "-o", foreign.with_suffix(".net"))
    assert refused.exit_code == 2
    assert "node 'lif1': its reset subtracts the threshold" in refused.output
    stated = ("--reset", "zero", "--reset-delay", 0)
    assert snnc("import", foreign, "-T", 5, "--writer", "snntorch", *stated, "-o", foreign.with_suffix(".net")).exit_code == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "a.txt"], "a.txt: unknown suffix '.txt'; allowed are .net, .nir, .onnx"),
        (["-o", "a.net", "--writer", "brian"], "'brian' is not one of 'spec', 'norse'"),
        (["-o", "a.net", "--bits", "1"], "--bits 1 is not possible"),
        (["-o", "a.net", "--dt", "0"], "a time step of 0.0 s is not possible"),
        (["-o", "a.net", "--input-range", "1", "0"], "input: minimum 1 is above maximum 0; swap them"),
    ],
)
def test_bad_options_are_one_line(foreign: Path, options: list[str], message: str) -> None:
    result = snnc("import", foreign, "-T", 5, *options)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


def strong(path: Path, threshold: float, *, readout: bool = False) -> Path:
    """A graph of one layer of weights 1 and a high threshold, and perhaps a leaky integrator behind it."""
    one = np.ones(3, np.float32)
    nodes = {"input": nir.Input(np.array([4])), "w": nir.Linear(np.ones((3, 4), np.float32))}
    nodes["lif"] = nir.LIF(tau=2e-4 * one, r=2 * one, v_leak=0 * one, v_threshold=threshold * one, v_reset=0 * one)
    if readout:
        nodes |= {"w2": nir.Linear(np.eye(3, dtype=np.float32)), "li": nir.LI(tau=2e-4 * one, r=2 * one, v_leak=0 * one)}
    nodes["output"] = nir.Output(np.array([3]))
    names = list(nodes)
    nir.write(path, nir.NIRGraph(nodes, list(zip(names, names[1:], strict=False))))  # noqa: RUF007
    return path


def test_inputs_are_strong_enough_that_something_spikes(tmp_path: Path) -> None:
    graph, output = strong(tmp_path / "a.nir", 40.0), tmp_path / "a.net"
    result = snnc("import", graph, "-T", 5, "-o", output)
    assert result.exit_code == 0, result.output
    assert "inputs are taken as 0..15, since layers stay silent at 0..1; state --input-range" in result.output
    assert read_network(output).input.maximum == 15
    silent = snnc("import", graph, "-T", 5, "--input-range", 0, 1, "-o", output)
    assert "no spikes seen" in silent.output
    assert "100" not in silent.output
    assert read_network(output).input.maximum == 1


def test_a_read_out_has_a_row(tmp_path: Path) -> None:
    result = snnc("import", strong(tmp_path / "a.nir", 1.0, readout=True), "-T", 5, "-o", tmp_path / "a.net")
    assert "classes all equal  membranes by 0.00% at most" in result.output
    assert read_network(tmp_path / "a.net").readout == "membrane"


def test_a_graph_of_our_own_comes_back_as_it_was(tmp_path: Path, tiny_path: Path) -> None:
    for dialect in ("spec", "norse", "snntorch", "spikingjelly"):
        graph = tmp_path / f"{dialect}.nir"
        assert snnc("export", "--target", "nir", "--dialect", dialect, tiny_path, "-o", graph).exit_code == 0
        result = snnc("import", graph, "-o", tmp_path / "again.net")
        assert result.exit_code == 0, result.output
        assert "written by snnc" in result.output
        assert "every weight, bias, decay and threshold is exact" in result.output
        assert read_network(tmp_path / "again.net") == read_network(graph)
    longer = snnc("import", graph, "-T", 7, "-o", tmp_path / "longer.net")
    assert longer.exit_code == 0
    assert read_network(tmp_path / "longer.net").timesteps == 7


def test_a_graph_of_others_needs_its_time_steps(foreign: Path) -> None:
    result = snnc("import", foreign, "-o", foreign.with_suffix(".net"))
    assert result.exit_code == 2
    assert "a graph of others does not say how many time steps a sample has; state --timesteps" in result.output


def test_the_writer_is_found(foreign: Path) -> None:
    result = snnc("import", foreign, "-T", 5, "--writer", "auto", "--reset", "zero", "--reset-delay", 0, "-o", "a.txt")
    assert "unknown suffix" in result.output
    output = foreign.with_suffix(".net")
    found = snnc("import", foreign, "-T", 5, "--writer", "auto", "--reset", "zero", "--reset-delay", 0, "-o", output)
    assert "only the conventions of snntorch explain the graph" in found.output


def test_files_that_are_no_graphs_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.nir").write_text("no HDF5")
    for command in (("import", tmp_path / "a.nir", "-T", 5, "-o", tmp_path / "a.net"), ("inspect", tmp_path / "a.nir")):
        result = snnc(*command)
        assert result.exit_code == 2
        assert "a.nir: not a readable HDF5 file" in result.output
