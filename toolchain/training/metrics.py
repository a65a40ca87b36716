"""The metrics of one epoch, as callbacks get them and as history.json and checkpoints hold them."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from snnc.toolchain.errors import FileFormatError
from snnc.toolchain.settings import shown

LARGEST = 2.0**128  # the first number above what 32-bit floats hold, in which losses are computed


@dataclass(frozen=True)
class Epoch:
    """The metrics of one epoch; losses are means over its steps, accuracies are shares of samples (0..1).

    `matching_share` is what the matching loss, as it is weighted, has of the loss (0..1): whether networks feel each other.
    Of each layer: spikes per neuron and step on the test split, and the share of weights that are 0 (both 0..1).
    In a stage that trains a companion alone, accuracies and layers are the companion's. `certainty` is a histogram of |mu|
    over each layer's weights where these have a posterior: shares in 10 equal bins of 0..1. `validation_accuracy` is that on
    training samples that were held out, if any were.
    """

    number: int
    stage: str
    loss: float
    matching_loss: float
    matching_share: float
    train_accuracy: float
    test_accuracy: float
    images_per_second: float
    firing_rates: dict[str, float] = field(default_factory=dict)
    sparsity: dict[str, float] = field(default_factory=dict)
    certainty: dict[str, list[float]] = field(default_factory=dict)
    validation_accuracy: float | None = None

    def __post_init__(self) -> None:
        """Raise FileFormatError for a metric of another type."""
        for metric in fields(self):
            value: Any = getattr(self, metric.name)
            if metric.name == "stage":
                fits = isinstance(value, str)
            elif metric.name in ("firing_rates", "sparsity"):
                fits = isinstance(value, dict) and all(isinstance(name, str) and _is_number(value[name]) for name in value)
            elif metric.name == "certainty":
                fits = isinstance(value, dict) and all(isinstance(name, str) and _are_numbers(value[name]) for name in value)
            elif metric.name == "validation_accuracy":
                fits = value is None or _is_number(value)
            else:
                fits = _is_number(value)
            if not fits:
                raise FileFormatError(f"metric {metric.name!r} is {shown(value)}")


def ran_out(epochs: Sequence[Epoch], patience: int) -> bool:
    """Tell whether the last `patience` epochs of a stage were no better than one before on held-out samples; 0: never."""
    found = [epoch.validation_accuracy or 0.0 for epoch in epochs]
    return 0 < patience < len(found) and max(found[-patience:]) <= max(found[:-patience])


def is_best(epochs: Sequence[Epoch]) -> bool:
    """Tell whether the last of some epochs of one stage is better than all before on held-out samples."""
    *before, last = (epoch.validation_accuracy for epoch in epochs)
    return last is not None and all(other is None or other < last for other in before)


def _are_numbers(value: Any) -> bool:
    return isinstance(value, list) and all(map(_is_number, value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and abs(value) < LARGEST  # no NaN either
