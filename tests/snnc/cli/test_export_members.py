"""snnc export --members, and snnc simulate of a manifest."""

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from training_runs import TINY, run

from snnc.cli.main import main
from snnc.export import read_network
from snnc.toolchain.data.dataset import Dataset


def snnc(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits: Dataset) -> Path:
    path = tmp_path_factory.mktemp("bayes") / "model.pt"
    run(TINY.replaced(method="bisnn-bayes", width=0.02), digits, path)
    return path


@pytest.fixture
def model(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    shutil.copy(trained, "model.pt")
    return "model.pt"


def test_a_manifest_and_its_files_are_written_and_verified(model: str) -> None:
    written = snnc("export", model, "--members", "2", "--json")
    assert written.exit_code == 0, written.output
    found = json.loads(written.stdout)
    assert found["file"] == "model.members.json" and found["committee"] == "files"
    assert found["files"] == ["model.members.member-0.net", "model.members.member-1.net"]
    result = snnc("simulate", "model.members.json", model, "-e", "fast", "-e", "torch", "-n", "40", "--json")
    assert result.exit_code == 0, result.output
    verdict = json.loads(result.stdout)
    assert verdict["equal"] and [member["equal"] for member in verdict["members"]] == [True, True]
    assert all(member["engines"]["torch"]["compared"] == 40 for member in verdict["members"])
    assert 0 <= verdict["committee"]["accuracy"]["value"] <= 1
    text = snnc("simulate", "model.members.json", "-e", "fast", "-n", "40").stdout
    assert "EQUAL: all 2 members; the committee is right on " in text
    assert "committee of 2" in text


def test_a_difference_in_one_member_ends_with_1(model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from snnc.verification.engines import ENGINES

    assert snnc("export", model, "--members", "2").exit_code == 0
    fast, wrong = ENGINES["fast"], read_network("model.members.member-1.net")
    monkeypatch.setitem(ENGINES, "fast", replace(fast, run=lambda s, x: fast.run(replace(s, network=wrong), x)))
    result = snnc("simulate", "model.members.json", "-e", "fast", "-n", "20")
    assert result.exit_code == 1
    assert "member 0: DIFFERENT: layer 'fc2'" in result.stdout
    quiet = snnc("simulate", "model.members.json", "-e", "fast", "-n", "20", "-q")
    assert (quiet.exit_code, quiet.stdout) == (1, "") and quiet.stderr.startswith("snnc: member 0: DIFFERENT")


def test_a_committee_can_be_one_network(model: str) -> None:
    written = snnc("export", model, "--members", "3", "--committee", "parallel", "-t", "nir", "--draw-seed", "4")
    assert written.exit_code == 0, written.output
    assert "model.members.nir: nir, 3 members side by side in 5 layers, read back and equal" in written.stdout
    assert read_network("model.members.nir").members == 3
    result = snnc("simulate", "model.members.nir", "-e", "fast", "-e", "nir", "-n", "30", "--json")
    assert json.loads(result.stdout)["equal"]
    refused = snnc("export", model, "--members", "3", "--committee", "parallel")
    assert refused.exit_code == 2 and "or take --target nir or onnx" in refused.stderr
    assert not Path("model.members.net").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["model.pt", "--committee", "parallel"], "--committee and --draw-seed are for --members; add --members K"),
        (["model.pt", "--draw-seed", "3"], "--committee and --draw-seed are for --members; add --members K"),
        (["model.pt", "--members", "0"], "0 members were asked for; allowed are 1 to 1000"),
        (["model.pt", "--members", "2", "-o", "m.net"], "output 'm.net' must end in .json"),
        (["model.net", "--members", "2"], "model.net: members are drawn from a checkpoint, which holds the posterior"),
    ],
)
def test_what_makes_no_sense_is_refused(model: str, arguments: list[str], message: str) -> None:
    result = snnc("export", *arguments)
    assert result.exit_code == 2 and result.stderr.startswith("snnc: ") and message in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_manifest_goes_with_its_checkpoint_alone(model: str) -> None:
    assert snnc("export", model, "--members", "1").exit_code == 0
    both = snnc("simulate", "model.members.json", "model.members.member-0.net")
    assert both.exit_code == 2 and "a manifest goes alone or with the checkpoint of its posterior" in both.stderr
    report = snnc("simulate", "model.members.json", "--report", "r.html")
    assert report.exit_code == 2 and "a committee runs a dataset; leave --report" in report.stderr
