"""How time and memory grow: every quantity from one base, as a table, as plain values and as a picture."""

import io
import json
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.console import Console

from snnc.bench import growth as growing
from snnc.bench.growth import AXES, BASE, Point, growth, picture, training_growth
from snnc.bench.simulation import SimulationSettings
from snnc.bench.tables import show_growth
from snnc.cli.main import main
from snnc.toolchain.native.library import built

FEW = {"width": (1 / 16, 1 / 8), "timesteps": (1, 2), "images": (2, 8), "side": (8, 16), "rate": (0.1, 0.3)}
SMALL = {"width": 1 / 16, "timesteps": 1, "images": 2, "side": 8, "rate": 0.2}


@pytest.mark.skipif(not built(), reason="the C kernel was not built: no compiler")
def test_all_that_grows_is_measured_from_one_base(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "BASE", SMALL)
    points = list(growth(SimulationSettings(rounds=1, threads=1), axes=FEW))
    assert [(point.axis, point.value) for point in points] == [
        (axis, value) for axis, values in FEW.items() for value in values
    ]
    assert all(point.seconds > 0 and point.mib > 1 for point in points)
    assert FEW.keys() == AXES.keys() == BASE.keys()
    assert all(BASE[axis] in values for axis, values in AXES.items())


def test_the_table_counts_against_the_first_of_each() -> None:
    points = [Point("width", 1, 0.5, 10), Point("width", 2, 1.5, 20), Point("side", 8, 2.0, 5)]
    file = io.StringIO()
    show_growth(Console(file=file, width=100), points)
    rows = [line.split() for line in file.getvalue().splitlines()[2:]]
    assert rows == [
        ["width", "1", "500.00", "1.00", "10"],
        ["width", "2", "1500.00", "3.00", "20"],
        ["side", "8", "2000.00", "1.00", "5"],
    ]


def test_the_picture_has_a_panel_for_everything_that_grew_and_a_line_in_proportion() -> None:
    points = [Point("width", value, value**2, 1) for value in (1, 2, 4)] + [Point("side", value, value, 3) for value in (8, 16)]
    svg = ElementTree.fromstring(picture(points))
    name = "{http://www.w3.org/2000/svg}"
    assert len(svg.findall(f"{name}rect")) == 4
    lines = [line.get("points", "") for line in svg.findall(f"{name}polyline")]
    assert len(lines) == 8
    side = lines[4:6]  # grows in proportion: both lines end at the same place
    assert side[0].split()[-1] == side[1].split()[-1]
    assert lines[0] != lines[1]


def test_a_training_step_is_measured_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "TRAINED", {"width": (1 / 16,), "timesteps": (1, 2), "batch": (2, 4)})
    monkeypatch.setattr(growing, "TRAINED_BASE", {"width": 1 / 16, "timesteps": 1, "batch": 2})
    points = list(training_growth(1, 1))
    assert [(point.axis, point.value) for point in points] == [
        ("width", 1 / 16), ("timesteps", 1), ("timesteps", 2), ("batch", 2), ("batch", 4)
    ]  # fmt: skip
    result = CliRunner().invoke(main, ["bench", "train", "--growth", "--rounds", "1", "--json"])
    assert [each["axis"] for each in json.loads(result.stdout)["growth"]] == [point.axis for point in points]
