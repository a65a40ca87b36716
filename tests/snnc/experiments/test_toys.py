"""The toy problems: their points, their spikes, and a tiny run of each way."""

import numpy as np
import pytest

from snnc.evaluation.measures import MEASURES
from snnc.experiments import toys
from snnc.experiments.bisnn import TOY
from snnc.experiments.toys import CLUSTERS, TOYS, WAYS, coded, dataset, run_toy

QUICK = TOY.replaced(timesteps=4, epochs_float=1, epochs_quantized=1, epochs_integer=1)


def test_moons_are_half_circles_with_noise() -> None:
    points, classes = toys.moons(np.random.default_rng(0), 4000)
    center = np.where(classes[:, None] == 0, (0, 0), (1, 0.5))
    radius = np.linalg.norm(points - center, axis=1)
    assert radius.mean() == pytest.approx(1, abs=0.02) and radius.std() == pytest.approx(0.1, abs=0.01)
    assert np.bincount(classes).tolist() == [2000, 2000]
    assert (points[classes == 0, 1].mean() > 0.5) and (points[classes == 1, 1].mean() < 0)


def test_a_signal_has_gaps() -> None:
    points, classes = toys.signal(np.random.default_rng(0), 400)
    for start, stop, which in CLUSTERS:
        inside = (points[:, 0] >= start) & (points[:, 0] <= stop)
        assert inside.sum() == 100 and set(classes[inside]) == {which}
    assert TOYS["signal"].known(points).all()
    assert not TOYS["signal"].known(np.array([[-0.75], [0.2], [2.0]])).any()


@pytest.mark.parametrize("name", TOYS)
def test_neurons_fire_most_where_their_bump_is(name: str) -> None:
    toy = TOYS[name]
    centers = np.linspace(toy.low, toy.high, toy.neurons)
    points = np.full((1, toy.axes), centers[3])
    rates = coded(points, toy, 4000, np.random.default_rng(0)).mean((0, 1)).reshape(toy.axes, -1)
    expected = np.zeros(toy.neurons)
    expected[2:5] = 0.5, 1, 0.5
    assert np.abs(rates - expected).max() < 0.04
    data = dataset(toy, 3, 0)
    assert data.train.samples.shape == (3, 1000, toy.axes * toy.neurons) and set(np.unique(data.train.samples)) == {0, 1}


def test_the_map_covers_the_grid() -> None:
    points = TOYS["moons"].map_points()
    assert points.shape == (1600, 2) and points[0].tolist() == [-2, -2] and points[1, 1] == -2 < points[1, 0] - 0.1
    assert 0.1 < TOYS["moons"].known(points).mean() < 0.5


@pytest.mark.parametrize("way", WAYS)
def test_every_way_gives_measures_and_a_map(way: str) -> None:
    rows = run_toy("signal", way, QUICK)
    assert list(rows) == (["Bayes, mode", "Bayes, committee"] if way == "Bayes" else [way])
    for found in rows.values():
        assert set(found) == {*MEASURES, "entropy", "map"}
        chances = np.array(found["map"])
        assert chances.shape == (TOYS["signal"].grid,) and (chances >= 0).all() and (chances <= 1).all()
