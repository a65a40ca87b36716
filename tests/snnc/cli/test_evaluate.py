"""snnc evaluate on checkpoints, networks and committees."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from training_runs import TINY, Interrupting, run

from snnc.cli.main import main
from snnc.export import export
from snnc.models import load_model
from snnc.toolchain.data.dataset import Dataset
from snnc.toolchain.lower import lower


def snnc(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["evaluate", *arguments])


def json_of(*arguments: str) -> list[dict[str, object]]:
    result = snnc(*arguments, "--bootstrap", "50", "--json")
    assert result.exit_code == 0, result.output
    files: list[dict[str, object]] = json.loads(result.stdout)["files"]
    return files


@pytest.fixture
def model(tiny_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    shutil.copy(tiny_path, "model.pt")
    network, checkpoint = load_model("model.pt")
    export(replace(lower(network, checkpoint.labels), data="digits"), "loihi2", "model.net")
    return "model.pt"


def test_a_checkpoint_and_its_file_have_the_same_probabilities(model: str) -> None:
    checkpoint, file = json_of(model, "model.net")
    assert checkpoint.pop("file") == "model.pt" and file.pop("file") == "model.net"
    assert checkpoint == file
    assert checkpoint["samples"] == 540 and checkpoint["temperature"] == 1.0
    accuracy = checkpoint["accuracy"]
    assert isinstance(accuracy, dict) and accuracy["value"] == load_model(model)[1].accuracy
    assert accuracy["low"] <= accuracy["value"] <= accuracy["high"]


def test_the_table_and_the_bins(model: str) -> None:
    shown = snnc(model, "-n", "100", "--bootstrap", "20", "-v")
    assert shown.exit_code == 0
    assert shown.stdout.startswith("model.pt: 100 samples\n")
    for word in ("accuracy", "NLL", "Brier", "ECE", "adaptive ECE", "95 % of bootstraps", "mean confidence"):
        assert word in shown.stdout


def test_a_temperature_is_fitted_on_other_samples(model: str) -> None:
    (found,) = json_of(model, "--calibrate", "0.5")
    assert found["samples"] == found["held_out"] == 270
    assert found["temperature"] != 1.0
    refused = snnc(model, "-n", "1", "--calibrate", "0.5")
    assert refused.exit_code == 2 and "leaves 0 of 1 samples to fit; take about 0.5" in refused.stderr


def test_a_file_without_a_unit_needs_a_temperature(model: str) -> None:
    network, checkpoint = load_model(model)
    unknown = replace(lower(network, checkpoint.labels), data="digits", logit_units=0)
    export(unknown, "loihi2", "unknown.net")
    refused = snnc("unknown.net")
    assert refused.exit_code == 2 and "it has no probabilities; fit the unit with --calibrate 0.5" in refused.stderr
    known, fitted = json_of("model.net", "unknown.net", "--calibrate", "0.5")
    assert known["nll"] == pytest.approx(fitted["nll"], rel=1e-3)


def test_pictures_are_drawn(model: str) -> None:
    result = snnc(model, "model.net", "--plot", "r.svg", "--bootstrap", "5")
    assert result.exit_code == 0 and "plot: r.svg" in result.stdout
    assert "<svg" in Path("r.svg").read_text()
    assert snnc(model, "--plot", "r.png", "--bootstrap", "5").exit_code == 0
    assert Path("r.png").read_bytes().startswith(b"\x89PNG")
    refused = snnc(model, "--plot", "r.jpg")
    assert refused.exit_code == 2 and "output 'r.jpg' must end in .png or .svg" in refused.stderr


def test_an_unfinished_training_is_measured_in_floats(tmp_path: Path, digits: Dataset) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(TINY, digits, tmp_path / "part.pt", Interrupting(2))
    (found,) = json_of(str(tmp_path / "part.pt"))
    accuracy = found["accuracy"]
    assert isinstance(accuracy, dict) and accuracy["value"] == load_model(tmp_path / "part.pt")[1].accuracy


def test_committees_are_measured_from_the_checkpoint_and_from_files(
    tmp_path: Path, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run(TINY.replaced(method="bisnn-bayes", width=0.02), digits, tmp_path / "bayes.pt")
    for extra in ([], ["--committee", "parallel", "-t", "onnx"]):
        assert CliRunner().invoke(main, ["export", "bayes.pt", "--members", "3", *extra]).exit_code == 0
    (drawn,) = json_of("bayes.pt", "--members", "3")
    manifest, parallel = json_of("bayes.members.json", "bayes.members.onnx")
    names = [each.pop("file") for each in (drawn, manifest, parallel)]
    assert names == ["bayes.pt", "bayes.members.json", "bayes.members.onnx"]
    assert drawn == manifest == parallel and drawn["members"] == 3
    (mode,) = json_of("bayes.pt")
    assert mode["nll"] != drawn["nll"]
    refused = snnc("bayes.members.json", "--members", "2")
    assert refused.exit_code == 2 and "members are drawn from a checkpoint" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--draw-seed", "1"], "--draw-seed is for --members; add --members K"),
        (["--members", "2"], "the model has no posterior to draw members from; train one with --method bisnn-bayes"),
        (["--seed", "-1"], "--seed is -1; allowed are 0 and more"),
        (["--data", "nothing"], "dataset 'nothing' is unknown"),
    ],
)
def test_what_makes_no_sense_is_refused(model: str, arguments: list[str], message: str) -> None:
    result = snnc(model, *arguments)
    assert result.exit_code == 2 and result.stderr.startswith("snnc: ") and message in result.stderr
