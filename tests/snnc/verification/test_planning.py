"""What runs, on how many samples, against which baseline; decided once, from the table."""

from dataclasses import replace
from pathlib import Path

import pytest

from snnc.export.lava.import_fixes import INSTALL
from snnc.files import load_subject
from snnc.toolchain.errors import EngineError
from snnc.verification import engines
from snnc.verification.engines import ENGINES, Subject
from snnc.verification.planning import plan


@pytest.fixture(scope="module")
def subject(tiny_path: Path) -> Subject:
    return load_subject(tiny_path)[0]


def no_kernel() -> None:
    raise EngineError("no kernel")


def test_everything_that_can_run_is_planned(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setattr(engines, "lava_installed", lambda: False)
    planned = plan(subject, [], 540, all_samples=False)
    assert "tensor" not in planned.counts or ENGINES["fast"].missing(subject)
    assert "torch" in planned.counts
    assert planned.left_out["lava"] == planned.left_out["netx"] == f"Lava is not installed; get it with: {INSTALL}"
    assert not planned.named


def test_what_was_asked_for_runs_once_or_is_refused(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setattr(engines, "lava_installed", lambda: False)
    planned = plan(subject, ["torch", "reference", "torch"], 540, all_samples=False)
    assert (planned.counts, planned.left_out) == ({"reference": 540, "torch": 540}, {})
    with pytest.raises(EngineError, match="engine 'lawa' is unknown; allowed are reference, fast, tensor, torch"):
        plan(subject, ["lawa"], 540, all_samples=False)
    with pytest.raises(EngineError, match="engine 'torch': replays a trained model; give a .pt file"):
        plan(Subject(subject.network), ["torch"], 540, all_samples=False)
    with pytest.raises(EngineError, match="engine 'lava': Lava is not installed; get it with"):
        plan(subject, ["lava"], 540, all_samples=False)
    with pytest.raises(EngineError, match="only the reference would run, so nothing would be compared; add --engine"):
        plan(subject, ["reference"], 540, all_samples=False)


def test_an_engine_stands_in_for_another(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setattr(engines, "load_kernel", no_kernel)
    assert plan(subject, ["tensor"], 9, all_samples=True).counts == {"reference": 9, "tensor": 9}
    planned = plan(subject, [], 9, all_samples=True)
    assert "tensor" in planned.counts
    assert planned.left_out["fast"] == "no kernel; the slower tensor stands in"


def test_slow_engines_come_last_and_run_fewer_samples(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    monkeypatch.setitem(ENGINES, "tensor", replace(ENGINES["tensor"], max_samples=7, throughput=None, slow=True))
    planned = plan(subject, ["tensor", "torch"], 540, all_samples=False)
    assert list(planned.counts.items()) == [("reference", 540), ("torch", 540), ("tensor", 7)]
    assert plan(subject, ["tensor", "torch"], 540, all_samples=True).counts["tensor"] == 540
    assert planned.compared == 540


def test_fast_is_the_baseline_where_the_reference_is_too_slow(monkeypatch: pytest.MonkeyPatch, subject: Subject) -> None:
    if ENGINES["fast"].missing(subject):
        pytest.skip("no C kernel")
    monkeypatch.setitem(ENGINES, "reference", replace(ENGINES["reference"], throughput=1.0))
    planned = plan(subject, ["torch", "fast"], 540, all_samples=False)
    assert planned.baseline == "fast"
    assert planned.counts == {"fast": 540, "reference": 10, "torch": 540}
    without = plan(subject, ["torch"], 540, all_samples=False)  # nothing faster to compare with
    assert without.counts == {"reference": 10, "torch": 10}
