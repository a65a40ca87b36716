"""Temperature scaling."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from snnc.evaluation.measures import Scored, nll
from snnc.evaluation.temperature import fitted_temperature, predictive


def logits(scale: float, members: int = 1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(400, 3))
    chances = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    labels = (chances.cumsum(1) < rng.random((400, 1))).sum(1)
    return np.stack([scale * (true + 0.1 * rng.normal(size=true.shape)) for _ in range(members)]), labels


@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("scale", [0.02, 1.0, 30.0])
def test_it_finds_the_best_temperature(scale: float, members: int) -> None:
    values, labels = logits(scale, members)
    found = fitted_temperature(values, labels)
    best = minimize_scalar(
        lambda e: nll(Scored.of(predictive(values, np.exp(e)), labels)), bounds=(-6.9, 6.9), method="bounded"
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-3)
    assert found == pytest.approx(scale, rel=0.3)


def test_members_are_averaged_as_probabilities() -> None:
    values = np.array([[[0.0, 0.0]], [[np.log(9), 0.0]]])
    assert np.allclose(predictive(values), [[0.7, 0.3]])
