"""A binary residual network from training to every engine and format, as a user types it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from snnc.cli.main import main
from snnc.export import read_network
from snnc.export.lava.import_fixes import installed
from snnc.files import load_subject

TRAIN = ["--model", "resnet", "--method", "sei", "--weights", "binary-centered", "--width", "0.03125", "--timesteps", "2"]
QUICK = [*TRAIN, "--epochs-float", "1", "--epochs-quantized", "1", "--epochs-integer", "1", "--batch-size", "256", "-q"]


def snnc(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module", params=["digits", "digits-events"])
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("residual") / "model.pt"
    result = snnc("train", "--data", request.param, *QUICK, "-o", file)
    assert result.exit_code == 0, result.output
    return file


def test_weights_are_minus_1_and_1_and_k_on_the_identities(trained: Path) -> None:
    for layer in load_subject(trained)[0].network.layers[1:-1]:
        kernel, identity = layer.synapses
        assert set(kernel.weight.ravel().tolist()) == {-1, 1}
        (k,) = set(identity.weight.ravel().tolist()) - {0}
        assert 1 <= k <= 127


def test_every_export_is_the_network_and_every_engine_agrees(trained: Path) -> None:
    for target, suffix in (("loihi2", ".net"), ("nir", ".nir"), ("onnx", ".onnx")):
        said = snnc("export", "-t", target, trained, "-o", trained.with_suffix(suffix))
        assert said.exit_code == 0, said.output
        assert ("equal to the network with its shortcuts folded" in said.output) == (target == "loihi2")
    assert "shortcuts folded into kernels: 6;" in snnc("export", trained, "-o", trained.with_suffix(".net")).output
    assert all(len(layer.synapses) == 1 for layer in read_network(trained.with_suffix(".net")).layers)
    files = [trained.with_suffix(suffix) for suffix in (".pt", ".net", ".nir", ".onnx")]
    engines = [part for name in ("reference", "fast", "tensor", "torch", "onnx", "nir") for part in ("-e", name)]
    verdict = snnc("simulate", *files, *engines, "-n", "6", "--json")
    assert verdict.exit_code == 0, verdict.output
    found = json.loads(verdict.output)
    assert found["equal"]


def test_longer_shortcuts_are_refused_by_netx_and_shown_with_what_their_relays_cost(tmp_path: Path) -> None:
    file = tmp_path / "model.pt"
    assert snnc("train", *QUICK, "--shortcuts", "both", "-o", file).exit_code == 0
    refused = snnc("export", file, "-o", tmp_path / "a.net")
    assert refused.exit_code == 2 and "only shortcuts around one layer fold into it" in refused.stderr
    found = json.loads(snnc("inspect", file, "--json").output)
    assert found["relays"] == {"stem-relay1": 128, "stage1-block1-conv2-relay1": 128, "stage2-block1-conv2-relay1": 64}
    assert [len(row["shortcuts"]) for row in found["layers"]] == [0, 1, 2, 1, 2, 1, 2, 0]
    assert {row["values"] for row in found["layers"][1:-1]} == {"-1, 1"}
    text = snnc("inspect", file).output
    assert "relays that a chip and Lava need besides: 3 populations, 320 neurons" in " ".join(text.split())
    assert snnc("simulate", file, "-e", "reference", "-e", "fast", "-e", "torch", "-n", "5").exit_code == 0


@pytest.mark.lava
@pytest.mark.skipif(not installed(), reason="Lava is not installed")
def test_lava_agrees_with_relays_and_netx_with_folded_kernels(trained: Path, tmp_path: Path) -> None:
    file = tmp_path / "both.pt"
    assert snnc("train", *QUICK, "--shortcuts", "both", "-o", file).exit_code == 0
    assert snnc("simulate", file, "-e", "lava", "-e", "reference", "-n", "2").exit_code == 0
    assert snnc("simulate", trained, "-e", "netx", "-e", "lava", "-e", "reference", "-n", "2").exit_code == 0
