"""snnc inspect as a user types it: what is held, what cannot be, and the picture."""

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner, Result
from random_networks import random_join_network, random_network, residual_network

from snnc.cli.main import main
from snnc.cli.plot import plot_svg
from snnc.export import TARGETS, export
from snnc.files import load_subject
from snnc.toolchain.network.chips import CHIPS
from snnc.toolchain.network.network import Input, Layer, Lif, Network
from snnc.toolchain.network.synapse import Dense


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


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
    assert found["formats"]["loihi2"] == found["formats"]["nir spec"] == found["formats"]["onnx"] == []
    assert "sinabs 3.1.3 resets by subtraction" in found["formats"]["nir sinabs"][0]
    assert "norse has no leaky integrator" in found["notices"]["nir norse"]
    assert found["chips"] == {chip.title: [] for chip in CHIPS.values()}
    said = {
        None: "checkpoint",
        "loihi2": "reset every 3 steps",
        "nir": "NIR dialect spec",
        "onnx": "image (batch, 1, 8, 8) uint8",
        "c": "C99, one header without dependencies",
    }
    text = snnc("inspect", file).output
    assert said[target] in text
    assert said[target] in found["semantics"]
    assert "-1, 0, 1" in text
    assert "nothing is lost" in text


def too_much() -> Network:
    """A network that no chip here can hold, in an ONNX file."""
    neuron = Lif((2,), vth=2**17, dv=1000, bias_mantissa=[500, -3], bias_exponent=9, du=7)
    first = Layer("a", (Dense("input", [[1, 2], [3, 4]]), Dense("input", [[1, 2], [0, 0]])), neuron)
    last = Layer("b", (Dense("a", np.zeros((2, 2), int)), Dense("input", [[1, 0], [0, 1]])), Lif((2,), 1, 0))
    return Network("too much", 2, Input((2,), 0, 1), (first, last), "spikes")


def test_all_that_formats_and_chips_cannot_hold_is_said(tmp_path: Path) -> None:
    file = export(too_much(), "onnx", tmp_path / "a.onnx")
    found = json.loads(snnc("inspect", file, "--json").output)
    assert [reason.split(";")[0] for reason in found["formats"]["loihi2"]] == [
        "layer 'a': threshold 131072 is outside 0..131071",
        "layer 'b': netx chains layers, so its only source must be 'a'",
        "layer 'b': all weights are 0, which netx cannot scale",
    ]
    assert [reason.split(";")[0] for reason in found["formats"]["nir norse"]] == [
        "layer 'a': norse is not known to sum several synapses exactly",
        "layer 'a': current memory (du 7) has no exact NIR neuron",
        "layer 'a': norse needs a threshold between 131072 and the next membrane, which float32 does not have",
        "layer 'b': norse is not known to sum several synapses exactly",
    ]
    assert len(found["formats"]["nir sinabs"]) == 4
    assert [reason.split(" is")[0] for reason in found["chips"]["Loihi 2"]] == [
        "layer 'a': threshold 131072",
        "layer 'a': bias exponent 9",
    ]
    short, long = (" ".join(snnc("inspect", file, *more).output.split()) for more in ((), ("-v",)))
    assert "all weights are 0" not in short
    assert "(and 2 more: -v lists them)" in short
    assert "all weights are 0" in long
    assert "(and 2 more" not in long
    assert "current memory (du 7) has no exact NIR neuron" in found["notices"]["nir spec"]


def boxes(network: Network) -> tuple[int, int]:
    root = ElementTree.fromstring(plot_svg(network))
    ns = "{http://www.w3.org/2000/svg}"
    return len(root.findall(f"{ns}rect")), len(root.findall(f"{ns}path"))


def test_delays_and_recurrence_have_a_column(tmp_path: Path) -> None:
    """The parts of a matrix that differ in their delays alone are counted once."""
    parts = (Dense("input", [[1, 0], [0, 3]]), Dense("input", [[0, 0], [5, 0]], 2), Dense("a", [[1, -1], [1, 1]], 1))
    network = Network("a", 2, Input((2,), 0, 1), (Layer("a", parts, Lif((2,), 1, 0)),), "spikes")
    file = export(network, "onnx", tmp_path / "a.onnx")
    (row,) = json.loads(snnc("inspect", file, "--json").output)["layers"]
    assert (row["weights"], row["zeros"], row["delays"]) == (8, 1 / 8, "0..2, from itself too")
    text = snnc("inspect", file).output
    assert "0..2, from itself too" in text
    assert "recurrence, of up to 2 steps, which snnc does not write; take --target onnx" in " ".join(text.split())


def test_the_plot_has_a_box_for_each_population_and_an_arrow_for_each_synapse(tmp_path: Path, tiny_path: Path) -> None:
    for network in (draw(seed) for draw in (random_network, random_join_network, residual_network) for seed in range(20)):
        synapses = sum(len(layer.synapses) for layer in network.layers)
        assert boxes(network) == (len(network.layers) + 1, synapses)
    assert snnc("inspect", tiny_path, "--plot", tmp_path / "a.svg").exit_code == 0
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    refused = snnc("inspect", tiny_path, "--plot", tmp_path / "a.png")
    assert refused.exit_code == 2
    assert "must end in .svg" in refused.output


def test_arrows_of_joins_do_not_run_over_each_other() -> None:
    for seed in range(20):
        root = ElementTree.fromstring(plot_svg(random_join_network(seed)))
        ns = "{http://www.w3.org/2000/svg}"
        lines = [path.attrib["d"] for path in root.findall(f"{ns}path")]
        assert len(set(lines)) == len(lines)
        beside = [re.fullmatch(r"M\d+ (\d+)H(\d+)V(\d+)H\d+", line) for line in lines]
        spans = [tuple(map(int, found.groups())) for found in beside if found]
        for index, (top, x, bottom) in enumerate(spans):
            assert all(x != lane or bottom < start or end < top for start, lane, end in spans[:index])
        places = [(text.attrib["x"], text.attrib["y"]) for text in root.findall(f"{ns}text")]
        assert len(set(places)) == len(places)
