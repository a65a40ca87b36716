"""Intervals of measures over bootstrap samples: what other test samples of the same kind might have given."""

from dataclasses import dataclass

import numpy as np

from snnc.evaluation.measures import MEASURES, Scored

LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A measure, and the percentile interval of its bootstrap samples."""

    value: float
    low: float
    high: float


def estimates(scored: Scored, resamples: int = 1000, seed: int = 0) -> dict[str, Estimate]:
    """Return every measure of MEASURES with its interval of 95 %.

    A calibration error is an absolute value, which the noise of resampling makes larger: intervals are moved back by how much
    the mean over the bootstrap samples is above the measure itself, down to 0 at most.
    """
    random = np.random.default_rng(seed)
    drawn: dict[str, list[float]] = {name: [] for name in MEASURES}
    for _ in range(resamples):
        resampled = scored.chosen(random.integers(0, len(scored), len(scored)))
        for name, measure in MEASURES.items():
            drawn[name].append(measure(resampled))
    tails = (50 * (1 - LEVEL), 50 * (1 + LEVEL))
    found = {}
    for name, measure in MEASURES.items():
        value = measure(scored)
        low, high = np.percentile(drawn[name], tails) - np.mean(drawn[name]) + value if resamples else (value, value)
        found[name] = Estimate(value, max(float(low), 0.0), float(high))
    return found
