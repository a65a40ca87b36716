"""What runs measure of their probabilities."""

import numpy as np
import pytest
import torch
from training_runs import ONE_EACH

from snnc.evaluation.measures import MEASURES
from snnc.experiments.calibration import MEMBERS, measured
from snnc.experiments.plan import CHIP, PAPER, Plan
from snnc.experiments.runs import run_plan

NAME = "snnc.experiments.calibration:calibration"


def test_a_plan_measures_single_networks_and_committees(tmp_path: object) -> None:
    rows = {"ST": {"method": "bisnn-st"}, "Bayes": {"method": "bisnn-bayes"}}
    plan = Plan(ONE_EACH.replaced(width=0.02), rows, [0], held_out=100, measure=NAME)
    results = run_plan(plan, f"{tmp_path}/results.json", say=lambda line: None)
    for moment in (PAPER, CHIP):
        straight, bayes = (results.of(row)[0].at(moment) for row in rows)
        assert set(straight.extra) == {"single"} and set(bayes.extra) == {"single", "committee", "members"}
        for run in (straight, bayes):
            assert 100 * run.extra["single"]["accuracy"] == pytest.approx(run.accuracy)
            assert set(run.extra["single"]) == {*MEASURES, "scaled", "temperatures"}
        assert len(bayes.extra["members"]["accuracy"]) == MEMBERS
        assert bayes.extra["committee"]["nll"] != bayes.extra["single"]["nll"]


def test_scaling_keeps_decisions_and_betters_what_is_too_sure() -> None:
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    true = rng.normal(size=(2000, 4))
    chances = np.exp(true) / np.exp(true).sum(1, keepdims=True)
    labels = (chances.cumsum(1) < rng.random((2000, 1))).sum(1)
    found = measured(7 * true[None], labels)
    assert found["temperatures"] == pytest.approx([7, 7], rel=0.15)
    assert found["scaled"]["accuracy"] == found["accuracy"]
    assert found["scaled"]["nll"] < found["nll"] and found["scaled"]["ece"] < 0.05 < found["ece"]
