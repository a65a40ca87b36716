"""The measures against scikit-learn's, on random predictions and at the edges."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss

from snnc.evaluation.measures import LEAST, MEASURES, Scored, adaptive_ece, brier, ece, nll, reliability
from snnc.toolchain.errors import DataError


def predictions(seed: int, count: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    sharp = rng.uniform(0.1, 8)
    powers = np.exp(sharp * rng.normal(size=(count, classes)))
    return powers / powers.sum(1, keepdims=True), rng.integers(0, classes, count)


def ece_of_sklearn(probabilities: np.ndarray, labels: np.ndarray, strategy: str, bins: int) -> float:
    """Return the calibration error from the bins of `calibration_curve`, whose samples are counted by hand."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    share, mean = calibration_curve(right, confidence, n_bins=bins, strategy=strategy, pos_label=True)
    parts = np.linspace(0, 1, bins + 1)
    edges = np.percentile(confidence, 100 * parts) if strategy == "quantile" else parts
    counts = np.bincount(np.searchsorted(edges[1:-1], confidence), minlength=bins)
    return float((counts[counts > 0] / len(labels) * np.abs(share - mean)).sum())


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 300), st.integers(2, 12))
def test_measures_are_those_of_scikit_learn(seed: int, count: int, classes: int) -> None:
    probabilities, labels = predictions(seed, count, classes)
    scored, every = Scored.of(probabilities, labels), np.arange(classes)
    assert MEASURES["accuracy"](scored) == pytest.approx(accuracy_score(labels, probabilities.argmax(1)))
    assert nll(scored) == pytest.approx(log_loss(labels, probabilities, labels=every))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of labels that do not occur
        expected = brier_score_loss(np.eye(classes)[labels], probabilities) if classes > 2 else None
    if expected is not None:
        assert brier(scored) == pytest.approx(expected)
    assert ece(scored) == pytest.approx(ece_of_sklearn(probabilities, labels, "uniform", 20))


@pytest.mark.parametrize("seed", range(5))
def test_the_adaptive_error_is_that_of_bins_of_equal_size(seed: int) -> None:
    probabilities, labels = predictions(seed, 241, 5)  # 241 = 20 * 12 + 1: percentiles are samples, all confidences differ
    order = np.argsort(probabilities.max(1))
    parts = np.array_split(order, 20)
    right = probabilities.argmax(1) == labels
    expected = sum(abs(right[part].mean() - probabilities.max(1)[part].mean()) * len(part) for part in parts) / 241
    assert adaptive_ece(Scored.of(probabilities, labels)) == pytest.approx(expected)
    assert expected == pytest.approx(ece_of_sklearn(probabilities, labels, "quantile", 20), abs=1e-9)


def test_certain_predictions_fall_into_the_last_bin() -> None:
    certain = np.eye(3)
    right = Scored.of(certain, np.array([0, 1, 2]))
    assert [measure(right) for measure in MEASURES.values()] == [1, 0, 0, 0, 0]
    assert reliability(right).counts.tolist() == [0] * 19 + [3]
    wrong = Scored.of(certain, np.array([1, 2, 0]))
    assert (MEASURES["accuracy"](wrong), brier(wrong), ece(wrong), adaptive_ece(wrong)) == (0, 2, 1, 1)
    assert nll(wrong) == pytest.approx(-np.log(LEAST))
    assert nll(wrong) == pytest.approx(log_loss([1, 2, 0], certain))


def test_an_edge_belongs_to_the_bin_above_it() -> None:
    scored = Scored.of(np.array([[0.5, 0.5], [0.75, 0.25], [0.25, 0.75]]), np.array([0, 0, 0]))
    assert np.flatnonzero(reliability(scored).counts).tolist() == [10, 15]
    assert np.flatnonzero(reliability(scored, 4).counts).tolist() == [2, 3]


def test_one_class_is_always_right() -> None:
    scored = Scored.of(np.ones((4, 1)), np.zeros(4, np.int64))
    assert [measure(scored) for measure in MEASURES.values()] == [1, 0, 0, 0, 0]


def test_empty_bins_add_nothing() -> None:
    scored = Scored.of(np.array([[0.9, 0.1]]), np.array([1]))
    bins = reliability(scored)
    assert np.isnan(bins.accuracy).sum() == 19 and bins.gaps.sum() == pytest.approx(-0.9)
    assert bins.as_dict()["accuracy"].count(None) == 19
    assert ece(scored) == adaptive_ece(scored) == pytest.approx(0.9)


@pytest.mark.parametrize(
    ("probabilities", "labels", "message"),
    [
        ([[0.5, 0.6]], [0], "do not sum to 1"),
        ([[0.5, 0.5]], [2], "labels hold 2..2; allowed are 0..1"),
        ([[0.5, 0.5]], [0, 1], r"got probabilities of shape \(1, 2\) and labels of shape \(2,\)"),
        ([[-0.5, 1.5]], [0], "must be 0 or more, and finite"),
        ([[np.nan, 1.0]], [0], "must be 0 or more, and finite"),
        (np.zeros((0, 2)), [], "B at least 1"),
    ],
)
def test_what_are_no_probabilities_is_refused(probabilities: object, labels: object, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Scored.of(np.array(probabilities, np.float64), np.array(labels, np.int64))
