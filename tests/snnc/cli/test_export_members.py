"""snnc export --members, and snnc simulate of a manifest."""

import csv
import json
import os
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from training_runs import TINY, run

from snnc.cli.main import main
from snnc.export import read_network
from snnc.toolchain.data.dataset import Dataset, chip_input
from snnc.toolchain.network.predictions import probabilities
from snnc.toolchain.simulate.reference import simulate
from snnc.verification import traces as traces_file


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
    swapped = replace(fast, run=lambda s, x: fast.run(replace(s, network=wrong), x), outputs=None)
    monkeypatch.setitem(ENGINES, "fast", swapped)
    for engine in ("fast", "tensor"):  # an engine that was found to differ decides nothing
        snnc("simulate", "model.members.json", "-e", engine, "-n", "20", "--predictions", f"{engine}.csv")
    assert Path("fast.csv").read_bytes() == Path("tensor.csv").read_bytes()
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
    assert report.exit_code == 2 and "name the file of one member in place of the manifest" in report.stderr


@pytest.fixture
def manifest(model: str, digits: Dataset) -> str:
    """Two members, and 30 samples in a file without labels and in one with them."""
    assert snnc("export", model, "--members", "2").exit_code == 0
    split = digits.test.first(30)
    np.savez("own.npz", samples=split.samples)
    np.savez("known.npz", samples=split.samples, labels=split.labels)
    return "model.members.json"


def test_a_committee_runs_own_samples_and_writes_what_it_decides(manifest: str, digits: Dataset) -> None:
    asked = ("-e", "fast", "--save", "traces.npz", "--predictions", "out.csv")
    result = snnc("simulate", manifest, "--input", "own.npz", *asked, "-n", "25", "--json")
    assert result.exit_code == 0, result.output
    networks = [read_network(f"model.members.member-{number}.net") for number in range(2)]
    samples = chip_input(digits.test.first(25), digits.input)
    traces = [simulate(network, samples) for network in networks]
    each = [probabilities(network, trace.outputs(network)) for network, trace in zip(networks, traces, strict=True)]
    mean = np.mean(each, axis=0)
    votes = sum((one.argmax(1) == mean.argmax(1)).astype(int) for one in each)
    for number, trace in enumerate(traces):
        with np.load(f"traces.member-{number}.npz", allow_pickle=False) as found:
            assert "labels" not in found
            for layer in networks[number].layers:
                np.testing.assert_array_equal(found[f"spikes/{layer.name}"], trace.spikes[layer.name])
                np.testing.assert_array_equal(found[f"membranes/{layer.name}"], trace.membranes[layer.name])
    assert not Path("traces.npz").exists()
    rows = list(csv.DictReader(Path("out.csv").read_text(encoding="utf-8").splitlines()))
    assert list(rows[0]) == ["sample", "prediction", "class", "probability", "votes", *(f"probability {k}" for k in range(10))]
    assert [int(row["prediction"]) for row in rows] == mean.argmax(1).tolist()
    assert [int(row["votes"]) for row in rows] == votes.tolist() and {1, 2} == set(votes)
    assert [row["probability"] for row in rows] == [f"{one:.6f}" for one in mean.max(1)]
    decided = json.loads(result.stdout)["committee"]
    assert decided == {"samples": 25, "decided": Counter(row["class"] for row in rows), "unanimous": int((votes == 2).sum())}


def test_labels_of_own_samples_give_measures_and_none_say_who_decides_alike(manifest: str) -> None:
    known = snnc("simulate", manifest, "--input", "known.npz", "-e", "fast", "--predictions", "out.csv")
    assert known.exit_code == 0, known.output
    assert "ECE" in known.stdout and "the committee is right on " in known.stdout and "predictions: out.csv" in known.stdout
    assert Path("out.csv").read_text(encoding="utf-8").startswith("sample,label,prediction,class,probability,votes,")
    drawn = snnc("simulate", manifest, "--random", "7", "--seed", "3", "-e", "fast", "--save", "t.npz")
    assert drawn.exit_code == 0, drawn.output
    assert "ECE" not in drawn.stdout and "decides alike" in drawn.stdout and " of 7 samples" in drawn.stdout
    assert "spikes and membranes of 7 samples: t.member-1.npz" in drawn.stdout


def test_a_committee_decides_by_an_engine_that_was_compared(manifest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    from snnc.verification.engines import ENGINES

    def uncalled(*_: object) -> Any:
        raise AssertionError("fast was not asked for")

    monkeypatch.setitem(ENGINES, "fast", replace(ENGINES["fast"], outputs=uncalled, run=uncalled))
    result = snnc("simulate", manifest, "--random", "3", "-e", "tensor", "--predictions", "out.csv", "-v")
    assert result.exit_code == 0, result.output
    assert result.stdout.count(str(read_network("model.members.member-0.net"))) == 1
    assert "EQUAL: all 2 members; the committee decides" in result.stdout


@pytest.mark.parametrize("arguments", [["inspect"], ["trace"], ["simulate", "--recorded", "own.npz"]])
def test_commands_of_one_network_say_to_name_a_member(manifest: str, arguments: list[str]) -> None:
    result = snnc(*arguments, manifest)
    assert result.exit_code == 2 and "of the manifest of a committee, name the file of one member" in result.stderr


@pytest.mark.parametrize("file", ["model.members.json", "model.pt"])
def test_what_files_say_themselves_is_not_stated(manifest: str, file: str) -> None:
    result = snnc("simulate", file, "-T", "5", "--input-range", "0", "1", "-e", "fast")
    assert result.exit_code == 2
    assert f"{file}: it says itself what --timesteps and --input-range would state of a file of lava-dl" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--input", "own.npz", "--save", "own.npz"], "which the same command reads"),
        (
            ["--input", "t.member-1.npz", "--save", "t.npz"],
            "'t.member-1.npz' is 't.member-1.npz', which the same command reads",
        ),
        (["--random", "2", "--predictions", "linked.csv"], "which the same command reads"),
        (["--input", "own.npz", "-n", "31"], "31 samples were asked for; allowed are 1 to 30"),
        (["--random", "5", "--save", "new.npz"], "traces of 5 samples take"),
    ],
)
def test_what_a_committee_cannot_write_is_refused_before_anything_runs(
    manifest: str, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = 5 * TINY.timesteps * sum(layer.neurons for layer in read_network("model.members.member-0.net").layers)
    monkeypatch.setattr(traces_file, "MOST_BYTES", 4 * one)
    shutil.copy("own.npz", "t.member-1.npz")
    os.link("model.members.member-1.net", "linked.csv")
    before = {path: path.read_bytes() for path in Path().iterdir()}
    result = snnc("simulate", manifest, *arguments, "-e", "fast")
    assert result.exit_code == 2 and said in result.stderr, result.output
    assert {path: path.read_bytes() for path in Path().iterdir()} == before
