"""The picture: valid SVG with a point for each mean, higher means higher up, names as text."""

import re
from math import nan
from xml.etree import ElementTree

from snnc.experiments.curves import curves
from snnc.experiments.statistics import Interval

POINTS = [(0.01, Interval(80.0, 1.0)), (0.1, Interval(90.0, nan)), (10.0, Interval(70.0, 0.5))]


def test_it_has_a_point_for_each_mean_and_names_as_text() -> None:
    picture = curves("accuracy (%)", "alpha <&>", {"on the chip": POINTS, "before": POINTS[:2]})
    ElementTree.fromstring(picture)
    assert picture.count("<circle") == 5
    assert "on the chip" in picture and "alpha &lt;&amp;&gt;" in picture and "nan" not in picture


def test_better_is_higher_and_the_axis_is_logarithmic() -> None:
    found = re.findall(r"circle cx='([\d.]+)' cy='([\d.]+)'", curves("", "", {"": POINTS}))
    x, y = ([float(pair[axis]) for pair in found] for axis in (0, 1))
    assert y[1] < y[0] < y[2]
    assert round((x[2] - x[1]) / (x[1] - x[0]), 2) == 2
