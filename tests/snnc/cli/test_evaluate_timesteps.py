"""snnc evaluate --timesteps: what is asked for, what is shown, what is drawn."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from snnc.cli.evaluate_timesteps import steps_of
from snnc.cli.main import main
from snnc.toolchain.errors import ConfigError


def test_ranges_and_lists_are_read() -> None:
    assert steps_of("1..4") == [1, 2, 3, 4]
    assert steps_of("8, 2,4..5") == [2, 4, 5, 8]


@pytest.mark.parametrize("text", ["", "0", "1..", "4..1", "1-8", "99999", "1..20000", "-1", "1,,2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="allowed are numbers of 1 to 32,768, such as 1..8 or 2,4,8"):
        steps_of(text)


def test_the_table_and_the_picture(tiny_path: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "a.svg"
    arguments = ["evaluate", str(tiny_path), "--timesteps", "1..3", "-n", "50"]
    result = CliRunner().invoke(main, [*arguments, "--plot", str(picture)])
    assert result.exit_code == 0, result.output
    assert "50 samples, trained for T = 3" in result.output
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<?xml")
    rows = json.loads(CliRunner().invoke(main, [*arguments, "--json"]).output)["files"][0]["rows"]
    assert [row["timesteps"] for row in rows] == [1, 2, 3]
    refused = CliRunner().invoke(main, [*arguments, "--members", "2"])
    assert refused.exit_code == 2 and "leave --members and --calibrate out" in refused.output
