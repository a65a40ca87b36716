"""Accuracy with its interval, and which classes are taken for which others."""

from math import sqrt
from typing import Any

from snnc.verification.verdict import Verdict

LEVEL = 0.95
Z = 1.959964  # of a normal distribution, for that level


def wilson(correct: int, samples: int) -> tuple[float, float]:
    """Return the interval of 95 % of an accuracy (Wilson 1927): what other samples of the same kind might have given.

    Args:
        correct: samples that were classified correctly, 0..samples.
        samples: at least 1.

    Example:
        >>> from snnc.report.accuracy import wilson
        >>> low, high = wilson(90, 100)
        >>> round(low, 3), round(high, 3)
        (0.826, 0.945)
    """
    share, weight = correct / samples, Z * Z / samples
    middle = share + weight / 2
    half = Z * sqrt(share * (1 - share) / samples + weight / (4 * samples))
    return max((middle - half) / (1 + weight), 0.0), min((middle + half) / (1 + weight), 1.0)


def accuracy_of(verdict: Verdict) -> dict[str, Any] | None:
    """Return the baseline's accuracy as plain values, with the confusion matrix: rows are labels, columns predictions.

    None where samples have no labels.
    """
    result, confusion = verdict.engines.get(verdict.baseline), verdict.confusion
    if result is None or result.correct is None or confusion is None:
        return None
    low, high = wilson(result.correct, result.samples)
    names = verdict.network.labels or tuple(map(str, range(len(confusion))))
    return {
        "engine": verdict.baseline,
        "value": result.accuracy,
        "correct": result.correct,
        "samples": result.samples,
        "low": low,
        "high": high,
        "level": LEVEL,
        "labels": list(names),
        "confusion": confusion.tolist(),
    }
