"""The experiments of docs/bisnn.md: their plans, and a run of the toys that is interrupted."""

import json
from pathlib import Path

import pytest

from snnc.experiments import bisnn
from snnc.experiments.calibration import calibration
from snnc.experiments.one_run import measure_named

QUICK = bisnn.TOY.replaced(timesteps=4, epochs_float=1, epochs_quantized=1, epochs_integer=1)


def test_rows_share_all_but_method_and_weights() -> None:
    for plan in bisnn.PLANS.values():
        settings = [plan.settings(row) for row in plan.rows]
        common = set.intersection(*(set(each) for each in settings)) - {"method", "weights"}
        assert all(each[name] == settings[0][name] for each in settings for name in common)
        found: object = measure_named(plan.measure)
        assert found is calibration


def test_a_second_call_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bisnn, "TOY", QUICK)
    monkeypatch.setattr(bisnn, "SEEDS", range(1))
    monkeypatch.setattr(bisnn, "TOYS", ["signal"])
    monkeypatch.setattr(bisnn, "WAYS", ["straight-through"])
    bisnn.run_toys(tmp_path / "toys.json")
    before = json.loads((tmp_path / "toys.json").read_text())["runs"]
    monkeypatch.setattr(bisnn, "SEEDS", range(2))
    bisnn.run_toys(tmp_path / "toys.json")
    runs = json.loads((tmp_path / "toys.json").read_text())["runs"]
    assert runs[:1] == before and [run["seed"] for run in runs] == [0, 1]
    assert "map" in runs[0]["rows"]["straight-through"] and "map" not in runs[1]["rows"]["straight-through"]
