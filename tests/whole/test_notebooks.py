"""The notebooks run, and print what is written in them."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec

import pytest
from pages import NOTEBOOKS, ROOT


def test_there_are_notebooks_and_all_have_run() -> None:
    assert len(NOTEBOOKS) == 3
    for path in NOTEBOOKS:
        cells = [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
        assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))


@pytest.mark.slow
@pytest.mark.skipif(
    (not find_spec("nbclient") or not find_spec("nir")) and "CI" not in os.environ, reason="nbclient is not installed: make dev"
)
def test_every_notebook_prints_what_is_written_in_it() -> None:
    command = [sys.executable, str(ROOT / "docs" / "run_notebooks.py"), "--check"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
