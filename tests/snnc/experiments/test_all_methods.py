"""The plan of all methods has all of them, and what it measures of a network."""

from functools import partial
from pathlib import Path

import pytest

from snnc.experiments import all_methods
from snnc.experiments.all_methods import PLAN, ROWS, calibrated_and_verified
from snnc.experiments.plan import CHIP, PAPER
from snnc.experiments.results_file import kept_results
from snnc.models import build_model
from snnc.toolchain.data.table import load_dataset
from snnc.toolchain.errors import SnncError
from snnc.toolchain.lower import lower
from snnc.toolchain.training.callbacks import Callback
from snnc.toolchain.training.config import TrainConfig
from snnc.toolchain.training.methods import METHODS
from snnc.toolchain.training.train import Training
from snnc.verification.verify import verify

RESULTS = Path(__file__).parents[3] / "docs" / "results" / "all_methods.json"


def test_every_method_is_a_row_and_every_row_has_results() -> None:
    assert ROWS and {row["method"] for row in ROWS.values()} == set(METHODS)
    results = kept_results(RESULTS, PLAN)  # raises for results of other settings
    assert all(len(results.of(row)) == len(PLAN.seeds) for row in ROWS)


@pytest.fixture(scope="module")
def training() -> Training:
    config = TrainConfig(model="mlp", width=0.03, timesteps=2, epochs_float=1, epochs_quantized=1, epochs_integer=1)
    config, dataset = config.replaced(method="bisnn-bayes", seed=0), load_dataset("digits", 2)
    found = Training(config, dataset, lambda config: build_model(config, dataset.input, len(dataset.labels)))
    for _ in found.run(Callback()):
        pass
    return found


def test_a_network_on_the_chip_is_calibrated_and_verified(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    assert calibrated_and_verified(training, PAPER) == {}
    monkeypatch.setattr(all_methods, "verify", partial(verify, engines=["fast", "torch"]))
    found = calibrated_and_verified(training, CHIP)
    assert found["engines"] == ["fast", "torch"] and 0 < found["committee"]["ece"] < 1


def test_an_engine_that_differs_ends_the_run(training: Training, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(all_methods, "verify", partial(verify, engines=["torch"]))
    weights = training.base.hidden[-1].synapses[0].weight
    lowered = lower(training.base)
    monkeypatch.setattr("snnc.experiments.all_methods.lower", lambda model, labels: lowered)
    weights.data.neg_()
    with pytest.raises(SnncError, match="bisnn-bayes.*layer"):
        calibrated_and_verified(training, CHIP)
    weights.data.neg_()
