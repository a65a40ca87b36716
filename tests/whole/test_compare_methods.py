"""The comparison of methods: its rows, its choice, and the script over very few epochs, gone on with."""

import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from snnc.experiments.plan import Measured, Plan, Run
from snnc.experiments.results_file import Results, read_results

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "examples" / "compare_methods.py"


@pytest.fixture(scope="module")
def script() -> dict[str, object]:
    return runpy.run_path(str(SCRIPT))


def test_all_claims_are_about_rows_of_the_comparison(script: dict[str, object]) -> None:
    claims = runpy.run_path(str(ROOT / "docs" / "methods_results.py"))["CLAIMS"]
    settings = script["base"]("mlp", (20, 15, 8))  # type: ignore[operator]
    rows = script["main_rows"](0.1) | script["other_rows"](0.1, 0.1, settings)  # type: ignore[operator]
    assert {row for claim in claims for row in claim} <= set(rows)
    assert Plan(settings, rows, range(2)).config("T-SNN, twice as long", 1).epochs_quantized == 30


def test_the_best_one_on_the_chip_is_chosen(script: dict[str, object]) -> None:
    rows = {"small": {"alpha": 0.1}, "large": {"alpha": 1.0}}
    runs = [
        Run(row, seed, 1.0, Measured(9, (9,)), Measured(right, tuple(range(10 - right))))
        for row, both in {"small": (7, 8), "large": (9, 5)}.items()
        for seed, right in enumerate(both)
    ]
    assert script["chosen"](Results(rows, {}, runs), rows) == {"alpha": 0.1}  # type: ignore[operator]


def test_the_results_are_those_of_the_settings_in_the_script(script: dict[str, object]) -> None:
    kept = read_results(ROOT / "docs" / "results" / "validation_alpha.json")
    assert set(kept.rows) == set(script["alpha_rows"]())  # type: ignore[operator]
    assert all(len(kept.of(row)) >= 2 for row in kept.rows)


@pytest.mark.slow
def test_it_goes_on_where_it_was_stopped(tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--epochs", "1", "1", "1", "--validation-seeds", "1", "--folder", str(tmp_path)]
    for seeds in ("1", "2"):
        seeds_of_all = ["--seeds", seeds, "--main-seeds", seeds]
        ran = subprocess.run([*command, *seeds_of_all], capture_output=True, text=True, check=True, timeout=600)
        assert ran.stdout.count("on the chip") == (21 if seeds == "1" else 10)
    assert {len(runs) for runs in read_results(tmp_path / "methods.json").runs.values()} == {2}
