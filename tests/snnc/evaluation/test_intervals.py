"""Bootstrap intervals."""

import numpy as np
import pytest

from snnc.evaluation.intervals import estimates
from snnc.evaluation.measures import MEASURES, Scored


def scored(count: int, accuracy: float = 0.8) -> Scored:
    rng = np.random.default_rng(1)
    right = rng.random(count) < accuracy
    probabilities = np.full((count, 2), 0.2)
    probabilities[:, 0] = 0.8
    return Scored.of(probabilities, np.where(right, 0, 1))


def test_an_interval_holds_the_binomial_one() -> None:
    found = estimates(scored(1000), 2000)["accuracy"]
    half = 1.96 * np.sqrt(found.value * (1 - found.value) / 1000)
    assert (found.low, found.high) == pytest.approx((found.value - half, found.value + half), abs=0.004)


def test_every_measure_lies_within_its_interval() -> None:
    found = estimates(scored(200), 300)
    assert list(found) == list(MEASURES)
    for name, each in found.items():
        assert 0 <= each.low <= each.value <= each.high, name
    assert found == estimates(scored(200), 300)
    assert found != estimates(scored(200), 300, seed=1)


def test_without_bootstrap_samples_there_is_the_value_alone() -> None:
    found = estimates(scored(50), 0)["nll"]
    assert found.low == found.high == found.value


def test_the_interval_of_a_perfect_calibration_begins_at_0() -> None:
    probabilities = np.tile([0.8, 0.2], (100, 1))
    perfect = Scored.of(probabilities, (np.arange(100) % 5 == 0).astype(np.int64))
    found = estimates(perfect, 200)["ece"]
    assert found.value == pytest.approx(0, abs=1e-12) and found.low == 0 < found.high < 0.1
