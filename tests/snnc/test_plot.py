"""Pictures: each is drawn from what it says, whatever the network, and refuses what is not there."""

from pathlib import Path

import numpy as np
import pytest
from random_networks import random_network, random_samples

import snnc
from snnc.toolchain.errors import ConfigError, DataError
from snnc.toolchain.simulate.trace import Trace
from snnc.verification.verify import verify

pytest.importorskip("matplotlib")


@pytest.mark.parametrize("seed", range(3))
def test_every_picture_can_be_drawn_and_saved(tmp_path: Path, seed: int) -> None:
    network = random_network(seed)
    trace = snnc.simulate(network, random_samples(network, 4))
    outputs = trace.outputs(network)
    pictures = [snnc.plot.raster(trace), snnc.plot.membranes(trace, sample=3), snnc.plot.firing_rates(trace)]
    pictures += [snnc.plot.weights(network), snnc.plot.confusion(network, outputs, np.zeros(4, int))]
    for picture in pictures:
        assert picture._repr_png_().startswith(b"\x89PNG")
        picture.save(tmp_path / "a.svg")
        assert "<svg" in (tmp_path / "a.svg").read_text(encoding="utf-8")
        with pytest.raises(ConfigError, match="must end in .png or .svg"):
            picture.save(tmp_path / "a.gif")


def test_pictures_show_what_they_are_given() -> None:
    layer = snnc.Layer("a$b", (snnc.Dense("input", [[1, 0], [0, 3]]),), snnc.Lif((2,), vth=2, dv=2048))
    network = snnc.Network("n", 3, snnc.Input((2,), 0, 1), (layer,), "spikes", ("<one>", "$two"))
    trace = snnc.simulate(network, np.array([[1, 1], [0, 1]]))
    (axes,) = snnc.plot.raster(trace, sample=1).figure.axes
    assert axes.get_title() == f"a$b: {int(trace.spikes['a$b'][:, 1].sum())} spikes"
    np.testing.assert_array_equal(axes.images[0].get_array(), trace.spikes["a$b"][:, 1].T)
    (axes,) = snnc.plot.membranes(trace).figure.axes
    assert axes.lines[0].get_ydata().tolist() == (trace.membranes["a$b"][:, 0, 0] / 64).tolist()
    (axes,) = snnc.plot.weights(network).figure.axes
    assert axes.get_title() == "a$b: 4 weights, 50% are 0"
    assert sum(patch.get_height() for patch in axes.patches) == 4
    (axes,) = snnc.plot.confusion(network, trace.outputs(network), np.array([1, 0])).figure.axes
    assert axes.get_title() == "50.00% of 2 samples"
    assert [text.get_text() for text in axes.texts] == ["0", "1", "0", "1"]


def test_what_is_not_there_is_refused() -> None:
    network = random_network(1)
    trace = snnc.simulate(network, random_samples(network, 2))
    with pytest.raises(ConfigError, match="layer 'x' is unknown; allowed are layer0"):
        snnc.plot.raster(trace, ["x"])
    with pytest.raises(ConfigError, match="sample 2 is not there; allowed are 0 to 1"):
        snnc.plot.membranes(trace, sample=2)
    outputs = trace.outputs(network)
    for labels in (np.zeros(3, int), np.array([0, 10**6]), np.array([0.0, 0.5]), np.array([True, False])):
        with pytest.raises(ConfigError, match="do not fit"):
            snnc.plot.confusion(network, outputs, labels)
    with pytest.raises(DataError, match=r"outputs of shape \(2, [0-9]+\) are not those of 'random 1'; allowed is"):
        snnc.plot.confusion(network, np.hstack([outputs, outputs]), np.zeros(2, int))
    with pytest.raises(ConfigError, match="0 neurons were asked for; draw at least 1"):
        snnc.plot.membranes(trace, neurons=0)
    with pytest.raises(ConfigError, match="sample 0 is not there; the trace has none"):
        snnc.plot.firing_rates(trace.first(0))


def one_layer(neurons: int) -> snnc.Network:
    layer = snnc.Layer("a", (snnc.Dense("input", np.ones((neurons, 1), int)),), snnc.Lif((neurons,), vth=2, dv=2048))
    return snnc.Network("n", 3, snnc.Input((1,), 0, 1), (layer,), "spikes")


def test_a_single_spike_of_a_large_layer_is_black() -> None:
    spikes = np.zeros((2500, 1, 1003), bool)
    spikes[1700, 0, 1002] = True
    (axes,) = snnc.plot.raster(Trace("fast", {"a": spikes}, {"a": np.zeros(spikes.shape, np.int32)})).figure.axes
    points = axes.images[0].get_array()
    assert points.shape == (335, 834) and np.argwhere(points).tolist() == [[334, 566]]
    assert list(axes.images[0].get_extent()) == [-0.5, 2499.5, -0.5, 1002.5]
    assert axes.get_title() == "a: 1 spikes"


def test_many_classes_have_some_names_on_the_axes() -> None:
    network = one_layer(120)
    (axes,) = snnc.plot.confusion(network, np.zeros((1, 120), int), [7]).figure.axes  # type: ignore[arg-type]
    assert [text.get_text() for text in axes.get_xticklabels()] == [str(number) for number in range(0, 120, 3)]


def test_a_picture_of_very_many_layers_can_be_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snnc.plot, "INCHES", 10_000)
    assert snnc.plot.weights(one_layer(1)).figure.get_figheight() * 120 < 2**16


def test_networks_and_verdicts_are_tables_in_notebooks() -> None:
    layer = snnc.Layer("<b>", (snnc.Dense("input", [[1, 1]]),), snnc.Lif((1,), vth=2, dv=2048))
    network = snnc.Network("<script>", 3, snnc.Input((2,), 0, 1), (layer,), "spikes")
    verdict = verify(network, np.array([[1, 1], [1, 0]]), engines=["tensor"])
    for text in (network._repr_html_(), verdict._repr_html_()):
        assert "<table>" in text and "&lt;b&gt;" in text
        assert "<b>" not in text.replace("<b>&lt;script", "") and "<script" not in text
    assert "EQUAL: reference = tensor on 2 samples" in verdict._repr_html_()
