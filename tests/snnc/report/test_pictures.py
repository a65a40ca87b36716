"""Pictures are well-formed, say what they are, and put values where these belong."""

import base64
from io import BytesIO
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from snnc.report.pictures import Scale, bars, lines, png, raster


def tree(text: str) -> ElementTree.Element:
    return ElementTree.fromstring(text)


def test_pictures_are_well_formed_and_escape_names() -> None:
    evil = "<a> & 'b'"
    drawn = [
        lines(evil, {evil: [(0, 1), (1, 3)], "one": [(0, 2)]}, (evil, evil), stages=[(0, evil)]),
        bars(evil, {"edges": [0, 1, 2], "counts": [1, 3]}, evil, mark=1.5),
        raster(evil, [[0, 2], []], 3),
    ]
    for text in drawn:
        picture = tree(text).find("svg")
        assert picture is not None and picture.attrib["aria-label"].startswith(f"{evil}: ")
        assert evil in [each.text for each in picture.iter("text")]


def test_a_raster_has_one_mark_for_each_spike() -> None:
    spikes = [[0, 1, 4], [], [2]]
    marks = next(each for each in tree(raster("l", spikes, 5)).iter("path") if each.attrib["class"] == "spike")
    assert marks.attrib["d"].count("M") == 4


def test_a_raster_of_many_steps_has_one_mark_for_each_pixel() -> None:
    assert raster("l", [[0, 215, 216, 59_999]], 60_000).count("h1.0") == 3
    assert len(raster("l", [range(60_000)] * 2, 60_000)) < 20_000


def test_the_name_of_a_last_stage_is_within_the_picture() -> None:
    drawn = tree(lines("l", {"": [(1, 0), (3, 1)]}, ("x", "y"), stages=[(1, "float"), (3, "integer")]))
    names = {each.text: each.attrib["text-anchor"] for each in drawn.iter("text") if each.attrib.get("class") == "soft"}
    assert names == {"float": "start", "integer": "end"}


def test_bars_are_as_high_as_their_shares() -> None:
    found = list(tree(bars("l", {"edges": [0, 1, 2], "counts": [1, 3]}, "x")).iter("rect"))
    heights = [float(each.attrib["height"]) for each in found]
    assert heights[1] == pytest.approx(3 * heights[0], abs=0.2)


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-5000, 3), (0, 0), (17, 17), (0.001, 0.002), (1, 40)])
def test_ticks_lie_within_the_axis(low: float, high: float) -> None:
    ticks = Scale(low, high, "", 0, 100).ticks
    assert 1 <= len(ticks) <= 9
    assert all(low - 1e-9 <= tick <= max(high, low + 1) + 1e-9 for tick in ticks)


@pytest.mark.parametrize("shape", [(3, 5), (4, 2, 3)])
def test_png_is_read_by_others(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    content = base64.b64decode(png(pixels).removeprefix("data:image/png;base64,"))
    assert np.array_equal(np.asarray(Image.open(BytesIO(content))), pixels)
