"""The evaluation of probabilities: every measure with its interval, the temperature, and what a picture needs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from snnc.evaluation.intervals import Estimate, estimates
from snnc.evaluation.measures import BINS, Reliability, Scored, reliability
from snnc.evaluation.predictions import Predicted
from snnc.evaluation.temperature import fitted_temperature, predictive
from snnc.toolchain.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One file on some samples: measures with intervals, bins of the confidence, the temperature that divided the logits.

    `held_out` is the number of further samples that the temperature was fitted on; 0: none was, and it is 1.
    """

    file: str
    samples: int
    members: int
    temperature: float
    held_out: int
    measures: dict[str, Estimate]
    reliability: Reliability

    def as_dict(self) -> dict[str, Any]:
        """Return plain values, the object that `snnc evaluate --json` prints for a file."""
        counted = {name: getattr(self, name) for name in ("file", "samples", "members", "temperature", "held_out")}
        measures = {name: asdict(estimate) for name, estimate in self.measures.items()}
        return {**counted, **measures, "reliability": self.reliability.as_dict()}


def evaluation(
    predicted: Predicted, *, calibrate: float = 0.0, resamples: int = 1000, seed: int = 0, bins: int = BINS
) -> Evaluation:
    """Evaluate the probabilities of a file.

    Args:
        predicted: its logits and labels.
        calibrate: share (0..1) of the samples, drawn at random, on which a temperature is fitted; all else is measured on
            the others. 0 fits none.
        resamples: the number of bootstrap samples.
        seed: of the samples that are drawn; files with as many samples share them.
        bins: equal bins of the confidence, for the picture and the JSON.

    Raises:
        ConfigError: for a share that leaves no samples for either.
        DataError: if the unit of a logit is not known and no temperature is fitted.
    """
    temperature, held_out = 1.0, 0
    if calibrate:
        order = np.random.default_rng(seed).permutation(len(predicted.labels))
        held_out = round(calibrate * len(order))
        if not 0 < held_out < len(order):
            raise ConfigError(f"--calibrate {calibrate} leaves {held_out} of {len(order)} samples to fit; take about 0.5")
        fitted = predicted.part(order[:held_out])
        temperature = fitted_temperature(fitted.logits, fitted.labels)
        predicted = predicted.part(order[held_out:])
    elif not predicted.scaled:
        raise DataError(
            f"{predicted.name}: does not say how many units of its read-out make a logit, so it has no probabilities; "
            "fit the unit with --calibrate 0.5, or export it again from its checkpoint"
        )
    scored = Scored.of(predictive(predicted.logits, temperature), predicted.labels)
    measures = estimates(scored, resamples, seed)
    members = len(predicted.logits)
    return Evaluation(predicted.name, len(scored), members, temperature, held_out, measures, reliability(scored, bins))
