"""snnc trace: a neuron in all engines side by side, as a table, a picture and JSON; one line for what is not there."""

import json
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result
from report_runs import wrong_engine

from snnc.cli.main import main
from snnc.export import TARGETS
from snnc.toolchain.network.network import INPUT, Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense
from snnc.verification import engines
from snnc.verification.engines import ENGINES, Engine


@pytest.fixture(autouse=True)
def without_lava(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(engines, "lava_installed", lambda: False)


def trace(*arguments: str | Path | int) -> Result:
    return CliRunner().invoke(main, ["trace", *map(str, arguments)])


def test_all_engines_side_by_side(tiny_path: Path) -> None:
    shown = trace(tiny_path, "--sample", 3, "--layer", "fc1", "--neuron", 17, "--plot", "t.svg")
    assert shown.exit_code == 0, shown.output
    assert "sample 3, label 6, layer 'fc1', neuron (17,)\nthreshold " in shown.stdout
    assert "reference = fast = torch" in shown.stdout and "all engines saw the same" in shown.stdout
    assert "engine lava left out" in shown.stdout
    picture = ElementTree.parse("t.svg").getroot()
    texts = [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
    assert "layer fc1, neuron 17" in texts and "current u" in texts and "input" in texts
    found = json.loads(trace(tiny_path, "--sample", 3, "-l", "fc1", "--neuron", "17", "--json").stdout)
    assert found["equal"] and found["neuron"] == [17] and "lava" in found["left_out"]
    assert set(found["engines"]) >= {"reference", "fast", "torch", "c"}
    assert all(seen == found["engines"]["reference"] for seen in found["engines"].values())
    assert set(found["engines"]["reference"]) == {"a", "u", "before", "v", "spikes"}
    assert json.loads(trace(tiny_path, "--json", "-e", "fast").stdout)["layer"] == "readout"


def test_engines_that_differ_have_columns_of_their_own(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    arguments = (tiny_path, "-e", "wrong", "-e", "fast", "--layer", "fc2", "--plot", "t.svg")
    shown = trace(*arguments)
    assert shown.exit_code == 1
    assert "1: reference = fast" in shown.stdout and "2: wrong" in shown.stdout
    assert "2 groups of engines DIFFER" in shown.stdout
    found = json.loads(trace(*arguments, "--json").stdout)
    right, wrong = found["engines"]["reference"], found["engines"]["wrong"]
    assert not found["equal"] and wrong["v"][1] == right["v"][1] + 1
    assert "wrong" in Path("t.svg").read_text()
    silent = trace(*arguments, "--quiet")
    assert (silent.stdout, silent.stderr) == ("", "snnc: 2 groups of engines differ: reference = fast; wrong\n")


def test_a_row_of_engines_is_enough(tiny_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "made-up", Engine(ENGINES["reference"].run))
    assert "reference = made-up" in trace(tiny_path, "-e", "made-up").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sample", "540"], "sample 540 is not there; the data have 0..539"),
        (["--layer", "fc9"], "layer 'fc9' is unknown; allowed are fc1, "),
        (["--neuron", "99999"], "layer 'readout' has no neuron '99999'; allowed are a flat index 0..9, or coordinates in 0..9"),
        (["--neuron", "a"], "neuron 'a' is not a number"),
        (["--engine", "x"], "engine 'x' is unknown"),
        (["--engine", "lava"], "engine 'lava': Lava is not installed"),
        (["--plot", "t.png"], "output 't.png' must end in .svg"),
        (["--data", "x"], "dataset 'x' is unknown"),
    ],
)
def test_what_is_not_there_is_one_line(tiny_path: Path, arguments: list[str], said: str) -> None:
    result = trace(tiny_path, *arguments)
    assert result.exit_code == 2 and result.stdout == ""
    assert result.stderr.startswith(f"snnc: {said}") and result.stderr.count("\n") == 1


def test_the_reference_alone_can_be_asked_for(tiny_path: Path) -> None:
    assert set(json.loads(trace(tiny_path, "-e", "reference", "--json").stdout)["engines"]) == {"reference"}


def test_an_input_that_overflows_is_seen_to_overflow(monkeypatch: pytest.MonkeyPatch) -> None:
    layer = Layer("fc", (Dense(INPUT, np.full((1, 90), -5)),), Lif((1,), 100, 0))
    network = Network("n", 60, Input((90,), 0, 255), (layer,), "spikes")
    target = TARGETS["onnx"]
    Path("a.onnx").write_bytes(target.content(network, target.options()))  # without the proof that an export asks for
    monkeypatch.setattr("snnc.cli.trace._sample", lambda *_: (np.full((1, 1, 90), 255), None))
    shown = trace("a.onnx")
    assert shown.exit_code == 0, shown.output
    assert "all other engines left out: the network can overflow" in shown.stdout.replace("\n", " ")
    assert f"{-(2**23 - 1):,}" in shown.stdout  # the membrane saturates
    assert "can reach" in trace("a.onnx", "-e", "fast").stderr
