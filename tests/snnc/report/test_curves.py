"""Training curves: of the checkpoint, or of the history beside a file; and the command that trains again."""

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from report_runs import small_run

from snnc.report.curves import options_of, training
from snnc.report.page import training_curves
from snnc.toolchain.training.config import TrainConfig

if TYPE_CHECKING:
    from snnc.toolchain.training.checkpoint import Checkpoint

CONFIGS = [
    TrainConfig(),
    TrainConfig(seed=3, restart=False, width=0.06, data="a folder"),
    TrainConfig().replaced(method="tna", alpha=0.5),
    TrainConfig().replaced(method="bisnn-st"),
]


@pytest.mark.parametrize("config", CONFIGS)
def test_options_give_the_configuration_again(config: TrainConfig) -> None:
    from snnc.cli.train import configured, train

    with train.make_context("train", [*options_of(config)], resilient_parsing=False) as context:
        named = context.params
    settings = {name: named.get(name) for name in config.as_dict()}
    assert configured(None, None, settings) == config


def test_the_history_beside_a_file_is_shown(tiny: "Checkpoint", tmp_path: Path) -> None:
    file, history = tmp_path / "model.net", tmp_path / "model.history.json"
    run = replace(small_run(), files=(str(file),))
    assert training(run) is None
    epochs = [asdict(epoch) for epoch in tiny.history]
    content = {"config": tiny.config.as_dict(), "epochs": epochs}
    history.write_text(json.dumps(content))
    found = training(run)
    assert found is not None and found["source"] == str(history)
    kept = training(replace(run, checkpoint=tiny))
    assert kept is not None and kept["epochs"] == found["epochs"] == epochs and kept["command"] == found["command"]
    for damaged in ("", "[]", "{}", json.dumps(content | {"epochs": [{"number": 1}]}), json.dumps(content | {"epochs": []})):
        history.write_text(damaged)
        assert training(run) is None


def test_each_phase_has_its_line(tiny: "Checkpoint") -> None:
    accuracy, loss, matching, rates = training_curves([asdict(epoch) for epoch in tiny.history])
    stages = dict.fromkeys(epoch.stage for epoch in tiny.history)
    for text in (accuracy, loss, matching, rates):
        assert text.count("class='stage'") == len(stages)
        assert all(f">{name}<" in text for name in stages) and ">epoch<" in text
    assert all(f">{name}<" in rates or f"</svg>{name}<" in rates for name in tiny.history[-1].firing_rates)
