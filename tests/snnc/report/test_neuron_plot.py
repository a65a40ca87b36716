"""The plot of one neuron says what it shows, whatever its threshold and however many steps it has."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest
from report_runs import small_network

from snnc.report.neuron_plot import MOST_DOTS, neuron_svg
from snnc.toolchain.network.network import Layer, Lif
from snnc.verification.neuron import NeuronTrace

SVG = "{http://www.w3.org/2000/svg}"


def plotted(threshold: int, v: int, steps: int = 3) -> ElementTree.Element:
    layer = small_network().layers[0]
    layer = Layer(layer.name, layer.synapses, Lif(layer.output_shape, threshold, 2048))
    seen = NeuronTrace("fast", (1,) * steps, (64,) * steps, (v,) * steps, (0,) * steps, (1,) * steps)
    groups = [[seen, replace(seen, engine="reference")]]
    return ElementTree.fromstring(neuron_svg(groups, layer, (0, 0, 0)))


@pytest.mark.parametrize(
    ("threshold", "said"),
    [(0, "threshold dashed, spikes on top"), (2, "threshold dashed, spikes on top"), (2**17, "threshold far above")],
)
def test_a_threshold_is_drawn_unless_it_is_far_above(threshold: int, said: str) -> None:
    drawn = plotted(threshold, 64)
    assert f"v before a reset, {said}" in [each.text for each in drawn.iter(f"{SVG}text")]
    marks = [each for each in drawn.iter(f"{SVG}path") if each.attrib["class"] == "mark"]
    assert len(marks) == ("dashed" in said)


def test_many_steps_have_no_dots() -> None:
    dots = [len(list(plotted(1, 64, steps).iter(f"{SVG}circle"))) for steps in (1, MOST_DOTS, MOST_DOTS + 1)]
    assert dots == [3, 3 * MOST_DOTS, 0]
