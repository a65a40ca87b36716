"""The view of a training: how much the matching loss is, and one line where networks hardly feel each other."""

from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from training_runs import TINY

from snnc.cli.training_view import TrainingView
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.metrics import Epoch

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
