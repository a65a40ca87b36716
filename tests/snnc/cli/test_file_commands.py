"""snnc import and snnc inspect as a user types them."""

import json
from pathlib import Path
from xml.etree import ElementTree

import nir
import numpy as np
import pytest
from click.testing import CliRunner, Result
from random_networks import random_network
from snnc.cli.inspecting import plot_svg, summary

from snnc.cli.main import main
from snnc.export import TARGETS, read_network
from snnc.files import load_subject
from snnc.toolchain.network.network import Network


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


@pytest.mark.parametrize("suffix", [".net", ".nir", ".onnx"])
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
        (["-o", "a.txt"], "output 'a.txt' has an unknown suffix; allowed are .net, .nir, .onnx"),
        (["-o", "a.net", "--writer", "brian"], "writer 'brian' is unknown; allowed are spec, norse"),
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


def test_files_that_are_no_graphs_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.nir").write_text("no HDF5")
    for command in (("import", tmp_path / "a.nir", "-T", 5, "-o", tmp_path / "a.net"), ("inspect", tmp_path / "a.nir")):
        result = snnc(*command)
        assert result.exit_code == 2
        assert "a.nir: not a readable NIR graph" in result.output


@pytest.mark.parametrize("target", [None, *TARGETS])
def test_every_format_can_be_inspected(tmp_path: Path, tiny_path: Path, target: str | None) -> None:
    file = tiny_path
    if target:
        file = tmp_path / f"model{TARGETS[target].suffix}"
        assert snnc("export", "-t", target, tiny_path, "-o", file).exit_code == 0
    found = json.loads(snnc("inspect", file, "--json").output)
    network = load_subject(tiny_path)[0].network
    assert found["digest"] == network.digest()
    assert found["bytes"] == file.stat().st_size
    assert [row["name"] for row in found["layers"]] == [layer.name for layer in network.layers]
    assert found["formats"]["loihi2"] == found["formats"]["nir spec"] == found["formats"]["onnx"] == "exact"
    assert "sinabs 3.1.3 resets by subtraction" in found["formats"]["nir sinabs"]
    said = {
        None: "checkpoint",
        "loihi2": "reset every 3 steps",
        "nir": "NIR dialect spec",
        "onnx": "image (batch, 1, 8, 8) uint8",
    }
    text = snnc("inspect", file).output
    assert said[target] in text
    assert said[target] in found["semantics"]
    assert "-1, 0, 1" in text
    assert "nothing is lost" in text


def test_what_a_format_loses_is_said(tmp_path: Path) -> None:
    network = random_network(2)
    path = tmp_path / "a.onnx"
    TARGETS["onnx"].write(network, path)
    lost = [reason for reason in summary(network, path).formats.values() if reason != "exact"]
    assert lost
    assert all(reason.strip() for reason in lost)


def boxes(network: Network) -> tuple[int, int]:
    root = ElementTree.fromstring(plot_svg(network))
    ns = "{http://www.w3.org/2000/svg}"
    return len(root.findall(f"{ns}rect")), len(root.findall(f"{ns}path"))


def test_the_plot_has_a_box_for_each_population_and_an_arrow_for_each_synapse(tmp_path: Path, tiny_path: Path) -> None:
    for seed in range(20):
        network = random_network(seed)
        synapses = sum(len(layer.synapses) for layer in network.layers)
        assert boxes(network) == (len(network.layers) + 1, synapses)
    assert snnc("inspect", tiny_path, "--plot", tmp_path / "a.svg").exit_code == 0
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    refused = snnc("inspect", tiny_path, "--plot", tmp_path / "a.png")
    assert refused.exit_code == 2
    assert "must end in .svg" in refused.output
