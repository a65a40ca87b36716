"""The training view of a posterior: the fifths of |mu|, and the warning of its saturation."""

import io

from rich.console import Console

from snnc.cli.training_view import TrainingView, certainty_line, saturated
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch


def epoch(number: int, last: float) -> Epoch:
    bins = [round((1 - last) / 9, 6)] * 9 + [last]
    return Epoch(number, "float", 1.0, 0.0, 0.5, 0.5, 100.0, {"fc1": 0.1, "fc2": 0.1}, {"fc1": 0.0, "fc2": 0.0}, {"fc2": bins})


def test_the_fifths_of_a_histogram() -> None:
    assert certainty_line(epoch(1, 0.1)) == "|mu| in fifths of 0..1 (%)  fc2 20/20/20/20/20"
    assert certainty_line(epoch(1, 1.0)) == "|mu| in fifths of 0..1 (%)  fc2 0/0/0/0/100"


def test_saturation_is_said_once() -> None:
    assert (saturated(epoch(1, 0.9)), saturated(epoch(1, 0.91))) == ([], ["fc2"])
    text = io.StringIO()
    view = TrainingView(Console(file=text, width=200), TrainConfig(method="bisnn-bayes"), 10)
    with view:
        for number, last in enumerate((0.3, 0.95, 0.99), 1):
            view.epoch(epoch(number, last))
    shown = text.getvalue()
    assert shown.count("the posterior of fc2 is saturated") == 1 and shown.startswith("epoch 2: ")
    assert "lower eta or raise rho" in shown and "fc2 0/0/0/0/99" in shown.replace("0/0/0/0/99", "0/0/0/0/99")
