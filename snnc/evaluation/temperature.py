"""Temperature scaling (Guo et al. 2017, arXiv 1706.04599): one number that divides all logits, fitted on held-out samples."""

from math import exp, log, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.evaluation.measures import Labels, Scored, nll
from snnc.toolchain.network.predictions import softmax

RANGE = (1e-3, 1e3)
STEPS = 60  # of the golden section, each of which keeps 62 % of the range


def predictive(logits: NDArray[Any], temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the probabilities `(B, classes)` of logits `(members, B, classes)`: the mean over members of their softmax."""
    averaged: NDArray[np.float64] = softmax(logits / temperature).mean(axis=0)
    return averaged


def fitted_temperature(logits: NDArray[Any], labels: Labels) -> float:
    """Return the temperature within 0.001..1000 whose probabilities have the smallest negative log-likelihood."""

    def loss(exponent: float) -> float:
        return nll(Scored.of(predictive(logits, exp(exponent)), labels))

    low, high = map(log, RANGE)
    part = (sqrt(5) - 1) / 2
    left, right = high - part * (high - low), low + part * (high - low)
    of_left, of_right = loss(left), loss(right)
    for _ in range(STEPS):
        if of_left <= of_right:
            high, right, of_right = right, left, of_left
            left = high - part * (high - low)
            of_left = loss(left)
        else:
            low, left, of_left = left, right, of_right
            right = low + part * (high - low)
            of_right = loss(right)
    return exp((low + high) / 2)
