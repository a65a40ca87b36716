"""The page's tables are those of the results, and the script that makes results runs."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from snnc.experiments.plan import Measured, Plan, Run
from snnc.experiments.results_file import Results, kept_results, read_results

ROOT = Path(__file__).parents[2]


def loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def tables() -> ModuleType:
    return loaded(ROOT / "docs" / "sei_tables.py")


def test_the_page_and_the_figure_are_those_of_the_results(tables: ModuleType) -> None:
    results = read_results(tables.RESULTS)
    page = (ROOT / "docs" / "sei.md").read_text(encoding="utf-8")
    assert tables.filled(page, results) == page, "run: python docs/sei_tables.py"
    picture = ROOT / "docs" / "sei.svg"
    assert tables.figure(results) == picture.read_text(encoding="utf-8"), "run: python docs/sei_tables.py"


def test_the_results_are_those_of_the_example(tables: ModuleType) -> None:
    example = loaded(ROOT / "examples" / "sei_ablation.py")
    plan = Plan(example.BASE, example.ROWS, range(12), measure="sei_ablation:cost")
    assert {row for pair in tables.COMPARED.values() for row in pair} <= set(plan.rows)
    kept_results(tables.RESULTS, plan)  # raises for results of other settings


def run(row: str, seed: int, right: int) -> Run:
    extra = {"parameters": 10, "spikes": 2.5, "operations": 100.0}
    measured = Measured(right, tuple(range(100 - right)), {}, extra)
    return Run(row, seed, 1.0, measured, measured)


def test_only_seeds_that_both_rows_have_are_compared(tables: ModuleType) -> None:
    names = ("conv, KD, SE", "none, KD, SE")
    runs = [run(names[0], seed, 80 + seed) for seed in range(4)] + [run(names[1], seed, 70 + seed % 2) for seed in range(3)]
    results = Results({name: {} for name in names}, {"held_out": 0, "measure": ""}, runs)
    ((what, differences),) = tables.differences(results)
    assert differences == [10, 10, 12]
    line = tables.compared(results)[2]
    ElementTree.fromstring(tables.figure(results))
    assert tables.figure(results).count("<circle") == 3
    assert tables.compared(Results(results.rows, results.head)) == [
        "No two rows have two seeds in common yet, so no difference can be told from chance."
    ]
    assert what in line and "+10.67 ± 2.87" in line and "significant" in line and "not significant" not in line
    assert "| none, KD, SE | 3 | 70.33 ± 1.43 | 10 | 2 | 100 |" in tables.rows(results)


@pytest.mark.slow
def test_the_example_runs_and_goes_on(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "examples" / "sei_ablation.py"), "--smoke", "--output", "sei.json", "--seeds", "1"]
    first = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=True)
    assert "1/2 seed 0" in first.stdout and first.stdout.count(" %\n") >= 2
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=600, check=True)
    assert "seed 0" not in again.stdout
