"""Measures of probabilities against labels, in numpy; the tests hold them against scikit-learn's.

The formulas are a few lines each, and the snnc that only evaluates files need not install scikit-learn for them.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.toolchain.errors import DataError

Floats = NDArray[np.float64]
Labels = NDArray[np.int64]
BINS = 20
LEAST = float(np.finfo(np.float64).eps)  # a probability of 0 for the true class counts as this, as in scikit-learn


@dataclass(frozen=True, eq=False)
class Scored:
    """What each sample contributes to the measures, all `(B,)`: its confidence, whether it is right, its losses."""

    confidence: Floats
    right: Floats
    nll: Floats
    brier: Floats

    @classmethod
    def of(cls, probabilities: Floats, labels: Labels) -> "Scored":
        """Score probabilities `(B, classes)`. Raises DataError unless each row is one, and each label a class."""
        _check(probabilities, labels)
        rows = np.arange(len(labels))
        of_truth = probabilities[rows, labels]
        truth = np.zeros_like(probabilities)
        truth[rows, labels] = 1
        right = (probabilities.argmax(axis=1) == labels).astype(np.float64)
        nll = -np.log(np.maximum(of_truth, LEAST))
        return cls(probabilities.max(axis=1), right, nll, np.square(probabilities - truth).sum(axis=1))

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.right)

    def chosen(self, which: NDArray[Any]) -> "Scored":
        """Return some of the samples, by their indices."""
        return Scored(self.confidence[which], self.right[which], self.nll[which], self.brier[which])


def _check(probabilities: Floats, labels: Labels) -> None:
    if probabilities.ndim != 2 or labels.shape != (len(probabilities),) or not len(labels):
        raise DataError(
            f"got probabilities of shape {probabilities.shape} and labels of shape {labels.shape}; "
            "allowed are (B, classes) and (B,), B at least 1"
        )
    if not (np.isfinite(probabilities).all() and (probabilities >= 0).all()):
        raise DataError("probabilities hold numbers that are none; they must be 0 or more, and finite")
    if np.abs(probabilities.sum(axis=1) - 1).max() > 1e-6:
        raise DataError("the probabilities of a sample do not sum to 1; divide them by their sum")
    if labels.min() < 0 or labels.max() >= probabilities.shape[1]:
        raise DataError(f"labels hold {labels.min()}..{labels.max()}; allowed are 0..{probabilities.shape[1] - 1}")


def accuracy(scored: Scored) -> float:
    """Return the share (0..1) of samples whose most probable class is the true one."""
    return float(scored.right.mean())


def nll(scored: Scored) -> float:
    """Return the mean negative log-likelihood of the true class, in nats."""
    return float(scored.nll.mean())


def brier(scored: Scored) -> float:
    """Return the Brier score, the mean over samples of the squared distance summed over classes (0..2)."""
    return float(scored.brier.mean())


def ece(scored: Scored, bins: int = BINS) -> float:
    """Return the expected calibration error (0..1) over equal bins of the confidence, [low, high), the last one closed."""
    return float(np.abs(reliability(scored, bins).gaps).sum())


def adaptive_ece(scored: Scored, bins: int = BINS) -> float:
    """Return the expected calibration error over bins of as many samples each, as nearly as can be."""
    order = np.argsort(scored.confidence, kind="stable")
    gaps = [float((scored.right[part] - scored.confidence[part]).sum()) for part in np.array_split(order, bins)]
    return float(np.abs(gaps).sum() / len(scored))


MEASURES = {"accuracy": accuracy, "nll": nll, "brier": brier, "ece": ece, "adaptive_ece": adaptive_ece}


@dataclass(frozen=True, eq=False)
class Reliability:
    """Equal bins of the confidence: edges, and per bin the samples, the mean confidence and the accuracy (NaN if empty)."""

    edges: Floats
    counts: NDArray[np.int64]
    confidence: Floats
    accuracy: Floats

    @property
    def gaps(self) -> Floats:
        """What each bin adds to the expected calibration error, with its sign: above 0 where the network is too modest."""
        shares = self.counts / self.counts.sum()
        return np.where(self.counts > 0, shares * np.nan_to_num(self.accuracy - self.confidence), 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values; None in empty bins."""
        means = {name: [None if np.isnan(v) else float(v) for v in getattr(self, name)] for name in ("confidence", "accuracy")}
        return {"edges": self.edges.tolist(), "counts": self.counts.tolist(), **means}


def reliability(scored: Scored, bins: int = BINS) -> Reliability:
    """Sort samples into equal bins of their confidence."""
    edges = np.linspace(0, 1, bins + 1)
    place = np.searchsorted(edges[1:-1], scored.confidence, side="right")
    counts = np.bincount(place, minlength=bins)
    filled = np.where(counts, counts, np.nan)
    confidence, right = (np.bincount(place, each, bins) / filled for each in (scored.confidence, scored.right))
    return Reliability(edges, counts, confidence, right)
