"""The view of a training: one line where networks hardly feel each other, or where a posterior is saturated."""

from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from training_runs import TINY

import snnc
from snnc.toolchain.errors import DataError
from snnc.toolchain.network.readout import MOST_BITS
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch
from snnc.training_view import TrainingView, certainty_line, saturated

EPOCH = Epoch(1, "float", 1.5, 3.0, 0.002, 0.5, 0.6, 100.0)
WARNING = "the matching loss is 0.20% of the loss: the networks hardly feel each other; raise --alpha (it is 0.001)"


def shown(config: TrainConfig, *epochs: Epoch, verbose: bool = False) -> str:
    console = Console(file=StringIO(), width=200)
    with TrainingView(console, config, 1, verbose=verbose) as view:
        for epoch in epochs:
            view.epoch(epoch)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize("verbose", [False, True])
def test_it_warns_once_that_alpha_is_small(verbose: bool) -> None:
    stages = [EPOCH, replace(EPOCH, number=2, stage="quantized"), replace(EPOCH, number=3, stage="integer")]
    text = shown(TINY.replaced(method="tna", alpha=1e-3), *stages, verbose=verbose)
    assert text.count(WARNING) == 1
    assert text.count("matching 0.2%") == 3


def test_it_warns_at_the_end_of_a_single_stage() -> None:
    assert WARNING in shown(TINY.replaced(method="tna", alpha=1e-3), EPOCH)


@pytest.mark.parametrize(
    ("changes", "share"),
    [({"method": "tna", "alpha": 1e-3}, 0.01), ({"method": "tna", "alpha": 0.0}, 0.0), ({"method": "baseline"}, 0.0)],
)
def test_it_is_silent_where_twins_feel_each_other_or_there_are_none(changes: dict[str, object], share: float) -> None:
    assert "hardly" not in shown(TINY.replaced(**changes), replace(EPOCH, matching_share=share))


def posterior(number: int, last: float) -> Epoch:
    bins = [round((1 - last) / 9, 6)] * 9 + [last]
    return Epoch(
        number, "float", 1.0, 0.0, 0.0, 0.5, 0.5, 100.0, {"fc1": 0.1, "fc2": 0.1}, {"fc1": 0.0, "fc2": 0.0}, {"fc2": bins}
    )


def test_the_fifths_of_a_histogram() -> None:
    assert certainty_line(posterior(1, 0.1)) == "|mu| in fifths of 0..1 (%)  fc2 20/20/20/20/20"
    assert certainty_line(posterior(1, 1.0)) == "|mu| in fifths of 0..1 (%)  fc2 0/0/0/0/100"


def test_saturation_is_said_once() -> None:
    assert (saturated(posterior(1, 0.9)), saturated(posterior(1, 0.91))) == ([], ["fc2"])
    text = StringIO()
    view = TrainingView(Console(file=text, width=200), TrainConfig(method="bisnn-bayes"), 10)
    with view:
        for number, last in enumerate((0.3, 0.95, 0.99), 1):
            view.epoch(posterior(number, last))
    shown = text.getvalue()
    assert shown.count("the posterior of fc2 is saturated") == 1 and shown.startswith("epoch 2: ")
    assert "lower eta or raise rho" in shown and "fc2 0/0/0/0/99" in shown.replace("0/0/0/0/99", "0/0/0/0/99")


def test_it_says_once_what_layers_are_silent() -> None:
    rates = {"conv1": 0.1, "fc1": 0.0}
    stages = [replace(EPOCH, firing_rates=rates), replace(EPOCH, number=2, stage="integer", firing_rates=rates)]
    text = shown(TINY, *stages)
    assert text.count("epoch 1: no neuron of fc1 spikes on any test sample, so nothing passes it; lower --lr or --delta") == 1
    assert "conv1" not in text
    assert "or raise --width or --timesteps\n" in text
    assert "or raise --width\n" in shown(TINY.replaced(readout="first-spike", timesteps=MOST_BITS), *stages)
    assert "no neuron" not in shown(TINY, replace(EPOCH, firing_rates={"conv1": 0.1}))


def test_training_from_python_shows_each_stage_if_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snnc.train(TINY, tmp_path / "silent.pt")
    assert not capsys.readouterr().out
    snnc.train(TINY, tmp_path / "shown.pt", progress=True)
    lines = capsys.readouterr().out.splitlines()
    stages = [line.split()[2] for line in lines if line.startswith("epoch") and "loss" in line]
    assert stages == ["float", "quantized", "integer"]


def test_the_view_leaves_it_to_training_to_refuse_what_is_held_out(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="5000 samples cannot be held out of 1257"):
        snnc.train(TINY.replaced(validation=5000), tmp_path / "a.pt", progress=True)
