"""The plans of twins: rows differ in one thing, and the results in docs/ are theirs."""

from pathlib import Path

import pytest

from snnc.experiments.results_file import kept_results
from snnc.experiments.twins import CLAIMS, PLANS

RESULTS = Path(__file__).parents[3] / "docs" / "results"
FILES = {
    "mnist": "twins.json",
    "digits": "twins_digits.json",
    "integer": "twins_integer.json",
    "settings": "twins_settings.json",
}


@pytest.mark.parametrize("name", PLANS)
def test_results_are_those_of_the_plan(name: str) -> None:
    plan = PLANS[name]
    results = kept_results(RESULTS / FILES[name], plan)  # raises for results of other settings
    assert all(results.of(row) for row in plan.rows)


def test_claims_are_rows_of_a_twin_and_a_single_network() -> None:
    rows = PLANS["mnist"].rows
    assert CLAIMS and all((rows[one]["method"], rows[other]["method"]) == ("tna", "baseline") for one, other in CLAIMS)


def test_settings_are_chosen_on_held_out_images_only() -> None:
    assert all(PLANS[name].held_out for name in ("digits", "integer", "settings"))
