"""Table 2: the statistics, and the script over very few epochs, interrupted and gone on with."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "reproduce_table2.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reproduce_table2", SCRIPT)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_interval_is_students(script: ModuleType) -> None:
    # mean 3, deviation 1.5811, t(0.975, 4) = 2.7764
    assert script.interval([1.0, 2.0, 3.0, 4.0, 5.0]) == "3.00 ± 1.96"


def test_significance_is_a_paired_t_test(script: ModuleType) -> None:
    assert script.p_value([1.0, 2.0, 3.0, 4.0, 5.0]) == pytest.approx(0.0132, abs=1e-4)
    assert script.p_value([0.0, 0.0]) == 1.0
    assert script.p_value([1.0]) == 1.0
    assert script.p_value([1.0, 1.0]) == 0.0
    assert [script.verdict(*case) for case in (([1.0], 0.01), ([-1.0], 0.01), ([1.0], 0.2))] == [
        "yes",
        "yes, the other way round",
        "no",
    ]


def test_many_claims_need_stronger_evidence(script: ModuleType) -> None:
    assert script.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert script.holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])


@pytest.mark.slow
def test_it_goes_on_where_it_was_stopped(script: ModuleType, tmp_path: Path) -> None:
    command = [sys.executable, str(SCRIPT), "--width", "0.03", "--epochs", "1"]
    for seeds in ("1", "2"):
        ran = subprocess.run(
            [*command, "--seeds", seeds], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300
        )
        assert ran.stdout.count("on the chip ") == len(script.ROWS) + ran.stdout.count("| on the chip ")
    other = subprocess.run([*command, "--width", "0.04"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "table2.json holds results of other settings; delete it" in other.stderr
    table = (tmp_path / "table2.md").read_text()
    assert all(f"| {name} | " in table for name in script.ROWS)
    assert table.count("±") == 2 * len(script.ROWS) + len(script.CLAIMS)
