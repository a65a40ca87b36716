"""report.json holds all that the page says; JUnit's file says what CI systems show."""

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from random_recurrence import random_recurrent_network
from report_runs import PLACE, small_network, small_run, wrong_engine

from snnc.report.activity import pixels
from snnc.report.content import FORMAT, SECTIONS, content
from snnc.report.junit import junit
from snnc.report.page import page
from snnc.report.write import REPORTS, write_report
from snnc.toolchain.errors import EngineError
from snnc.toolchain.network.network import Input
from snnc.verification.engines import ENGINES, Engine
from snnc.verification.verify import bytes_of_sample


def test_json_is_the_content(tmp_path: Path) -> None:
    run = small_run()
    write_report(run, tmp_path / "report.json")
    found = json.loads((tmp_path / "report.json").read_text())
    assert found["format"] == FORMAT and set(SECTIONS) <= set(found)
    trace = ENGINES["reference"].run(run.subject, run.samples.part(0, 12).frames)
    for row in found["layers"]["rows"]:
        assert row["spikes"] == trace.spikes[row["name"]].sum()
        assert row["rate"] == pytest.approx(trace.spikes[row["name"]].mean())
    for layer in found["activity"]["layers"]:
        spikes = trace.spikes[layer["name"]][:, 0].reshape(run.subject.network.timesteps, -1)
        rows = zip(layer["raster"]["neurons"], layer["raster"]["spikes"], strict=True)
        assert all(steps == np.flatnonzero(spikes[:, neuron]).tolist() for neuron, steps in rows)
        assert sum(layer["membranes"]["counts"]) == trace.membranes[layer["name"]][:, :8].size
    assert found["difference"] is None and found["training"] is None
    engine = found["verdict"]["engines"]["tensor"]
    assert (engine["layers"], engine["steps"]) == (len(run.subject.network.layers), run.subject.network.timesteps)
    assert "torch" in engine["libraries"]


def test_a_difference_names_the_neuron_that_went_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    run = small_run(engines=("wrong",))
    found = content(run)["difference"]
    assert found["step"] == PLACE[0] and found["reproduced"]
    right, wrong = found["engines"]["reference"], found["engines"]["wrong"]
    assert right["a"] == wrong["a"] and right["u"] == wrong["u"]
    assert right["before"][: PLACE[0] + 1] == wrong["before"][: PLACE[0] + 1]
    assert wrong["v"][PLACE[0]] == right["v"][PLACE[0]] + 1
    assert found["command"].startswith("snnc trace ") and "--engine wrong --json" in found["command"]


def test_an_engine_that_is_wrong_now_and_then_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    run = small_run(engines=("wrong",))
    monkeypatch.setitem(ENGINES, "wrong", Engine(ENGINES["reference"].run))
    assert not content(run)["difference"]["reproduced"]


def test_junit_has_a_case_for_each_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(ENGINES, "wrong", wrong_engine())
    run = small_run(small_network("n\x00\x1b<>"), engines=("tensor", "wrong"))
    run.verdict.left_out["lava"] = "Lava is not installed"
    write_report(run, tmp_path / "junit.xml")
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.attrib["tests"], suite.attrib["failures"], suite.attrib["skipped"]) == ("3", "1", "1")
    good, bad, skipped = suite.findall("testcase")
    assert len(good) == 0 and good.attrib["name"].startswith("tensor equals reference on 12 samples")
    assert bad[0].tag == "failure" and str(run.verdict.first_difference) in bad[0].attrib["message"]
    assert "snnc trace" in str(bad[0].text)
    assert skipped[0].attrib["message"] == "Lava is not installed"


def test_junit_says_of_each_engine_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an engine that differs later than another, and of a reference that the baseline does not equal."""
    for name in ("wrong", "as wrong"):
        monkeypatch.setitem(ENGINES, name, wrong_engine())
    found = content(small_run(engines=("wrong", "as wrong")))
    named = next(iter(set(found["difference"]["engines"]) - {"reference"}))
    messages = [each.attrib["message"] for each in ElementTree.fromstring(junit(found)).iter("failure")]
    other = ({"wrong", "as wrong"} - {named}).pop()
    line = found["verdict"]["line"]
    assert sorted(messages) == sorted([line, f"{other} differs as well; first of all is {line}"])


def test_a_reference_that_its_baseline_differs_from_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "fast", wrong_engine())
    run = small_run(engines=("fast",), baseline="fast")
    assert run.verdict.baseline == "fast" and run.recorded(1)[1].engine == "reference"
    assert [each.attrib["failures"] for each in ElementTree.fromstring(junit(content(run))).iter("testsuite")] == ["1"]


def test_what_is_recorded_fits_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    run = small_run()
    assert run.recorded(9)[0].count == 9
    monkeypatch.setattr("snnc.verification.verify.BATCH_BYTES", 3 * bytes_of_sample(run.subject.network))
    assert run.recorded(9)[0].count == 3


def test_samples_are_right_by_their_classes_not_by_their_names() -> None:
    run = small_run(replace(small_network(), labels=("same",) * small_network().classes))
    found = content(run)
    samples = found["activity"]["samples"]
    assert found["accuracy"]["correct"] < 12 and not all(each["correct"] for each in samples)
    assert page(found).count("label same") == sum(not each["correct"] for each in samples)


@pytest.mark.parametrize("seed", range(4))
def test_recurrent_and_delayed_networks_have_reports(seed: int) -> None:
    run = small_run(random_recurrent_network(seed), ("fast",))
    found = content(run)
    assert page(found) and junit(found) and json.dumps(found)
    assert {"proofs", "chips", "formats"} <= set(found)


def test_a_report_is_not_written_in_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    run = small_run()

    def fail(*_: object) -> None:
        raise EngineError("gone")

    monkeypatch.setitem(ENGINES, "reference", Engine(fail))  # type: ignore[arg-type]
    for suffix in REPORTS:
        with pytest.raises(EngineError, match="gone"):
            write_report(run, tmp_path / f"report{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("shape", "frames", "shown"),
    [
        ((1, 3, 4), 1, (3, 4)),
        ((2, 3, 4), 6, (3, 4, 3)),
        ((3, 100, 60), 1, (34, 20, 3)),
        ((5, 3, 3), 1, (3, 3)),
        ((70,), 1, (3, 32)),
    ],
)
def test_every_kind_of_input_is_a_picture(shape: tuple[int, ...], frames: int, shown: tuple[int, ...]) -> None:
    network = replace(small_network(), layers=small_network().layers)
    object.__setattr__(network, "input", Input(shape, -5, 10))
    found = pixels(np.full((frames, *shape), 10), network)
    assert found.shape == shown and found.dtype == np.uint8 and found.max() == 255


def test_rare_events_are_seen() -> None:
    network = replace(small_network(), layers=small_network().layers)
    object.__setattr__(network, "input", Input((2, 2, 2), 0, 1))
    frames = np.zeros((50, 2, 2, 2), int)
    frames[7, 0, 1, 1] = frames[[3, 9], 1, 0, 0] = 1
    found = pixels(frames, network)
    assert found[1, 1].tolist() == [128, 0, 0] and found[0, 0].tolist() == [0, 0, 255]
    assert not pixels(frames * 0, network).any()
