"""Every example runs from start to end."""

import subprocess
import sys
from pathlib import Path

import pytest
from peers import skip_without

from snnc.export.lava.import_fixes import installed

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("0*.py"))
MATRIX = EXAMPLES[3]  # has a test of its own, with Lava


def test_there_are_examples() -> None:
    assert [path.name[:2] for path in EXAMPLES] == [f"{number:02d}" for number in range(1, len(EXAMPLES) + 1)]
    assert len(EXAMPLES) >= 3
    assert MATRIX.stem.endswith("formats_matrix")


@pytest.mark.parametrize("path", [path for path in EXAMPLES if path != MATRIX or not installed()], ids=lambda path: path.stem)
def test_every_example_runs(path: Path, tmp_path: Path) -> None:
    if "snntorch" in path.stem:
        skip_without("snntorch")
    result = subprocess.run([sys.executable, str(path)], cwd=tmp_path, capture_output=True, text=True, timeout=240, check=False)
    assert result.returncode == 0, result.stderr
    assert result.stdout


@pytest.mark.lava
@pytest.mark.slow
def test_the_matrix_is_the_one_in_the_documentation(tmp_path: Path) -> None:
    result = subprocess.run(
        [sys.executable, str(MATRIX), "--lava"], cwd=tmp_path, capture_output=True, text=True, timeout=900, check=False
    )
    assert result.returncode == 0, result.stderr
    page = (MATRIX.parent.parent / "docs" / "formats.md").read_text(encoding="utf-8")
    assert result.stdout in page
