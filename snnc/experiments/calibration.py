"""What runs of a plan measure of their probabilities: `measure="snnc.experiments.calibration:calibration"`."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnc.evaluation.measures import MEASURES, Labels, Scored
from snnc.evaluation.temperature import fitted_temperature, predictive
from snnc.toolchain.layers.posterior import posterior_layers
from snnc.toolchain.training.evaluation import logits_on
from snnc.toolchain.training.members import members_of
from snnc.toolchain.training.train import Training

MEMBERS = 10
DIGITS = 5  # after the point


def calibration(training: Training, moment: str) -> dict[str, Any]:
    """Return all measures of the base network on the test split and, if it has a posterior, those of a committee of ten.

    `scaled` are the measures after temperature scaling: the temperature of each half of the split is fitted on the other half,
    so that every sample counts, and none has a part in its own temperature.
    """
    samples = training.data.test
    labels = samples.labels.cpu().numpy()
    found = {"single": measured(logits_on(training.base, samples)[None], labels)}
    if any(posterior_layers(training.base)):
        members = members_of(training.base, training.data.train, MEMBERS, training.config.seed)
        logits = np.stack([logits_on(member, samples) for member in members])
        found["committee"] = measured(logits, labels)
        found["members"] = {"accuracy": [round(_measures(each[None], labels)["accuracy"], DIGITS) for each in logits]}
    return found


def measured(logits: NDArray[np.float64], labels: Labels, seed: int = 0) -> dict[str, Any]:
    """Return all measures of logits `(members, B, classes)`, as they are and after temperature scaling."""
    halves = np.array_split(np.random.default_rng(seed).permutation(len(labels)), 2)
    scaled, temperatures = np.empty(logits.shape[1:]), []
    for half, other in (halves, halves[::-1]):
        temperatures.append(fitted_temperature(logits[:, other], labels[other]))
        scaled[half] = predictive(logits[:, half], temperatures[-1])
    of_scaled = {name: round(function(Scored.of(scaled, labels)), DIGITS) for name, function in MEASURES.items()}
    rounded = {name: round(value, DIGITS) for name, value in _measures(logits, labels).items()}
    return {**rounded, "scaled": of_scaled, "temperatures": [round(each, 4) for each in temperatures]}


def _measures(logits: NDArray[np.float64], labels: Labels) -> dict[str, float]:
    scored = Scored.of(predictive(logits), labels)
    return {name: function(scored) for name, function in MEASURES.items()}
